"""The process behind `ann serve`: it starts the others, replaces what ends, and follows the alias.

Workers answer from the last known good copy while the registry's process starts.
They share one listening socket, which stays open while a worker is replaced.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from prometheus_client.multiprocess import mark_process_dead

from serving.errors import CannotListen, RegistryUnavailable, WorkerFailed
from serving.model.status import Status, at_start
from serving.process.link import Handle, Link
from serving.process.messages import (
    Download,
    Followed,
    Message,
    Ping,
    Poll,
    Polled,
    PollNow,
    Ready,
    Recall,
    Recalled,
)
from serving.settings import Settings

JITTER = 0.25  # of the time between two polls of the alias
BACKLOG = 2048
RESTART_SECONDS = 1  # after a process that did not even start, or a task that failed
STOP_SECONDS = 30  # more than a worker takes to finish what is under way
HEDGE_SECONDS = 3  # a poll that takes longer is left to itself, and another begins
POLL_SECONDS = 10  # the whole of a poll; then it counts as failed
DOWNLOAD_SECONDS = 60
RECALL_SECONDS = 2
START_SECONDS = 120  # of the registry's process: for some registries it imports MLflow
PING_SECONDS = 10  # between two questions whether a worker responds, and for each answer
MAX_UNANSWERED = 3  # in a row; then the worker is replaced
STUCK = 10  # questions that had no answer in time; then the registry process is replaced


class Supervisor:
    """Workers, and the process that asks the registry for them."""

    def __init__(self, settings: Settings, listener: socket.socket, workers: int) -> None:
        """Take the listening socket and how many are to answer on it."""
        self._settings = settings
        self._listener = listener
        self._workers = workers
        self._status = at_start(settings.home)
        self._confirmed: float | None = None
        self._answered = time.monotonic()  # when a poll was answered last
        self._registry: Link | None = None
        self._registry_process: asyncio.subprocess.Process | None = None
        self._registry_file: tuple[int, int] | None = None
        self._registry_started = asyncio.Event()
        self._stuck = 0
        self._links: set[Link] = set()
        self._processes: set[asyncio.subprocess.Process] = set()
        self._polls: set[asyncio.Task[None]] = set()
        self._poll_now = asyncio.Event()
        self._stopping = asyncio.Event()
        self._ready = asyncio.Event()

    async def run(self) -> None:
        """Serve until SIGTERM, SIGHUP or Ctrl-C; let the workers finish what is under way.

        Raises:
            WorkerFailed: a worker ended before it could answer.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
                loop.add_signal_handler(number, self._stopping.set)
        loops = [asyncio.create_task(self._worker_loop()) for _ in range(self._workers)]
        others = [
            asyncio.create_task(_restarted(self._run_registry)),
            asyncio.create_task(_restarted(self._follow)),
        ]
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([stopping, *loops], return_when=asyncio.FIRST_COMPLETED)
        self._stopping.set()
        self._listener.close()
        for task in (*others, *self._polls):
            task.cancel()
        if self._registry_process and self._registry_process.returncode is None:
            self._registry_process.kill()  # it has nothing to lose
        for process in self._processes:
            if process.returncode is None:
                process.terminate()
        _, stuck = await asyncio.wait(loops, timeout=STOP_SECONDS)
        for process in self._processes if stuck else ():
            process.kill()
        await asyncio.gather(*loops)

    async def ready(self) -> None:
        """Wait until a worker answers."""
        await self._ready.wait()

    # Workers

    async def _worker_loop(self) -> None:
        """Run one worker; start another whenever it ends."""
        while not self._stopping.is_set():
            try:
                was_ready = await self._run_worker()
            except OSError as error:  # such as no room for another process
                was_ready = False
                _log(f"a worker cannot be started: {error}.")
            if self._stopping.is_set():
                return
            if not self._ready.is_set():
                raise WorkerFailed("a worker ended before it could answer; see its error above.")
            _log("a worker ended; another takes its place.")
            if not was_ready:
                await asyncio.sleep(RESTART_SECONDS)

    async def _run_worker(self) -> bool:
        """Whether the worker was able to answer before it ended."""
        ready = asyncio.Event()

        async def handle(message: Message) -> Message | None:
            match message:
                case PollNow():
                    self._poll_now.set()
                case Ready():
                    ready.set()
                    self._ready.set()
                case Download():
                    return await self._ask_registry(message, DOWNLOAD_SECONDS)
                case Recall():
                    return await self._recall(message, link)
            return None

        process, link = await _start("serving.process.worker", handle, self._listener)
        self._processes.add(process)
        if self._stopping.is_set():  # since `run` ended those that it knew
            process.terminate()
        link.send(self._followed())
        self._links.add(link)
        line = asyncio.create_task(link.run())
        ended = asyncio.create_task(process.wait())
        watching = asyncio.create_task(_watch(link, process))
        try:
            await asyncio.wait([line, ended], return_when=asyncio.FIRST_COMPLETED)
            if process.returncode is None and not self._stopping.is_set():
                process.terminate()  # without the line it follows nothing
            await ended
        finally:
            self._links.discard(link)
            self._processes.discard(process)
            line.cancel()
            watching.cancel()
            if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
                mark_process_dead(process.pid)
        return ready.is_set()

    async def _recall(self, question: Recall, asker: Link) -> Recalled:
        """Ask the other workers for an answer that one of them gave."""

        async def ask(link: Link) -> tuple:
            try:
                found = await link.ask(question, RECALL_SECONDS)
            except (TimeoutError, RegistryUnavailable):
                return ()
            return found.predictions if isinstance(found, Recalled) else ()

        found = await asyncio.gather(*(ask(link) for link in self._links if link is not asker))
        return Recalled(tuple(row for rows in found for row in rows))

    # The registry

    async def _run_registry(self) -> None:
        """Run the registry's process until it ends, or is to be replaced."""

        async def handle(message: Message) -> Message | None:
            if isinstance(message, Ready):  # its imports are done: no poll waits for them
                self._stuck = 0
                self._registry_started.set()
            return None

        self._registry_file = self._file_of_registry()
        process, link = await _start("serving.process.registry", handle)
        self._registry, self._registry_process = link, process
        line = asyncio.create_task(link.run())
        ended = asyncio.create_task(process.wait())
        started = asyncio.create_task(self._registry_started.wait())
        try:
            await asyncio.wait(
                [ended, started], timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if not (ended.done() or started.done()):
                self._replace_registry(f"it was not ready within {START_SECONDS} s")
            await ended
            if not self._stopping.is_set():
                _log("the process that asks the registry ended; another takes its place.")
        finally:
            self._registry_started.clear()
            self._registry = self._registry_process = None
            for task in (line, started, ended):
                task.cancel()
            if process.returncode is None:
                process.kill()

    def _file_of_registry(self) -> tuple[int, int] | None:
        """Which file an SQLite registry is; a restored backup is another under the same name."""
        path = self._settings.tracking_uri.removeprefix("sqlite:///")
        if path == self._settings.tracking_uri:
            return None
        try:
            found = Path(path).stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _replace_registry(self, reason: str) -> None:
        _log(f"the process that asks the registry is replaced: {reason}.")
        if self._registry_process and self._registry_process.returncode is None:
            self._registry_process.kill()
        self._registry_started.clear()

    async def _ask_registry(self, message: Message, seconds: float) -> Message:
        try:
            await asyncio.wait_for(self._registry_started.wait(), seconds)
        except TimeoutError:
            pass
        if self._registry is None or not self._registry_started.is_set():
            raise RegistryUnavailable("the process that asks the registry starts; ask again.")
        try:
            return await self._registry.ask(message, seconds)
        except TimeoutError:
            self._stuck += 1
            if self._stuck == STUCK:
                self._replace_registry(f"{STUCK} of its questions had no answer in time")
            raise RegistryUnavailable(
                f"the registry gave no whole answer within {seconds:g} s."
            ) from None

    async def _follow(self) -> None:
        """Poll the alias and wait; a webhook cuts the waiting short."""
        while True:
            self._poll_now.clear()
            file = self._file_of_registry()
            if file != self._registry_file and file is not None:
                if self._registry_file is not None:
                    self._replace_registry("its file was replaced")
                self._registry_file = file
            poll = asyncio.create_task(self._poll())
            self._polls.add(poll)
            poll.add_done_callback(self._polls.discard)
            await asyncio.wait([poll], timeout=HEDGE_SECONDS)
            if not poll.done():
                if time.monotonic() - self._answered > POLL_SECONDS:
                    reason = f"the registry gave no whole answer within {POLL_SECONDS} s."
                    self._follow_to(replace(self._status, registry_error=reason))
                continue
            pause = self._settings.poll_seconds * random.uniform(1 - JITTER, 1 + JITTER)
            try:
                await asyncio.wait_for(self._poll_now.wait(), pause)
            except TimeoutError:
                pass

    async def _poll(self) -> None:
        try:
            reply = await self._ask_registry(Poll(), POLL_SECONDS)
        except (RegistryUnavailable, TimeoutError) as error:
            if time.monotonic() - self._answered > POLL_SECONDS:
                self._follow_to(replace(self._status, registry_error=str(error)))
            return
        if isinstance(reply, Polled):
            self._answered = time.monotonic()
            self._stuck = 0
            if reply.status.registry_error is None:
                self._confirmed = self._answered
            self._follow_to(reply.status)

    def _follow_to(self, status: Status) -> None:
        """Send the workers what the last poll found; they count the time from there."""
        self._status = status
        for link in self._links:
            link.send(self._followed())

    def _followed(self) -> Followed:
        age = None if self._confirmed is None else time.monotonic() - self._confirmed
        return Followed(self._status, age)


async def _start(
    module: str, handle: Handle, *inherited: socket.socket
) -> tuple[asyncio.subprocess.Process, Link]:
    """Start a process of this service with some sockets, the last one the line to it."""
    ours, theirs = socket.socketpair()
    with theirs:
        numbers = [*(one.fileno() for one in inherited), theirs.fileno()]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *map(str, numbers)),
            pass_fds=numbers,
            start_new_session=True,  # Ctrl-C is for this process, which then ends them
        )
    return process, Link(ours, handle)


