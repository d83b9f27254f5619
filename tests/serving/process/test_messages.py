"""Messages between the service's processes are the same at the other end, and of bounded size."""

import pytest

from serving.errors import NotFound, RegistryUnavailable, UnverifiedModel
from serving.model.status import LONGEST_TEXT, Listing, Refusal, Status
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


@pytest.mark.parametrize("kind", [NotFound, RegistryUnavailable, UnverifiedModel])
def test_an_error_is_of_the_same_class_at_the_other_end(kind):
    error = Failed.of(kind("The reason.")).error()
    assert type(error) is kind
    assert str(error) == "The reason."
    assert len(Failed.of(kind("x" * 5000)).text) == LONGEST_TEXT
