"""Messages between the processes: whole, bounded, and none of them the last one."""

import asyncio
import socket

import pytest

from serving.errors import NoChampion, RegistryUnavailable
from serving.model.status import (
    Listing,
    Refusal,
    Status,
)
from serving.process.link import Link
from serving.process.messages import (
    MAX_BYTES,
    Done,
    Download,
    PollNow,
    Recall,
    Recalled,
)

STATUS = Status(
    "mnist-digits",
    "3",
    "it is unavailable",
    Refusal("mnist-digits", "4", "SHA-256"),
    {"mnist-digits": Listing(("1", "2", "3"), {"champion": "3"})},
)


def linked(handle, work):
    """What some work with one end gives, while the other end handles messages."""

    async def run():
        ours, theirs = socket.socketpair()

        async def ignore(message):
            return None

        link, other = Link(ours, ignore), Link(theirs, handle)
        running = [asyncio.create_task(link.run()), asyncio.create_task(other.run())]
        try:
            return await work(link)
        finally:
            for task in running:
                task.cancel()

    return asyncio.run(run())


def test_a_question_is_answered_and_an_error_is_raised_where_it_was_asked():
    async def handle(message):
        if message.version == "9":
            raise NoChampion("there is none")
        return Done()

    async def work(link):
        assert await link.ask(Download("mnist-digits", "1"), 10) == Done()
        with pytest.raises(NoChampion, match="there is none"):
            await link.ask(Download("mnist-digits", "9"), 10)

    linked(handle, work)


def test_a_message_that_cannot_be_handled_is_not_the_last_one(capfd):
    async def handle(message):
        if isinstance(message, PollNow):
            raise RuntimeError("unexpected")
        return Done()

    async def work(link):
        link.send(PollNow())
        assert await link.ask(Download("mnist-digits", "1"), 10) == Done()

    linked(handle, work)
    assert "RuntimeError: unexpected" in capfd.readouterr().err


def test_an_answer_that_is_too_long_is_an_error_at_once():
    async def handle(message):
        return Recalled(({"image": "x" * MAX_BYTES},))

    async def work(link):
        with pytest.raises(RegistryUnavailable, match="a message Recalled of"):
            await link.ask(Recall("1"), 10)

    linked(handle, work)


def test_a_question_that_hangs_keeps_no_other_waiting():
    never = asyncio.Event()

    async def handle(message):
        if message.version == "hangs":
            await never.wait()
        return Done()

    async def work(link):
        hanging = asyncio.create_task(link.ask(Download("mnist-digits", "hangs"), 0.2))
        await asyncio.sleep(0)  # it is sent first
        assert await link.ask(Download("mnist-digits", "1"), 10) == Done()
        with pytest.raises(TimeoutError):
            await hanging
        assert not link._questions

    linked(handle, work)


def test_when_the_other_process_ends_questions_are_answered_no_more():
    async def run():
        ours, theirs = socket.socketpair()

        async def ignore(message):
            return None

        link = Link(ours, ignore)
        running = asyncio.create_task(link.run())
        asking = asyncio.create_task(link.ask(Download("mnist-digits", "1"), 10))
        await asyncio.sleep(0)
        theirs.close()
        with pytest.raises(RegistryUnavailable):
            await asking
        await running

    asyncio.run(run())
