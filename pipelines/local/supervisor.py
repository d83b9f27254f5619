"""Keeps services alive: starts them in order, relays their words, starts anew what ends or hangs.

Every process started here carries a mark in its environment, and so does whatever it starts: a
server's workers and a run's own session are found and ended by it, in whatever way this process
ends. For the case that it is killed, a guardian waits at a pipe that only this process holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import psutil

MARK = "ANN_UP_SERVICE"  # in the environment of every process that was started, and inherited
FIRST_DELAY = 1.0  # seconds until a service that ended starts again; doubled each time,
LONGEST_DELAY = 60.0  # up to this,
STEADY_SECONDS = 60.0  # and forgotten once it ran so long
LOOK_SECONDS = 0.1  # between two looks whether a process has ended
PROBE_SECONDS = 0.5
ALIVE_SECONDS = 10.0  # between two looks whether a service that was well still answers
MISSED = 6  # of those in a row, and it hangs: it is killed and starts anew
PROBE_PATIENCE = 180.0  # until a service that does not get ready is said to be in trouble
GRACE_SECONDS = 20.0  # between SIGTERM and SIGKILL
LONGEST_LINE = 2**20  # bytes


@dataclass(frozen=True)
class Health:
    """Whether a service does its work, and what there is to say of it.

    Attributes:
        well: whether it does its work.
        words: what there is to say.
        answers: whether it says anything at all; what says that it is not well does not hang.
    """

    well: bool
    words: str = ""
    answers: bool = True


@dataclass(frozen=True)
class Service:
    """What is to be kept alive.

    Attributes:
        name: how people call it.
        command: the program and its arguments.
        probe: asks whether it is well, given the time of its start (seconds since 1970).
        environment: what it is told beyond this process's environment.
        after: names of services that must be well before it starts.
    """

    name: str
    command: Sequence[str]
    probe: Callable[[float], Health]
    environment: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()


@dataclass
class State:
    """Where one service stands."""

    pid: int | None = None
    started: float = 0.0  # seconds since 1970
    starts: int = 0
    health: Health = Health(False, "starting")


class Supervisor:
    """The services of one state folder."""

    def __init__(
        self,
        services: Sequence[Service],
        mark: str,
        tell: Callable[[str, str], None],
        changed: Callable[[Mapping[str, State]], None],
    ) -> None:
        """Take what is to run.

        Args:
            services: in the order of their start.
            mark: names this set of services on this machine, such as the state folder's path.
            tell: is given a service's name, or "ann", and one line of text.
            changed: is given all states whenever a service starts or changes its health.
        """
        self._services = services
        self._mark = mark
        self._tell = tell
        self._changed = changed
        self._settled = {service.name: asyncio.Event() for service in services}
        self._well = {service.name: asyncio.Event() for service in services}
        self.states = {service.name: State() for service in services}

    async def settled(self) -> None:
        """Wait until every service is well, or is said to be in trouble."""
        for event in self._settled.values():
            await event.wait()

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the services alive until `stop` is set; then end them, servers last."""
        async with _guardian(self._mark):
            keepers = {s.name: asyncio.create_task(self._keep(s)) for s in self._services}
            stopping = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait(
                    [stopping, *keepers.values()], return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                stopping.cancel()
                for layer in (True, False):  # what needs servers ends while they still listen
                    names = [s.name for s in self._services if bool(s.after) is layer]
                    await asyncio.gather(*(self._end(name, keepers[name]) for name in names))
            for keeper in keepers.values():
                if not keeper.cancelled() and (error := keeper.exception()):
                    raise error

    async def _end(self, name: str, keeper: asyncio.Task[None]) -> None:
        keeper.cancel()
        await asyncio.wait([keeper])
        await asyncio.to_thread(end, _mark(self._mark, name))

    async def _keep(self, service: Service) -> None:
        """Run one service; start it anew whenever it ends."""
        for name in service.after:
            await self._well[name].wait()
        delay = FIRST_DELAY
        while True:
            began = time.monotonic()
            how = await self._run_once(service)
            await asyncio.to_thread(end, _mark(self._mark, service.name))
            if time.monotonic() - began > STEADY_SECONDS:
                delay = FIRST_DELAY
            self._note(service.name, Health(False, f"{how}; starts again in {delay:.0f} s"))
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY)

    async def _run_once(self, service: Service) -> str:
        """Run one service to its end; how it ended, in words."""
        state = self.states[service.name]
        mark = {MARK: _mark(self._mark, service.name)}
        try:
            process = await asyncio.create_subprocess_exec(
                *service.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **service.environment, **mark},
                limit=LONGEST_LINE,
                start_new_session=True,  # Ctrl-C is for this process, which then ends them
            )
        except OSError as error:
            return f"cannot be started ({error.strerror})"
        state.pid, state.started, state.starts = process.pid, time.time(), state.starts + 1
        state.health = Health(False, "starting")
        self._changed(self.states)
        relay = asyncio.create_task(self._relay(service.name, process.stdout))
        watch = asyncio.create_task(self._watch(service))
        try:
            # Not `wait()`: that waits for its children, too, which hold its output open.
            while (code := process.returncode) is None:
                await asyncio.sleep(LOOK_SECONDS)
            await asyncio.wait([relay], timeout=1)
        finally:
            relay.cancel()
            watch.cancel()
            state.pid = None
            self._well[service.name].clear()
        return f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"

    async def _relay(self, name: str, stream: asyncio.StreamReader | None) -> None:
        while stream:
            try:
                line = await stream.readline()
            except ValueError:  # a longer line than any person reads
                continue
            if not line:
                return
            self._tell(name, line.decode(errors="replace").rstrip())

    async def _watch(self, service: Service) -> None:
        """Say when a service that was started is well; from then on, kill it if it hangs."""
        state = self.states[service.name]
        deadline = time.monotonic() + PROBE_PATIENCE
        while not (health := await asyncio.to_thread(service.probe, state.started)).well:
            if time.monotonic() > deadline and not self._settled[service.name].is_set():
                words = f"not ready after {PROBE_PATIENCE:.0f} s ({health.words})"
                self._note(service.name, Health(False, words))
            await asyncio.sleep(PROBE_SECONDS)
        self._well[service.name].set()
        self._note(service.name, health)
        missed = 0
        while missed < MISSED:
            await asyncio.sleep(ALIVE_SECONDS)
            health = await asyncio.to_thread(service.probe, state.started)
            missed = 0 if health.answers else missed + 1
        self._note(service.name, Health(False, f"hangs ({health.words}); it is killed"))
        if state.pid:  # at once: it was waited for, and a stopped process hears no SIGTERM
            os.kill(state.pid, signal.SIGKILL)

    def _note(self, name: str, health: Health) -> None:
        self.states[name].health = health
        self._settled[name].set()
        self._changed(self.states)
        words = f": {health.words}" if health.words else ""
        self._tell("ann", f"{name} is {'well' if health.well else 'away'}{words}")


