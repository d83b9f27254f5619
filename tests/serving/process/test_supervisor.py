"""What the supervisor does of workers that do not start, respond or last, and of its address."""

import asyncio
import os
import signal
import socket
import sys

import pytest

from serving.errors import CannotListen, RegistryUnavailable, WorkerFailed
from serving.process import supervisor
from serving.process.link import Link
from serving.process.messages import Done, Message, Ping
from serving.process.supervisor import Supervisor
from serving.settings import load


def test_a_worker_that_cannot_be_started_again_is_tried_again(supervised, monkeypatch, capfd):
    starts = []

    async def start(*arguments: object) -> None:
        starts.append(arguments)
        if len(starts) == 3:
            supervised._stopping.set()
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(supervisor, "_start", start)
    supervised._ready.set()  # one answered before
    asyncio.run(supervised._worker_loop())
    assert len(starts) == 3
    assert "Resource temporarily unavailable" in capfd.readouterr().err


def test_a_first_worker_that_cannot_be_started_ends_the_service(supervised, monkeypatch, capfd):
    async def start(*arguments: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(supervisor, "_start", start)
    with pytest.raises(WorkerFailed):
        asyncio.run(supervised._worker_loop())
    assert "Resource temporarily unavailable" in capfd.readouterr().err


def test_of_a_worker_that_ended_no_gauge_is_left(supervised, monkeypatch, tmp_path):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))

    async def start(
        module: str, handle: object, *inherited: socket.socket
    ) -> tuple[asyncio.subprocess.Process, Link]:
        ours, _ = socket.socketpair()
        process = await asyncio.create_subprocess_exec("true")
        for name in ("gauge_livesum", "counter"):
            (tmp_path / f"{name}_{process.pid}.db").touch()
        return process, Link(ours, None)

    monkeypatch.setattr(supervisor, "_start", start)
    asyncio.run(supervised._run_worker())
    assert [path.name.partition("_")[0] for path in tmp_path.glob("*.db")] == ["counter"]


async def watched(*, responds: bool) -> bool:
    """Whether a process whose line responds, or not, is killed before many questions are asked."""
    asked = 0
    enough = asyncio.Event()

    async def handle(message: Message) -> Message | None:
        nonlocal asked
        asked += isinstance(message, Ping)
        if asked == 8:
            enough.set()
        return Done() if responds else None

    ours, theirs = socket.socketpair()
    links = Link(ours, handle), Link(theirs, handle)
    lines = [asyncio.create_task(link.run()) for link in links]
    process = await asyncio.create_subprocess_exec("sleep", "1000")
    watching = asyncio.create_task(supervisor._watch(links[0], process))
    ended = asyncio.create_task(process.wait())
    told = asyncio.create_task(enough.wait())
    await asyncio.wait([ended, told], return_when=asyncio.FIRST_COMPLETED)
    killed = process.returncode is not None
    if not killed:
        process.kill()
    for task in (*lines, watching, told):
        task.cancel()
    await ended
    return killed


@pytest.mark.parametrize("responds", [True, False])
def test_it_is_killed_if_it_does_not_respond(monkeypatch, responds):
    monkeypatch.setattr(supervisor, "PING_SECONDS", 0.05)
    assert asyncio.run(watched(responds=responds)) is not responds


class Pinged:
    """A worker that responds to some pings ("+"), and then has ended; its line and its process."""

    def __init__(self, responds: str) -> None:
        self.left = list(responds)
        self.killed = False

    async def ask(self, message: Message, seconds: float) -> Message:
        if not self.left:
            raise RegistryUnavailable("it ended")
        if self.left.pop(0) == "-":
            raise TimeoutError
        return Done()

    def kill(self) -> None:
        self.killed = True


@pytest.mark.parametrize(
    ("responds", "killed"),
    [
        ("-----", False),
        ("------", True),  # twice as long at its start …
        ("-----+--", False),
        ("-----+---", True),  # … as later
        ("+--+--", False),
    ],
)
def test_it_is_killed_after_three_unanswered_pings_or_six_at_its_start(
    monkeypatch, responds, killed
):
    monkeypatch.setattr(supervisor, "PING_SECONDS", 0)
    for more in ("", "+"):  # whether it would have responded again is not waited for
        worker = Pinged(responds + more)
        asyncio.run(supervisor._watch(worker, worker))
        assert worker.killed is killed
        assert not killed or worker.left == list(more)


