"""Services are kept alive, in order, and nothing of them is left when they are to end."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from pipelines.local import probes, supervisor
from pipelines.local.supervisor import Health, Service, Supervisor, end, end_orphans, marked

SLEEP = "import time; time.sleep(600)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("on", flush=True)
time.sleep(600)
"""
WITH_CHILD = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
time.sleep(600)
"""
WEB = """
import sys
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
def mark(tmp_path):
    yield str(tmp_path)
    end(str(tmp_path), grace=0)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(supervisor, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(supervisor, "PROBE_SECONDS", 0.05)


def python(name: str, code: str, probe=lambda started: Health(True), after=()) -> Service:
    return Service(name, [sys.executable, "-c", code], probe, after=after)


def keep(services, mark, until) -> tuple[Supervisor, list[tuple[str, str]]]:
    """Run the services until a condition holds, then end them; what they said."""
    said: list[tuple[str, str]] = []
    keeper = Supervisor(services, mark, lambda *line: said.append(line), lambda states: None)

    async def run() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(keeper.run(stop))
        deadline = time.monotonic() + 60
        while not until(keeper, said):
            assert time.monotonic() < deadline, said
            await asyncio.sleep(0.02)
        stop.set()
        await running

    asyncio.run(run())
    return keeper, said


def is_running(keeper: Supervisor, said) -> bool:
    return all(state.health.well for state in keeper.states.values())


def test_a_service_that_ends_starts_again(mark):
    _, said = keep(
        [python("brief", "raise SystemExit(3)")],
        mark,
        lambda keeper, said: keeper.states["brief"].starts >= 3,
    )
    ends = [line for name, line in said if "ended with exit code 3; starts again in" in line]
    assert len(ends) >= 2


def test_the_delay_doubles_up_to_its_longest_and_is_forgotten_by_a_steady_service(
    mark, monkeypatch
):
    delays: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        delays.append(seconds)
        await sleep(0.01)

    monkeypatch.setattr(supervisor, "FIRST_DELAY", 1.0)
    monkeypatch.setattr(supervisor, "LONGEST_DELAY", 4.0)
    keeper = Supervisor([], mark, lambda *line: None, lambda states: None)
    service = python("brief", "pass")
    keeper.states["brief"] = supervisor.State()
    keeper._settled["brief"], keeper._well["brief"] = asyncio.Event(), asyncio.Event()

    async def run_once(service: Service) -> str:
        return "ended"

    async def five_ends() -> None:
        monkeypatch.setattr(keeper, "_run_once", run_once)
        monkeypatch.setattr(supervisor.asyncio, "sleep", note)
        task = asyncio.create_task(keeper._keep(service))
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
def test_a_killed_service_starts_again_and_is_named_with_its_signal(mark, code):
    def kill_it(keeper: Supervisor, said) -> bool:
        state = keeper.states["sleeper"]
        children = len([*marked(mark)]) - 1
        if state.starts == 1 and state.pid and children == (code is WITH_CHILD):
            os.kill(state.pid, signal.SIGKILL)
        return state.starts == 2

    _, said = keep([python("sleeper", code)], mark, kill_it)
    assert any("sleeper is away: ended by signal 9" in line for _, line in said)


def test_a_service_that_was_well_and_hangs_is_killed_and_starts_again(mark, monkeypatch):
    monkeypatch.setattr(supervisor, "ALIVE_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    probe = probes.prefect(f"http://127.0.0.1:{port}", seconds=0.3)
    web = Service("web", [sys.executable, "-c", WEB, str(port)], probe)
    stopped = []

    def stop_it(keeper: Supervisor, said) -> bool:
        state = keeper.states["web"]
        if state.health.well and not stopped:
            stopped.append(state.pid)
            os.kill(state.pid, signal.SIGSTOP)
        return state.starts == 2 and state.health.well

    _, said = keep([web], mark, stop_it)
    told = [line for name, line in said if name == "ann"]
    assert told[1:3] == [
        "web is away: hangs (does not answer); it is killed",
        "web is away: ended by signal 9; starts again in 0 s",
    ]


def test_one_that_is_not_well_but_says_so_is_left_alone(mark, monkeypatch):
    monkeypatch.setattr(supervisor, "ALIVE_SECONDS", 0.01)
    answers = iter([Health(True), *[Health(False, "HTTP 503")] * 20])
    asked = []

    def probe(started: float) -> Health:
        asked.append(started)
        return next(answers, Health(True))

    keeper, _ = keep([python("busy", SLEEP, probe)], mark, lambda *_: len(asked) > 25)
    assert keeper.states["busy"].starts == 1


def test_a_few_missed_answers_are_forgiven(mark, monkeypatch):
    monkeypatch.setattr(supervisor, "ALIVE_SECONDS", 0.01)
    missed = [Health(False, "does not answer", answers=False)] * (supervisor.MISSED - 1)
    answers = iter([Health(True), *missed, Health(True), *missed])
    asked = []

    def probe(started: float) -> Health:
        asked.append(started)
        return next(answers, Health(True))

    keeper, _ = keep([python("slow", SLEEP, probe)], mark, lambda *_: len(asked) > 20)
    assert keeper.states["slow"].starts == 1


def test_what_needs_a_server_starts_when_that_is_well(mark):
    well_at = time.time() + 0.7
    server = python("server", SLEEP, lambda started: Health(time.time() > well_at))
    user = python("user", SLEEP, after=("server",))
    keeper, _ = keep([server, user], mark, is_running)
    assert keeper.states["user"].started >= well_at


def test_every_line_is_passed_on_behind_the_name_of_its_service(mark):
    loud = python("loud", f"print('one'); import sys; print('two', file=sys.stderr); {SLEEP}")
    unbuffered = Service("loud", [sys.executable, "-u", *loud.command[1:]], loud.probe)
    _, said = keep([unbuffered], mark, lambda keeper, said: ("loud", "two") in said)
    assert ("loud", "one") in said


def test_a_line_of_megabytes_does_not_silence_a_service(mark):
    code = "print('x' * 3_000_000, flush=True); print('still here', flush=True);" + SLEEP
    keep([python("loud", code)], mark, lambda keeper, said: ("loud", "still here") in said)


def test_a_program_that_is_not_there_is_said_and_hinders_no_other(mark):
    missing = Service("missing", ["/no/such/program"], lambda started: Health(True))

    def both(keeper: Supervisor, said) -> bool:
        tried = any("cannot be started (No such file or directory)" in line for _, line in said)
        return tried and keeper.states["sleeper"].health.well

    keep([missing, python("sleeper", SLEEP)], mark, both)


def test_a_service_that_does_not_get_ready_is_said_to_be_in_trouble_and_waiting_ends(
    mark, monkeypatch
):
    monkeypatch.setattr(supervisor, "PROBE_PATIENCE", 0.2)
    slow = python("slow", SLEEP, lambda started: Health(False, "HTTP 403"))
    settled = []

    def is_settled(keeper: Supervisor, said) -> bool:
        if not settled:
            settled.append(asyncio.ensure_future(keeper.settled()))
        return settled[0].done()

    _, said = keep([slow], mark, is_settled)
    assert any("not ready after 0 s (HTTP 403)" in line for _, line in said)


@pytest.mark.parametrize("code", [SLEEP, WITH_CHILD], ids=["plain", "child in its own session"])
def test_nothing_is_left_after_the_end(mark, code):
    count = 2 if code is WITH_CHILD else 1
    keep([python("some", code)], mark, lambda *_: len([*marked(mark)]) == count)
    assert [*marked(mark)] == []


def test_who_ignores_sigterm_is_killed(mark):
    environment = os.environ | {supervisor.MARK: f"{mark}|stubborn|"}
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN], env=environment, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"on\n"
    assert end(f"{mark}|", grace=0.3) == 1
    assert process.wait(timeout=10) == -signal.SIGKILL
    process.stdout.close()


def test_others_are_left_alone(mark):
    environment = os.environ | {supervisor.MARK: f"{mark}-of-another|some|"}
    other = subprocess.Popen([sys.executable, "-c", SLEEP], env=environment)
    try:
        assert end_orphans(mark) == 0
        assert other.poll() is None
    finally:
        other.kill()
        other.wait(timeout=10)


def test_a_killed_supervisor_leaves_nothing(mark):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, mark, WITH_CHILD])
    wait_until(lambda: len([*marked(mark)]) == 2)
    guardians = [p for p in psutil.Process(parent.pid).children() if not _is_marked(p)]
    assert len(guardians) == 1
    parent.kill()
    parent.wait(timeout=10)
    wait_until(lambda: not [*marked(mark)])
    wait_until(lambda: not guardians[0].is_running())


def _is_marked(process: psutil.Process) -> bool:
    return supervisor.MARK in process.environ()


def wait_until(what) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)