# --- the mark -------------------------------------------------------------------------------------


def _mark(whole: str, name: str = "") -> str:
    return f"{whole}|{name}|" if name else f"{whole}|"


def marked(mark: str) -> Iterator[psutil.Process]:
    """The processes of this machine whose mark begins so; other users' cannot be seen."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK, "").startswith(mark) and process.pid != os.getpid():
                yield process


def end(mark: str, grace: float = GRACE_SECONDS) -> int:
    """End the processes with a mark: SIGTERM, and SIGKILL for what is left after the grace.

    Returns:
        How many there were.
    """
    asked: set[psutil.Process] = set()
    deadline = time.monotonic() + grace
    while found := set(marked(mark)):
        late = time.monotonic() > deadline
        for process in found if late else found - asked:
            with contextlib.suppress(psutil.Error):
                process.kill() if late else process.terminate()
        asked |= found
        time.sleep(0.1)
    return len(asked)


def end_orphans(mark: str) -> int:
    """End what an earlier set of services with this mark has left behind; how many there were."""
    return end(_mark(mark))


@contextlib.asynccontextmanager
async def _guardian(mark: str) -> AsyncIterator[None]:
    """A process that ends all services when this one ends, however that happens."""
    lifeline, held_open_until_we_end = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, _mark(mark)),
        stdin=lifeline,
        start_new_session=True,
    )
    os.close(lifeline)
    try:
        yield
    finally:
        os.close(held_open_until_we_end)
        await process.wait()


if __name__ == "__main__":
    sys.stdin.read()
    end(sys.argv[1])
