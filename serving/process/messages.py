"""What the service's processes say to each other: dataclasses, each of bounded size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import orjson

from serving import errors
from serving.errors import ServingError
from serving.model.status import Status, shortened

MAX_BYTES = 2**20  # of a message; the largest is a status, whose listings are bounded


@dataclass(frozen=True)
class Ready:
    """Worker or registry process → supervisor: it answers now."""


@dataclass(frozen=True)
class PollNow:
    """Worker → supervisor: the registry is to be polled without waiting."""


@dataclass(frozen=True)
class Ping:
    """Supervisor → worker: do you respond? Answered with `Done`."""


@dataclass(frozen=True)
class Followed:
    """Supervisor → worker: what the last poll found, and how old its last confirmation is."""

    status: Status
    age_seconds: float | None


@dataclass(frozen=True)
class Poll:
    """Supervisor → registry process: poll the alias; answered with `Polled`."""


@dataclass(frozen=True)
class Polled:
    """What the poll found."""

    status: Status


@dataclass(frozen=True)
class Download:
    """Worker → supervisor → registry process: download a version; answered with `Done`."""

    name: str
    version: str


@dataclass(frozen=True)
class Recall:
    """Worker → supervisor → other workers: who gave this answer? Answered with `Recalled`."""

    answer_id: str


@dataclass(frozen=True)
class Recalled:
    """The answers of that id, as rows of the table of predictions with the image in base64."""

    predictions: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Done:
    """What was asked for is done."""


@dataclass(frozen=True)
class Failed:
    """What was asked for failed: the error's class and text."""

    kind: str
    text: str

    @classmethod
    def of(cls, error: ServingError) -> Failed:
        """The message for an error."""
        return cls(type(error).__name__, shortened(str(error)))

    def error(self) -> ServingError:
        """The error again."""
        return getattr(errors, self.kind)(self.text)


Message = (
    Ready | PollNow | Ping | Followed | Poll | Polled | Download | Recall | Recalled | Done | Failed
)
M = TypeVar("M")

_KINDS = {
    kind.__name__: kind
    for kind in (
        *(Ready, PollNow, Ping, Followed, Poll, Polled, Download, Recall, Recalled, Done, Failed),
    )
}


@dataclass(frozen=True)
class Envelope:
    """A message on its way.

    Attributes:
        message: itself.
        number: of a question that is to be answered, or of the answer to it.
        is_answer: which of the two.
    """

    message: Message
    number: int | None = None
    is_answer: bool = False

    def to_line(self) -> bytes:
        """One line of JSON.

        Raises:
            ValueError: it is longer than any message may be.
        """
        fields = {
            "kind": type(self.message).__name__,
            "number": self.number,
            "is_answer": self.is_answer,
            "fields": asdict(self.message),
        }
        line = orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
        if len(line) > MAX_BYTES:
            raise ValueError(f"a message {fields['kind']} of {len(line)} bytes")
        return line

    @classmethod
    def from_line(cls, line: bytes) -> Envelope:
        """Read a line."""
        content = orjson.loads(line)
        fields = content["fields"]
        if "status" in fields:
            fields["status"] = Status.from_fields(fields["status"])
        message = _KINDS[content["kind"]](**fields)
        return cls(message, content["number"], content["is_answer"])
