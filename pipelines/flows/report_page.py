"""The lecture as one HTML page that needs no other file: content in, text out."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2


@dataclass(frozen=True)
class Picture:
    """One figure.

    Attributes:
        title: what it shows.
        image: its bytes.
        media_type: such as image/png.
        wide: whether it is read in the width of the page alone, not in that of a column.
    """

    title: str
    image: bytes
    media_type: str = "image/png"
    wide: bool = False

    @property
    def address(self) -> str:
        """As an address that contains the picture."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.image).decode()}"


@dataclass(frozen=True)
class Row:
    """One variant: what it shows, its numbers and figures.

    Attributes:
        name: of the variant.
        look_at: a sentence.
        seeds: how many networks its numbers are means of; 0 if nothing is trained.
        numbers: texts such as `0.974 ± 0.003`, by measure.
        pictures: the figure that stands for it first.
        link: to its run.
        changes: what differs from a row of the lecture, as `key=value`.
    """

    name: str
    look_at: str
    seeds: int
    numbers: Mapping[str, str]
    pictures: tuple[Picture, ...]
    link: str
    changes: str = ""


@dataclass(frozen=True)
class Section:
    """A question of the lecture: its variants and what compares them."""

    key: str
    title: str
    look_at: str
    measures: tuple[str, ...]
    rows: tuple[Row, ...]
    comparison: tuple[Picture, ...]
    link: str


@dataclass(frozen=True)
class Champion:
    """The model that serves.

    Attributes:
        title: name and version.
        facts: texts by name, such as accuracy and where it was trained.
        reasons: why the gate promoted it.
        link: to its version.
    """

    title: str
    facts: Mapping[str, str]
    reasons: tuple[str, ...]
    link: str


@dataclass(frozen=True)
class Leaderboard:
    """Networks in the order of their validation accuracy."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Content:
    """Everything that the page shows.

    Attributes:
        date: when it was made.
        facts: of the whole lecture, texts by name.
        warning: that the digits are not MNIST, or nothing.
        sections: in the order of the lecture.
        leaderboard: of the digit networks, if any is trained.
        champions: one a registered model.
    """

    date: str
    facts: Mapping[str, str]
    warning: str
    sections: tuple[Section, ...]
    leaderboard: Leaderboard | None = None
    champions: tuple[Champion, ...] = field(default_factory=tuple)


def render(content: Content) -> str:
    """The page."""
    return _template().render(content=content)


@cache
def _template() -> jinja2.Template:
    import jinja2

    source = files("pipelines.flows").joinpath("report_page.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(source)
