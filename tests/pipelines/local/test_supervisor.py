"""Services are kept alive, in order, and nothing of them is left when they are to end."""

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import psutil
import pytest

from pipelines.local import probes, process_tags, supervisor
from pipelines.local.process_tags import tagged, terminate
from pipelines.local.supervisor import Health, Service, Supervisor

SLEEP = "import time; time.sleep(600)"
WITH_CHILD = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
time.sleep(600)
"""
WEB = """
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
PARENT = """
import asyncio, sys
from pipelines.local.supervisor import Health, Service, Supervisor
child = [sys.executable, "-c", sys.argv[2]]
services = [Service("sleeper", child, lambda started: Health(True))]
asyncio.run(Supervisor(services, sys.argv[1], print, lambda states: None).run(asyncio.Event()))
"""


@pytest.fixture
def group(tmp_path):
    yield str(tmp_path)
    terminate(str(tmp_path), grace=0)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(supervisor, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(supervisor, "PROBE_SECONDS", 0.05)


def python(name: str, code: str, probe=lambda started: Health(True), after=()) -> Service:
    return Service(name, [sys.executable, "-c", code], probe, depends_on=after)


def keep(services, group, until) -> tuple[Supervisor, list[tuple[str, str]]]:
    """Run the services until a condition holds, then end them; what they lines."""
    lines: list[tuple[str, str]] = []
    supervised = Supervisor(services, group, lambda *line: lines.append(line), lambda states: None)

    async def run() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(supervised.run(stop))
        deadline = time.monotonic() + 60
        while not until(supervised, lines):
            assert time.monotonic() < deadline, lines
            await asyncio.sleep(0.02)
        stop.set()
        await running

    asyncio.run(run())
    return supervised, lines


def is_running(supervised: Supervisor, lines) -> bool:
    return all(state.health.healthy for state in supervised.states.values())


def test_a_service_that_ends_starts_again(group):
    _, lines = keep(
        [python("brief", "raise SystemExit(3)")],
        group,
        lambda supervised, lines: supervised.states["brief"].starts >= 3,
    )
    ends = [line for name, line in lines if "ended with exit code 3; restarts in" in line]
    assert len(ends) >= 2


def test_the_delay_doubles_up_to_its_longest_and_is_forgotten_by_a_steady_service(
    group, monkeypatch
):
    delays: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        if threading.current_thread() is threading.main_thread():  # others' loops sleep on
            delays.append(seconds)
            seconds = 0.01
        await sleep(seconds)

    monkeypatch.setattr(supervisor, "FIRST_DELAY", 1.0)
    monkeypatch.setattr(supervisor, "LONGEST_DELAY", 4.0)
    supervised = Supervisor([], group, lambda *line: None, lambda states: None)
    service = python("brief", "pass")
    supervised.states["brief"] = supervisor.State()
    supervised._reported["brief"], supervised._healthy["brief"] = asyncio.Event(), asyncio.Event()

    async def run_once(service: Service) -> str:
        return "ended"

    async def five_ends() -> None:
        monkeypatch.setattr(supervised, "_run_once", run_once)
        monkeypatch.setattr(supervisor.asyncio, "sleep", note)
        task = asyncio.create_task(supervised._restart_loop(service))
        while len(delays) < 5:
            await sleep(0.01)
        task.cancel()

    asyncio.run(five_ends())
    assert delays[:5] == [1.0, 2.0, 4.0, 4.0, 4.0]

    monkeypatch.setattr(supervisor, "STEADY_SECONDS", -1.0)
    delays.clear()
    asyncio.run(five_ends())
    assert delays[:5] == [1.0] * 5


@pytest.mark.parametrize("code", [SLEEP, WITH_CHILD], ids=["plain", "its child holds its output"])
def test_a_killed_service_starts_again_and_is_named_with_its_signal(group, code):
    def kill_it(supervised: Supervisor, lines) -> bool:
        state = supervised.states["sleeper"]
        children = len([*tagged(group)]) - 1
        if state.starts == 1 and state.pid and children == (code is WITH_CHILD):
            os.kill(state.pid, signal.SIGKILL)
        return state.starts == 2

    _, lines = keep([python("sleeper", code)], group, kill_it)
    assert any("sleeper is unavailable: ended by signal 9" in line for _, line in lines)


def test_a_service_that_was_healthy_and_hangs_is_killed_and_starts_again(group, monkeypatch):
    monkeypatch.setattr(supervisor, "LIVENESS_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    probe = probes.prefect(f"http://127.0.0.1:{port}", seconds=0.3)
    web = Service("web", [sys.executable, "-c", WEB, str(port)], probe)
    stopped = []

    def stop_it(supervised: Supervisor, lines) -> bool:
        state = supervised.states["web"]
        if state.health.healthy and not stopped:
            stopped.append(state.pid)
            os.kill(state.pid, signal.SIGSTOP)
        return state.starts == 2 and state.health.healthy

    _, lines = keep([web], group, stop_it)
    reported = [line for name, line in lines if name == "ann"]
    assert reported[1:3] == [
        "web is unavailable: hangs (does not answer); it is killed",
        "web is unavailable: ended by signal 9; restarts in 0 s",
    ]


def test_an_unhealthy_service_that_answers_is_not_restarted(group, monkeypatch):
    monkeypatch.setattr(supervisor, "LIVENESS_SECONDS", 0.01)
    answers = iter([Health(True), *[Health(False, "HTTP 503")] * 20])
    asked = []

    def probe(started: float) -> Health:
        asked.append(started)
        return next(answers, Health(True))

    supervised, _ = keep([python("busy", SLEEP, probe)], group, lambda *_: len(asked) > 25)
    assert supervised.states["busy"].starts == 1


def test_a_few_missed_answers_are_forgiven(group, monkeypatch):
    monkeypatch.setattr(supervisor, "LIVENESS_SECONDS", 0.01)
    missed = [Health(False, "does not answer", responsive=False)] * (supervisor.MAX_MISSED - 1)
    answers = iter([Health(True), *missed, Health(True), *missed])
    asked = []

    def probe(started: float) -> Health:
        asked.append(started)
        return next(answers, Health(True))

    supervised, _ = keep([python("slow", SLEEP, probe)], group, lambda *_: len(asked) > 20)
    assert supervised.states["slow"].starts == 1


def test_what_needs_a_server_starts_when_that_is_healthy(group):
    healthy_at = time.time() + 0.7
    server = python("server", SLEEP, lambda started: Health(time.time() > healthy_at))
    user = python("user", SLEEP, after=("server",))
    supervised, _ = keep([server, user], group, is_running)
    assert supervised.states["user"].started >= healthy_at


def test_every_line_is_passed_on_behind_the_name_of_its_service(group):
    loud = python("loud", f"print('one'); import sys; print('two', file=sys.stderr); {SLEEP}")
    unbuffered = Service("loud", [sys.executable, "-u", *loud.command[1:]], loud.probe)
    _, lines = keep([unbuffered], group, lambda supervised, lines: ("loud", "two") in lines)
    assert ("loud", "one") in lines


def test_a_line_of_megabytes_does_not_silence_a_service(group):
    code = "print('x' * 3_000_000, flush=True); print('still here', flush=True);" + SLEEP
    keep([python("loud", code)], group, lambda supervised, lines: ("loud", "still here") in lines)


def test_a_full_disk_neither_silences_a_service_nor_ends_it(group):
    lines: list[str] = []
    spread = ["print('x' * 10_000, flush=True)"] * 20  # more than a pipe holds

    def log(name: str, line: str) -> None:
        lines.append(line)
        raise OSError(errno.ENOSPC, "No space left on device")

    def changed(states) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    code = "; ".join([*spread, "print('still here', flush=True)", SLEEP])
    supervised = Supervisor([python("loud", code)], group, log, changed)

    async def run() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(supervised.run(stop))
        while "still here" not in lines or not is_running(supervised, lines):
            assert not running.done()
            await asyncio.sleep(0.02)
        stop.set()
        await running

    asyncio.run(run())
    assert "the state of the services cannot be written (No space left on device)" in lines


def test_a_program_that_is_missing_is_reported_and_hinders_no_other(group):
    missing = Service("missing", ["/no/such/program"], lambda started: Health(True))

    def both(supervised: Supervisor, lines) -> bool:
        tried = any("cannot be started (No such file or directory)" in line for _, line in lines)
        return tried and supervised.states["sleeper"].health.healthy

    keep([missing, python("sleeper", SLEEP)], group, both)


def test_a_service_that_does_not_get_ready_is_reported_and_waiting_ends(group, monkeypatch):
    monkeypatch.setattr(supervisor, "READY_SECONDS", 0.2)
    slow = python("slow", SLEEP, lambda started: Health(False, "HTTP 403"))
    ready = []

    def is_reported(supervised: Supervisor, lines) -> bool:
        if not ready:
            ready.append(asyncio.ensure_future(supervised.ready()))
        return ready[0].done()

    _, lines = keep([slow], group, is_reported)
    assert any("not ready after 0 s (HTTP 403)" in line for _, line in lines)


@pytest.mark.parametrize("code", [SLEEP, WITH_CHILD], ids=["plain", "child in its own session"])
def test_nothing_is_left_after_the_end(group, code):
    count = 2 if code is WITH_CHILD else 1
    keep([python("some", code)], group, lambda *_: len([*tagged(group)]) == count)
    assert [*tagged(group)] == []


def test_a_killed_supervisor_leaves_nothing(group):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, group, WITH_CHILD])
    wait_until(lambda: len([*tagged(group)]) == 2)
    watchdogs = [p for p in psutil.Process(parent.pid).children() if not _is_tagged(p)]
    assert len(watchdogs) == 1
    parent.kill()
    parent.wait(timeout=10)
    wait_until(lambda: not [*tagged(group)])
    wait_until(lambda: not watchdogs[0].is_running())


def test_a_killed_watchdog_is_replaced(group):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, group, SLEEP])
    wait_until(lambda: len([*tagged(group)]) == 1)

    def watchdogs() -> list[int]:
        children = psutil.Process(parent.pid).children()
        alive = [p for p in children if p.status() != psutil.STATUS_ZOMBIE]
        return [p.pid for p in alive if not _is_tagged(p)]

    (first,) = watchdogs()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: watchdogs() not in ([], [first]))
    parent.kill()
    parent.wait(timeout=10)
    wait_until(lambda: not [*tagged(group)])


def _is_tagged(process: psutil.Process) -> bool:
    try:
        return process_tags.VARIABLE in process.environ()
    except psutil.Error:  # it has just ended
        return True


def wait_until(what) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)