async def _watch(link: Link, process: asyncio.subprocess.Process) -> None:
    """Kill a worker that does not respond, from its start on; another takes its place."""
    unanswered = -MAX_UNANSWERED  # it may take twice as long to start
    while unanswered < MAX_UNANSWERED:
        await asyncio.sleep(PING_SECONDS)
        try:
            await link.ask(Ping(), PING_SECONDS)
            unanswered = 0
        except TimeoutError:
            unanswered += 1
        except RegistryUnavailable:  # it ended
            return
    _log("a worker does not respond; it is killed.")
    process.kill()


async def _restarted(work: Callable[[], Awaitable[None]]) -> None:
    """Do some work again whenever it ends; what ended it is logged."""
    while True:
        try:
            await work()
        except Exception:
            _log(f"unexpected error, tried again:\n{traceback.format_exc()}")
        await asyncio.sleep(RESTART_SECONDS)


def _log(text: str) -> None:
    with suppress(OSError):  # the terminal is gone
        print(f"ann: {text}", file=sys.stderr, flush=True)


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket.

    Raises:
        CannotListen: the address is not of this machine, or the port is taken.
    """
    try:
        if not host.strip():  # which would be all addresses
            raise socket.gaierror
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise CannotListen(
                f"{host!r} is not an address of this machine; use --host 127.0.0.1 for this "
                "machine alone, or 0.0.0.0 or :: for all addresses."
            ) from None
        raise CannotListen(
            f"{host} port {port} cannot be listened on ({os.strerror(error.errno or 0)}); choose "
            f"another: `ann serve --port {_another(port)}`."
        ) from None


def _another(port: int) -> int:
    return port + 1 if 1024 <= port < 65535 else 8000


def serve(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises:
        CannotListen: the address is not of this machine, or the port is taken.
        WorkerFailed: a worker ended before it could answer.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(listen(host, port))
        if workers > 1:  # each writes its metrics where the others can read them
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ann-metrics-"))
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        address = f"[{host}]" if ":" in host else host
        url = f"http://{address}:{listener.getsockname()[1]}"
        asyncio.run(_serve(Supervisor(settings, listener, workers), url))


async def _serve(supervisor: Supervisor, address: str) -> None:
    async def announce() -> None:
        await supervisor.ready()
        _log(f"the digit service is at {address} (Ctrl-C ends it)")

    announcing = asyncio.create_task(announce())
    await supervisor.run()
    announcing.cancel()
