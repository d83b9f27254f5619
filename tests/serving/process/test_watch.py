"""A worker that does not respond, from its start on, is killed; one that responds is not."""

import asyncio
import socket

import pytest

from serving.process import supervisor
from serving.process.link import Link
from serving.process.messages import Done, Message, Ping


async def watched(*, responds: bool) -> bool:
    """Whether a process whose line responds, or not, is killed before many questions are asked."""
    asked = 0
    enough = asyncio.Event()

    async def handle(message: Message) -> Message | None:
        nonlocal asked
        asked += isinstance(message, Ping)
        if asked == 20:
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
