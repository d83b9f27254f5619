"""The digit service's requests and corrections, read from its store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from ann_models.datasets import Dataset
from pipelines.errors import PipelineError, WrongUse
from serving.feedback import tables

SIDE = 28
MAX_CORRECTIONS = 20_000  # read at once; the newest
MIN_INK, MAX_INK = 0.01, 0.6  # mean of the pixels; MNIST's digits have 0.025 to 0.40


class FeedbackUnavailable(PipelineError):
    """The store of predictions and corrections cannot be read."""


@dataclass(frozen=True, eq=False)
class Corrections:
    """Images with the digit that a user gave for each.

    Attributes:
        images: float32 (n, 28, 28) in [0, 1].
        digits: as users corrected them, int32 (n,).
        times: seconds since 1970, (n,).
    """

    images: np.ndarray
    digits: np.ndarray
    times: np.ndarray

    def __len__(self) -> int:
        return len(self.digits)

    @classmethod
    def of(cls, data: Dataset) -> Corrections:
        """Those that `dataset` made."""
        return cls(*(data.arrays[name] for name in ("x", "y", "times")))

    def dataset(self, source: str) -> Dataset:
        """Them as a data set; `source` is of the digits that they correct."""
        arrays = {"x": self.images, "y": self.digits, "times": self.times}
        return Dataset("corrections", source, arrays)

    def select(self, which: np.ndarray) -> Corrections:
        """Some of them, by a mask or by indices."""
        return Corrections(self.images[which], self.digits[which], self.times[which])

    @property
    def digest(self) -> str:
        """SHA-256 over images and digits; their order does not matter."""
        both = zip(self.keys, self.digits, strict=True)
        lines = sorted(f"{key} {digit}" for key, digit in both)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def keys(self) -> list[str]:
        """SHA-256 of each image's 784 bytes."""
        return keys(self.images)


def keys(images: np.ndarray) -> list[str]:
    """SHA-256 of the 784 bytes of each of the images (n, 28, 28)."""
    return [hashlib.sha256(tables.to_bytes(image)).hexdigest() for image in images]


def corrections(url: str, model: str, classes: int | None = None) -> tuple[Corrections, int]:
    """The corrections of a model's answers, the oldest first, and how many rows are no digits.

    A row counts as a digit if it has 784 bytes with ink on them and a class from 0 to 9; of equal
    ones the first counts. Corrections that name no model belong to the digit models.

    Args:
        url: SQLAlchemy's URL of the store.
        model: the registered model's name.
        classes: of an image data set of one's own, whose rows are any pictures of its classes.

    Raises:
        FeedbackUnavailable: the store cannot be read.
        WrongUse: its URL is no address.
    """
    table = tables.corrections
    mine = table.c.model == model
    if classes is None:
        mine = sql.or_(mine, table.c.model.is_(None))
    newest = table.select().where(mine).order_by(table.c.time.desc(), table.c.id.desc())
    rows = _read(url, table, newest.limit(MAX_CORRECTIONS))[::-1]
    valid = [row for row in rows if (_is_digit(row) if classes is None else _is_of(row, classes))]
    unique: dict[tuple[bytes, int], float] = {}
    for row in valid:
        unique.setdefault((row.image, row.digit), row.time)
    return Corrections(
        _images([image for image, _ in unique]),
        np.array([digit for _, digit in unique], np.int32),
        np.array(list(unique.values()), np.float64),
    ), len(rows) - len(valid)


def recent_images(url: str, model: str, since: float, count: int) -> np.ndarray:
    """The newest images that a model was asked for, each once, float32 (n, 28, 28), newest first.

    Args:
        url: SQLAlchemy's URL of the store.
        model: the registered model's name.
        since: seconds since 1970.
        count: how many at most.

    Raises:
        FeedbackUnavailable: the store cannot be read.
        WrongUse: its URL is no address.
    """
    table = tables.predictions
    query = sql.select(table.c.image).where(table.c.model == model, table.c.time >= since)
    # A program may repeat one image: ten rows are read for each image that is wanted.
    rows = _read(url, table, query.order_by(table.c.id.desc()).limit(10 * count))
    images = dict.fromkeys(row.image for row in rows if len(row.image) == SIDE**2)
    return _images(list(images)[:count])


def _is_of(row: sql.Row, classes: int) -> bool:
    return len(row.image) == SIDE**2 and 0 <= row.digit < classes


def _is_digit(row: sql.Row) -> bool:
    if not _is_of(row, classes=10):
        return False
    pixels = np.frombuffer(row.image, np.uint8) / 255
    return bool(MIN_INK <= pixels.mean() <= MAX_INK and pixels.max() >= 0.5)


def _images(contents: list[bytes]) -> np.ndarray:
    pixels = np.frombuffer(b"".join(contents), np.uint8).reshape(-1, SIDE, SIDE)
    return np.divide(pixels, 255, dtype=np.float32)


def _read(url: str, table: sql.Table, query: sql.Select) -> list[sql.Row]:
    try:
        address = _address(url)
        if address.get_backend_name() == "sqlite" and not Path(address.database or "").exists():
            return []  # nothing was served yet
        engine = sql.create_engine(address)
        try:
            with engine.connect() as connection:
                if not sql.inspect(connection).has_table(table.name):
                    return []
                return list(connection.execute(query))
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise FeedbackUnavailable(
            f"the predictions and corrections at {url} cannot be read ({reason}). Start "
            "its database, or correct ANN_FEEDBACK_URL."
        ) from error


def _address(url: str) -> sql.URL:
    try:
        return sql.make_url(url)
    except ValueError as error:  # of the port
        raise WrongUse(
            f"ANN_FEEDBACK_URL is no address: {url} ({error}); expected one such as "
            "postgresql://HOST:5432/DATABASE, with USER:PASSWORD@ before the host."
        ) from error
