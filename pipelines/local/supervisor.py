"""Keeps services running: starts them in order, relays their output, restarts them."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from pipelines.local import process_tags
from pipelines.local.process_tags import tag_of, watchdog

FIRST_DELAY = 1.0  # seconds until a service that ended starts again; doubled each time,
LONGEST_DELAY = 60.0  # up to this,
STEADY_SECONDS = 60.0  # and reset once it ran so long
POLL_SECONDS = 0.1  # between two checks whether a process has ended
PROBE_SECONDS = 0.5
LIVENESS_SECONDS = 10.0  # between two probes of a healthy service
MAX_MISSED = 6  # of those in a row without an answer, and it is killed and restarted
READY_SECONDS = 180.0  # until a service that is not ready is reported
LONGEST_LINE = 2**20  # bytes


@dataclass(frozen=True)
class Health:
    """Whether a service works.

    Attributes:
        healthy: whether it works.
        message: what it does, or what is wrong.
        responsive: whether it answers at all; a service that answers with an error does not hang.
    """

    healthy: bool
    message: str = ""
    responsive: bool = True


@dataclass(frozen=True)
class Service:
    """A process to keep running.

    Attributes:
        name: shown to people.
        command: the program and its arguments.
        probe: checks its health, given the time of its start (seconds since 1970).
        environment: variables added to this process's environment.
        depends_on: names of services that must be healthy before it starts.
    """

    name: str
    command: Sequence[str]
    probe: Callable[[float], Health]
    environment: Mapping[str, str] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()


@dataclass
class State:
    """What is known of one service."""

    pid: int | None = None
    started: float = 0.0  # seconds since 1970
    starts: int = 0
    health: Health = Health(False, "starting")


class Supervisor:
    """The services of one state folder."""

    def __init__(
        self,
        services: Sequence[Service],
        group: str,
        log: Callable[[str, str], None],
        changed: Callable[[Mapping[str, State]], None],
    ) -> None:
        """Prepare the services.

        Args:
            services: in the order of their start.
            group: names this set of services on this machine, such as the state folder's path.
            log: called with a service's name, or "ann", and one line of text.
            changed: called with all states whenever a service starts or changes its health.
        """
        self._services = services
        self._group = group
        self._log = log
        self._changed = changed
        self._reported = {service.name: asyncio.Event() for service in services}
        self._healthy = {service.name: asyncio.Event() for service in services}
        self.states = {service.name: State() for service in services}

    async def ready(self) -> None:
        """Wait until every service is healthy or was reported as not ready."""
        for event in self._reported.values():
            await event.wait()

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the services running until `stop` is set; then end them, servers last."""
        async with watchdog(self._group):
            loops = {s.name: asyncio.create_task(self._restart_loop(s)) for s in self._services}
            stopping = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait([stopping, *loops.values()], return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                for dependent in (True, False):  # what needs servers ends while they still listen
                    names = [s.name for s in self._services if bool(s.depends_on) is dependent]
                    await asyncio.gather(*(self._end(name, loops[name]) for name in names))
            for loop in loops.values():
                if not loop.cancelled() and (error := loop.exception()):
                    raise error

    async def _end(self, name: str, loop: asyncio.Task[None]) -> None:
        loop.cancel()
        await asyncio.wait([loop])
        await asyncio.to_thread(process_tags.terminate, tag_of(self._group, name))

    async def _restart_loop(self, service: Service) -> None:
        """Run one service; restart it whenever it ends."""
        for name in service.depends_on:
            await self._healthy[name].wait()
        delay = FIRST_DELAY
        while True:
            began = time.monotonic()
            reason = await self._run_once(service)
            await asyncio.to_thread(process_tags.terminate, tag_of(self._group, service.name))
            if time.monotonic() - began > STEADY_SECONDS:
                delay = FIRST_DELAY
            self._report(service.name, Health(False, f"{reason}; restarts in {delay:.0f} s"))
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY)

    async def _run_once(self, service: Service) -> str:
        """Run one service to its end; why it ended."""
        state = self.states[service.name]
        tag = {process_tags.VARIABLE: tag_of(self._group, service.name)}
        try:
            process = await asyncio.create_subprocess_exec(
                *service.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **service.environment, **tag},
                limit=LONGEST_LINE,
                start_new_session=True,  # Ctrl-C is for this process, which then ends them
            )
        except OSError as error:
            return f"cannot be started ({error.strerror})"
        state.pid, state.started, state.starts = process.pid, time.time(), state.starts + 1
        state.health = Health(False, "starting")
        self._publish()
        relay = asyncio.create_task(self._relay(service.name, process.stdout))
        watch = asyncio.create_task(self._watch(service))
        try:
            # Not `wait()`: that waits for its children, too, which hold its output open.
            while (code := process.returncode) is None:
                await asyncio.sleep(POLL_SECONDS)
            await asyncio.wait([relay], timeout=1)
        finally:
            relay.cancel()
            watch.cancel()
            state.pid = None
            self._healthy[service.name].clear()
        return f"ended by signal {-code}" if code < 0 else f"ended with exit code {code}"

    async def _relay(self, name: str, stream: asyncio.StreamReader | None) -> None:
        while stream:
            try:
                line = await stream.readline()
            except ValueError:  # a longer line than anybody reads
                continue
            if not line:
                return
            self._say(name, line.decode(errors="replace").rstrip())

    async def _watch(self, service: Service) -> None:
        """Report when a started service is healthy; from then on, kill it if it hangs."""
        state = self.states[service.name]
        deadline = time.monotonic() + READY_SECONDS
        while not (health := await asyncio.to_thread(service.probe, state.started)).healthy:
            if time.monotonic() > deadline and not self._reported[service.name].is_set():
                message = f"not ready after {READY_SECONDS:.0f} s ({health.message})"
                self._report(service.name, Health(False, message))
            await asyncio.sleep(PROBE_SECONDS)
        self._healthy[service.name].set()
        self._report(service.name, health)
        missed = 0
        while missed < MAX_MISSED:
            await asyncio.sleep(LIVENESS_SECONDS)
            health = await asyncio.to_thread(service.probe, state.started)
            missed = 0 if health.responsive else missed + 1
        self._report(service.name, Health(False, f"hangs ({health.message}); it is killed"))
        if state.pid:  # at once: it was waited for, and a stopped process gets no SIGTERM
            os.kill(state.pid, signal.SIGKILL)

    def _report(self, name: str, health: Health) -> None:
        self.states[name].health = health
        self._reported[name].set()
        self._publish()
        message = f": {health.message}" if health.message else ""
        self._say("ann", f"{name} is {'healthy' if health.healthy else 'unavailable'}{message}")

    def _publish(self) -> None:
        try:
            self._changed(self.states)
        except OSError as error:  # such as a full disk; the services go on
            self._say("ann", f"the state of the services cannot be written ({error.strerror})")

    def _say(self, name: str, line: str) -> None:
        with suppress(OSError, ValueError):  # a service whose output nobody reads would block
            self._log(name, line)