def test_ctrl_c_in_a_terminal_does_not_reach_the_processes_themselves(monkeypatch, tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec sleep 1000\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))

    async def session() -> tuple[int, int]:
        process, _ = await supervisor._start("serving.process.worker", None)
        try:
            return process.pid, os.getsid(process.pid)
        finally:
            process.kill()
            await process.wait()

    own, found = asyncio.run(session())
    assert own == found != os.getsid(0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_well(supervised, monkeypatch, number):
    async def worker_loop() -> None:
        os.kill(os.getpid(), number)
        await supervised._stopping.wait()

    async def wait() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(supervised, "_worker_loop", worker_loop)
    monkeypatch.setattr(supervised, "_run_registry", wait)
    monkeypatch.setattr(supervised, "_follow", wait)
    before = signal.signal(number, lambda *_: None)  # not the end of the tests
    try:
        asyncio.run(asyncio.wait_for(supervised.run(), 10))
    finally:
        signal.signal(number, before)


def test_a_worker_that_was_being_started_when_the_signal_came_is_ended_too(supervised, monkeypatch):
    async def start(*arguments: object) -> tuple[asyncio.subprocess.Process, Link]:
        ours, _ = socket.socketpair()
        supervised._stopping.set()
        await asyncio.sleep(0.1)  # `run` ends the workers that it knows
        return await asyncio.create_subprocess_exec("sleep", "100"), Link(ours, None)

    async def wait() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(supervisor, "_start", start)
    monkeypatch.setattr(supervised, "_run_registry", wait)
    monkeypatch.setattr(supervised, "_follow", wait)
    supervised._ready.set()
    asyncio.run(asyncio.wait_for(supervised.run(), supervisor.STOP_SECONDS / 2))


def test_work_that_failed_is_tried_again(monkeypatch, capfd):
    monkeypatch.setattr(supervisor, "RESTART_SECONDS", 0)
    tries = []

    async def work() -> None:
        tries.append(1)
        if len(tries) == 3:
            raise asyncio.CancelledError
        raise RuntimeError("unexpected")

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(supervisor._restarted(work))
    assert capfd.readouterr().err.count("RuntimeError: unexpected") == 2


def test_a_taken_port_is_reported_with_the_next():
    with supervisor.listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"in use.*`ann serve --port {port + 1}`"):
            supervisor.listen("127.0.0.1", port)


@pytest.mark.parametrize(
    ("port", "proposed"), [(80, 8000), (1023, 8000), (1024, 1025), (65534, 65535), (65535, 8000)]
)
def test_the_port_that_is_proposed_is_one_that_a_user_may_open(port, proposed):
    assert supervisor._another(port) == proposed


def test_an_empty_address_is_not_all_addresses():
    with pytest.raises(CannotListen, match="' ' is not an address of this machine"):
        supervisor.listen(" ", 0)


def test_an_address_of_another_machine_is_reported_with_those_of_this_one():
    with pytest.raises(CannotListen, match=r"'192\.0\.2\.1' is not an address of this machine"):
        supervisor.listen("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("host", "workers", "address"),
    [("127.0.0.1", 1, "http://127.0.0.1:"), ("::1", 2, "http://[::1]:")],
)
def test_the_service_says_where_it_is_once_a_worker_answers(
    tmp_path, monkeypatch, capfd, host, workers, address
):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")
    shared = []

    async def run(supervised: Supervisor) -> None:
        shared.append(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
        await asyncio.sleep(0)
        assert capfd.readouterr().err == ""
        supervised._ready.set()
        await asyncio.sleep(0.01)

    monkeypatch.setattr(Supervisor, "run", run)
    supervisor.serve(load({"ANN_HOME": str(tmp_path)}), host, 0, workers)
    said = capfd.readouterr().err
    assert said.startswith(f"ann: the digit service is at {address}")
    assert (shared[0] is not None) is (workers > 1)  # several workers sum their metrics there
