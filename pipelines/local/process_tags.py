"""Processes of one state folder, found by a tag in their environment.

Every process that the supervisor starts carries the tag, and so does whatever that starts: a
server's workers and a run's own session are found and ended by it, in whatever way the supervisor
ends. For the case that it is killed, a watchdog waits for its death.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence

import psutil

from pipelines.local import parent_death

VARIABLE = "ANN_UP_SERVICE"  # in the environment of every process that was started, inherited
GRACE_SECONDS = 20.0  # between SIGTERM and SIGKILL
POLL_SECONDS = 0.1
WATCHDOG_SECONDS = 1.0  # between two checks that the watchdog lives


def tag_of(group: str, service: str = "") -> str:
    """The tag of a service in a group, or how the tags of all the group's services begin."""
    return f"{group}|{service}|" if service else f"{group}|"


def tagged(tag: str) -> Iterator[psutil.Process]:
    """The processes of this machine whose tag begins so; other users' cannot be seen."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(VARIABLE, "").startswith(tag) and process.pid != os.getpid():
                yield process


def terminate(tag: str, grace: float = GRACE_SECONDS) -> int:
    """End the processes with a tag: SIGTERM, and SIGKILL for what is left after the grace.

    Returns:
        How many there were.
    """
    asked: set[psutil.Process] = set()
    deadline = time.monotonic() + grace
    while found := set(tagged(tag)):
        late = time.monotonic() > deadline
        for process in found if late else found - asked:
            with contextlib.suppress(psutil.Error):
                process.kill() if late else process.terminate()
        asked |= found
        time.sleep(POLL_SECONDS)
    return len(asked)


def terminate_orphans(group: str) -> int:
    """End what an earlier supervisor of this group has left behind; how many there were."""
    return terminate(tag_of(group))


@contextlib.asynccontextmanager
async def watchdog(group: str) -> AsyncIterator[None]:
    """A process that ends all services of a group when this one ends, however that happens."""
    command = [sys.executable, "-m", __name__, tag_of(group)]
    keeping = asyncio.create_task(_keep_alive(command))
    await asyncio.sleep(0)  # the first one is there before any service
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])


async def _keep_alive(command: Sequence[str]) -> None:
    """Start a child and, whenever it ends, another; once cancelled, let it see our death."""
    while True:
        with contextlib.suppress(OSError):  # no more processes or memory: tried again
            child, pipe = parent_death.start_child(command)
            try:
                while child.poll() is None:
                    await asyncio.sleep(WATCHDOG_SECONDS)
            finally:
                os.close(pipe)
                await asyncio.to_thread(child.wait)
        await asyncio.sleep(WATCHDOG_SECONDS)


if __name__ == "__main__":
    parent_death.wait_for_parents_death()
    terminate(sys.argv[1])
