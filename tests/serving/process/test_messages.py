"""Messages between the service's processes are the same at the other end, and of bounded size."""

import pytest

from serving.errors import NotFound, RegistryUnavailable, UnverifiedModel
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
from serving.process.messages import (
    MAX_BYTES,
    Done,
    Download,
    Envelope,
    Failed,
    Followed,
    Poll,
    Polled,
    PollNow,
    Ready,
    Recall,
    Recalled,
)
from serving.settings import NAMES

STATUS = Status(
    "mnist-digits",
    "2",
    None,
    Refusal("mnist-digits", None, "altered"),
    {"mnist-digits": Listing(("1", "2"), {"champion": "2"})},
)


@pytest.mark.parametrize(
    "message",
    [
        Ready(),
        PollNow(),
        Followed(STATUS, 1.5),
        Followed(Status(), None),
        Poll(),
        Polled(STATUS),
        Download("mnist-digits", "3"),
        Recall("an id"),
        Recalled(({"digit": 7},)),
        Done(),
        Failed("NotFound", "There is none."),
    ],
    ids=lambda message: type(message).__name__,
)
@pytest.mark.parametrize(("number", "is_answer"), [(None, False), (0, False), (7, True)])
def test_a_message_is_the_same_at_the_other_end(message, number, is_answer):
    line = Envelope(message, number, is_answer).to_line()
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    found = Envelope.from_line(line)
    if isinstance(message, Recalled):  # JSON knows lists alone
        assert list(found.message.predictions) == list(message.predictions)
        found = Envelope(message, found.number, found.is_answer)
    assert found == Envelope(message, number, is_answer)


def test_a_message_expects_no_answer_unless_it_is_numbered():
    assert (Envelope(Ready()).number, Envelope(Ready()).is_answer) == (None, False)


def test_a_message_that_is_too_long_is_not_sent():
    room = MAX_BYTES - len(Envelope(Recall("")).to_line())
    assert len(Envelope(Recall("x" * room)).to_line()) == MAX_BYTES
    with pytest.raises(ValueError, match=f"a message Recall of {MAX_BYTES + 1} bytes"):
        Envelope(Recall("x" * (room + 1))).to_line()


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


@pytest.mark.parametrize("kind", [NotFound, RegistryUnavailable, UnverifiedModel])
def test_an_error_is_of_the_same_class_at_the_other_end(kind):
    error = Failed.of(kind("The reason.")).error()
    assert type(error) is kind
    assert str(error) == "The reason."
    assert len(Failed.of(kind("x" * 5000)).text) == LONGEST_TEXT
