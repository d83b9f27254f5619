"""The process that asks MLflow's registry, so that whatever hangs there can be ended and replaced.

Started by `supervisor` with one inherited socket; it ends when that line ends. Each question is
answered in a thread of its own: one that hangs keeps no other waiting.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from serving import settings as environment
from serving.model.follower import Follower
from serving.process.link import Link
from serving.process.messages import Done, Download, Message, Poll, Polled, Ready

T = TypeVar("T")


async def _in_thread(work: Callable[[], T]) -> T:
    """The outcome of some work in a daemon thread; executors have a bound, and wait at the end."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(outcome: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(outcome)  # type: ignore[arg-type]

    def run() -> None:
        outcome, error = None, None
        try:
            outcome = work()
        except BaseException as raised:
            error = raised
        loop.call_soon_threadsafe(settle, outcome, error)

    threading.Thread(target=run, name="registry", daemon=True).start()
    return await future


# MLflow itself would wait for minutes. The next poll is the retry; the commands of `pipelines`
# have their own, in `pipelines.settings.export`.
WAITING = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}


async def _serve(line: socket.socket) -> None:
    for name, value in WAITING.items():
        os.environ.setdefault(name, value)
    follower = Follower(environment.load())

    async def handle(message: Message) -> Message | None:
        match message:
            case Poll():
                return Polled(await _in_thread(follower.poll))
            case Download(name, version):
                await _in_thread(lambda: follower.download(name, version))
                return Done()
        return None

    link = Link(line, handle)
    running = asyncio.create_task(link.run())
    await _in_thread(lambda: importlib.import_module("mlflow"))
    link.send(Ready())
    await running


if __name__ == "__main__":
    asyncio.run(_serve(socket.socket(fileno=int(sys.argv[1]))))
    os._exit(0)  # a thread may still wait for an unavailable registry; it has nothing to lose
