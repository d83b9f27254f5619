"""The process behind `ann serve`: it starts workers, keeps them alive, and follows the registry.

Workers answer from the last good copy while this process still imports MLflow. They share one
listening socket, which stays open while a worker is replaced.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from serving.errors import CannotListen, ServingError
from serving.model.follower import Follower
from serving.process.link import Link, Message
from serving.settings import Settings

JITTER = 0.25  # of the time between two looks at the alias
BACKLOG = 2048
RESTART_SECONDS = 1  # after a worker that did not even start
STOP_SECONDS = 30  # more than a worker takes to finish what is under way


class Supervisor:
    """Workers, and the thread that asks the registry for them."""

    def __init__(self, settings: Settings, listener: socket.socket, workers: int) -> None:
        """Take the listening socket and how many are to answer on it."""
        self._settings = settings
        self._listener = listener
        self._workers = workers
        self._follower = Follower(settings)
        self._thread = ThreadPoolExecutor(1, "registry")  # MLflow's waiting is done here
        self._links: set[Link] = set()
        self._processes: set[asyncio.subprocess.Process] = set()
        self._downloads: set[asyncio.Task[None]] = set()
        self._look_now = asyncio.Event()
        self._stopping = asyncio.Event()
        self._ready = asyncio.Event()

    async def run(self) -> None:
        """Serve until SIGTERM or Ctrl-C, then let the workers finish what they are at.

        Raises:
            CannotListen: a worker ended before it could answer.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loops = [asyncio.create_task(self._restart_loop()) for _ in range(self._workers)]
        follower = asyncio.create_task(self._follow())
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([stopping, *loops], return_when=asyncio.FIRST_COMPLETED)
        self._stopping.set()
        self._listener.close()
        follower.cancel()
        for process in self._processes:
            if process.returncode is None:
                process.terminate()
        _, stuck = await asyncio.wait(loops, timeout=STOP_SECONDS)
        for process in self._processes if stuck else ():
            process.kill()
        await asyncio.gather(*loops)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _restart_loop(self) -> None:
        """Run one worker; start it anew whenever it ends."""
        while not self._stopping.is_set():
            was_ready = await self._run_one()
            if self._stopping.is_set():
                return
            if not self._ready.is_set():
                raise CannotListen("A worker ended before it could answer; its words are above.")
            print("ann: a worker ended; another takes its place.", file=sys.stderr, flush=True)
            if not was_ready:
                await asyncio.sleep(RESTART_SECONDS)

    async def _run_one(self) -> bool:
        """Whether the worker was able to answer before it ended."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "serving.process.worker"),
                *(str(self._listener.fileno()), str(theirs.fileno())),
                pass_fds=[self._listener.fileno(), theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for this process, which then ends them
            )
        self._processes.add(process)
        ready = asyncio.Event()

        async def receive(message: Message) -> None:
            if "look" in message:
                self._look_now.set()
            elif "ready" in message:
                ready.set()
                self._ready.set()
            else:
                task = asyncio.create_task(self._download(link, message))
                self._downloads.add(task)
                task.add_done_callback(self._downloads.discard)

        link = Link(ours, receive)
        link.send(self._status())
        self._links.add(link)
        line = asyncio.create_task(link.run())
        try:
            await process.wait()
        finally:
            self._links.discard(link)
            self._processes.discard(process)
            line.cancel()
        return ready.is_set()

    async def _follow(self) -> None:
        """Look at the alias, tell the workers, wait; a webhook cuts the waiting short."""
        loop = asyncio.get_running_loop()
        while True:
            self._look_now.clear()
            before = self._follower.status
            status = await loop.run_in_executor(self._thread, self._follower.poll)
            if status != before:
                for link in self._links:
                    link.send(self._status())
            pause = self._settings.poll_seconds * random.uniform(1 - JITTER, 1 + JITTER)
            try:
                await asyncio.wait_for(self._look_now.wait(), pause)
            except TimeoutError:
                pass

    def _status(self) -> Message:
        return {"status": asdict(self._follower.status)}

    async def _download(self, link: Link, question: Message) -> None:
        """Bring a version that a worker was asked for."""
        loop = asyncio.get_running_loop()
        reply: dict[str, Any] = {"reply_to": question["number"]}
        try:
            wanted = question["download"], question["alias"], question["version"]
            number = await loop.run_in_executor(self._thread, self._follower.download, *wanted)
            reply["version"] = number
        except ServingError as error:
            reply |= {"error": str(error), "kind": type(error).__name__}
        link.send(reply)

    async def ready(self) -> None:
        """Wait until a worker answers."""
        await self._ready.wait()


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket.

    Raises:
        CannotListen: the address is not of this machine, or the port is taken.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CannotListen(
            f"{host} port {port} cannot be listened on ({error.strerror or error}); choose "
            f"another: `ann serve --port {port % 65535 + 1}`."
        ) from None


def serve(settings: Settings, host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises:
        CannotListen: the address is not of this machine, the port is taken, or workers fail.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(listen(host, port))
        if workers > 1:  # each writes its metrics where the others can read them
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ann-metrics-"))
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        asyncio.run(_serve(Supervisor(settings, listener, workers), f"http://{host}:{port}"))


async def _serve(supervisor: Supervisor, address: str) -> None:
    async def tell() -> None:
        await supervisor.ready()
        print(
            f"ann: the digit service is at {address} (Ctrl-C ends it)", file=sys.stderr, flush=True
        )

    telling = asyncio.create_task(tell())
    await supervisor.run()
    telling.cancel()
