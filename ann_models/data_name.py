"""What an entry's `data` says: a data set of the lecture, its size and noise, or one's own.

`cubic`, `cubic size=200 noise=0.1`, `points:/home/me/a.csv`, `images:letters=/home/me/letters`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ann_models import limits
from ann_models.entry import IMAGES
from ann_models.errors import InvalidSetting, UnknownName
from ann_models.layer_text import convert, nearest

Kind = Literal["regression", "classification", "digits", "gates", "none"]

KINDS: dict[str, Kind] = {
    "none": "none",
    "gates": "gates",
    "xor": "classification",
    "linear": "classification",
    "nonlinear": "classification",
    "cubic": "regression",
    "ten_points": "regression",
    "ten_points_held_out": "regression",
    "digits": "digits",
}
SAMPLED = {"linear": 1000, "nonlinear": 1000, "cubic": 1000}  # those of any size, and their own
SMALLEST = 10
LARGEST = 1_000_000
POINTS = "points:"
POINTS_SUFFIXES = (".csv", ".tsv", ".txt")
DIGEST = 6  # hexadecimal digits that tell files of one name apart
HELD_OUT = "held_out "  # before POINTS: a part of the points is for validation


@dataclass(frozen=True)
class DataName:
    """One data set.

    Attributes:
        name: of the lecture's data set; or `points:` and the path of a CSV file; or `images:` and
            an image data set, as `ann_models.digits.image_sets` reads it.
        size: how many points are drawn; None: as many as the lecture draws.
        noise: standard deviation of what is added to y (regression) or to x (classification).
        held_out: whether a part of a file's points is for validation.
    """

    name: str
    size: int | None = None
    noise: float = 0.0
    held_out: bool = False

    @property
    def is_file(self) -> bool:
        """Whether it is a file of points of one's own."""
        return self.name.startswith(POINTS)

    @property
    def is_images(self) -> bool:
        """Whether it is an image data set of one's own."""
        return self.name.startswith(IMAGES)

    @property
    def has_validation(self) -> bool:
        """Whether it has points for validation, if it is one of points."""
        return self.held_out or self.name == "ten_points_held_out"

    @property
    def path(self) -> str:
        """Of the file of points; of an image data set its name and path."""
        return self.name.removeprefix(POINTS).removeprefix(IMAGES)

    def with_size(self, text: str) -> DataName:
        """Another number of points.

        Raises:
            InvalidSetting: it is no such number, or the data set has a fixed size.
        """
        if self.name not in SAMPLED:
            raise InvalidSetting(
                f"data.size={text}: {self.name} has a fixed size; {', '.join(SAMPLED)} are drawn "
                "in any size."
            )
        size: int = convert(text, int, "data.size")
        if not SMALLEST <= size <= LARGEST:
            raise InvalidSetting(f"data.size={text}: expected {SMALLEST} to {LARGEST:,} points.")
        return replace(self, size=None if size == SAMPLED[self.name] else size)

    def with_noise(self, text: str) -> DataName:
        """Another noise.

        Raises:
            InvalidSetting: it is negative or no number, or there are no generated points.
        """
        noise: float = convert(text, float, "data.noise")
        limits.check("data.noise", noise)
        if KINDS.get(self.name) not in ("regression", "classification"):
            hint = "; augmentation.noise adds noise to digits" if self.name == "digits" else ""
            raise InvalidSetting(f"data.noise={text}: {self.name} takes no noise{hint}.")
        return replace(self, noise=noise)

    def __str__(self) -> str:
        """The text that `parse` reads."""
        part = HELD_OUT if self.held_out else ""
        size = f" size={self.size}" if self.size is not None else ""
        return f"{part}{self.name}{size}" + (f" noise={self.noise:g}" if self.noise else "")


def absolute(text: str, folder: Path = Path()) -> Path:
    """The absolute path of what a person names, from a folder.

    Raises:
        InvalidSetting: it can be no path, or leads where nothing may be read.
    """
    try:
        found = (folder / Path(text).expanduser()).resolve()
        found.exists()
    except (OSError, RuntimeError, ValueError) as error:
        why = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise InvalidSetting(f"{text!r} is no path that can be read: {why}.") from None
    return found


def names_points(text: str) -> bool:
    """Whether a person means a file of points of their own."""
    file = text.removeprefix(HELD_OUT)
    return file.startswith(POINTS) or file.lower().endswith(POINTS_SUFFIXES)


def of_ones_own(text: str) -> str:
    """The data that a person names who may mean a file of points, whatever its suffix.

    Raises:
        UnknownName: there is neither a data set nor a file of this name.
        InvalidSetting: a size or noise cannot be meant, or it can be no path.
    """
    if names_points(text):
        return text
    try:
        return str(parse(text))
    except (UnknownName, InvalidSetting) as error:
        if absolute(text).is_file():
            return f"{POINTS}{text}"
        if isinstance(error, InvalidSetting):
            raise
        raise UnknownName(
            f"there is no file {text!r}, and no data set is called so; {nearest(text, KINDS)}"
        ) from None


def points_file(text: str, folder: Path = Path()) -> Path:
    """The absolute path of a file of points, as `mine.csv` or `points:mine.csv`, from a folder.

    Raises:
        InvalidSetting: it can be no path, or leads where nothing may be read.
    """
    return absolute(text.removeprefix(HELD_OUT).removeprefix(POINTS), folder)


def short(value: str) -> str:
    """A setting's value without the folders of this machine, for names and what others read.

    A file of points keeps its name and the start of the SHA-256 of its path, so that equally named
    files stay distinct; an image data set keeps its name.
    """
    if value.startswith(IMAGES):
        return value.removeprefix(IMAGES).partition("=")[0]
    if not names_points(value):
        return value
    path = points_file(value)
    return f"{path.name}-{hashlib.sha256(str(path).encode()).hexdigest()[:DIGEST]}"


def parse(text: str) -> DataName:
    """The data set that a text names.

    Raises:
        UnknownName: no data set of the lecture has the name.
        InvalidSetting: its size or noise cannot be meant.
    """
    file = text.removeprefix(HELD_OUT)
    if file.startswith(POINTS):
        return DataName(file, held_out=file != text)
    if text.startswith(IMAGES):
        return DataName(text)
    name, *options = text.split() or [""]
    if name not in KINDS:
        raise UnknownName(
            f"No data set is called {name!r}; {nearest(name, KINDS)} A file of points of your own "
            f"is named as {POINTS}mine.csv, pictures as {IMAGES}letters=FOLDER."
        )
    found = DataName(name)
    for option in options:
        key, _, value = option.partition("=")
        if key == "size":
            found = found.with_size(value)
        elif key == "noise":
            found = found.with_noise(value)
        else:
            raise InvalidSetting(f"data {text!r}: {nearest(key, ('size', 'noise'))}")
    return found
