"""Messages between the processes: whole, bounded, and none of them the last one."""

import asyncio
import socket

import pytest

from serving.errors import NoChampion, RegistryUnavailable
from serving.model.download import MOST_OTHER_MODELS
from serving.model.status import (
    LONGEST_NAME,
    LONGEST_TEXT,
    MOST_ALIASES,
    MOST_VERSIONS,
    Listing,
    Refusal,
    Status,
    bounded,
    shortened,
)
from serving.process.link import Link
from serving.process.messages import (
    MAX_BYTES,
    Done,
    Download,
    Envelope,
    Followed,
    PollNow,
    Recall,
    Recalled,
)
from serving.settings import NAMES

STATUS = Status(
    "mnist-digits",
    "3",
    "it is unavailable",
    Refusal("mnist-digits", "4", "SHA-256"),
    {"mnist-digits": Listing(("1", "2", "3"), {"champion": "3"})},
)


@pytest.mark.parametrize(
    "message", [PollNow(), Done(), Download("mnist-digits", "2"), Followed(STATUS, 1.5)]
)
def test_a_message_arrives_as_it_was_sent(message):
    envelope = Envelope(message, 7, True)
    assert Envelope.from_line(envelope.to_line()) == envelope


def test_the_largest_status_that_there_can_be_fits_a_message():
    text = shortened("\N{SNOWMAN}" * 1_000_000)
    versions = tuple(str(10**9 + number) for number in range(MOST_VERSIONS))
    aliases = {f"{number:\N{SNOWMAN}>{LONGEST_NAME}}": "1" for number in range(MOST_ALIASES - 1)}
    listing = Listing(versions, aliases | {"champion": "1"}, ("f" * 32,) * MOST_VERSIONS)
    names = [f"{number:\N{SNOWMAN}>{LONGEST_NAME}}" for number in range(MOST_OTHER_MODELS)]
    listings = bounded(dict.fromkeys((*NAMES, *names), listing))
    status = Status("mnist-digits", "3", text, Refusal("mnist-digits", "4", text), listings)
    assert len(Envelope(Followed(status, 1.0)).to_line()) < MAX_BYTES
    assert len(text) == LONGEST_TEXT
    assert len(listings) == len(NAMES) + MOST_OTHER_MODELS
    for kept in listings.values():
        assert kept.aliases["champion"] == "1"
        assert kept.older
        assert (kept.versions[-1], len(kept.runs)) == (versions[-1], len(kept.versions))


def test_a_message_that_is_too_long_is_refused_where_it_is_sent():
    with pytest.raises(ValueError, match="a message Download of"):
        Envelope(Download("x" * MAX_BYTES, "1")).to_line()


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
