"""Points of one's own from a CSV file: x1, x2, class or x, y."""

from __future__ import annotations

import codecs
import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ann_models.errors import InvalidData

LEAST = 4  # points, as XOR has
MOST = 1_000_000
SHOWN_FAULTS = 5
EVERY = 3  # every third point is held out
USUAL = 10  # of a column: |mean| and standard deviation with which the lecture's networks learn
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Points:
    """The content of a file.

    Attributes:
        x: float32 (n, 2) of a classification, (n, 1) of a regression.
        y: float32 (n, 1); classes are 0 and 1.
        classes: what the file calls the two classes; empty for a regression.
    """

    x: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...] = ()

    @property
    def kind(self) -> Literal["classification", "regression"]:
        """What can be learned from them."""
        return "classification" if self.classes else "regression"


def read(path: Path) -> Points:
    """Read points with or without a header line; separated by commas, semicolons or tabs.

    Beside semicolons and tabs a comma may be the decimal point. UTF-8, or UTF-16 with its mark.
    Three columns are x1, x2 and a class of two; two columns are x and y.

    Raises:
        InvalidData: the file cannot be read or holds something else; with the lines.
    """
    rows = list(_rows(path))
    rows = [(number, _with_points(cells)) for number, cells in rows[_header(rows) :]]
    if not rows:
        raise InvalidData(f"{path} has no points; expected lines such as 0.5,1.2,A or 0.5,1.2.")
    columns = len(rows[0][1])
    if columns not in (2, 3):
        raise InvalidData(
            f"{path}, line {rows[0][0]}: {columns} columns; expected x1, x2, class or x, y."
        )
    faults = list(_faults(rows, columns))
    if faults:
        more = f" and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
        raise InvalidData(f"{path}: {'; '.join(faults[:SHOWN_FAULTS])}{more}. Correct these lines.")
    if not LEAST <= len(rows) <= MOST:
        raise InvalidData(f"{path} has {len(rows)} points; expected {LEAST} to {MOST:,}.")
    cells = [values for _, values in rows]
    if columns == 2:
        table = np.array(cells, np.float32)
        if np.ptp(table[:, 0]) == 0:
            raise InvalidData(f"{path}: every x is {cells[0][0]}; a curve needs several.")
        return Points(table[:, :1], table[:, 1:])
    names = sorted({row[2] for row in cells}, key=_order)
    if len(names) != 2:
        if len(names) == 1:
            found, hint = f"the class {names[0]!r} alone", "add points of another one"
        else:
            listed = ", ".join(names[:SHOWN_FAULTS]) + ("…" if len(names) > SHOWN_FAULTS else "")
            found, hint = f"{len(names)} classes ({listed})", "join or leave out the others"
        raise InvalidData(f"{path} has {found} in its third column; expected two: {hint}.")
    x = np.array([row[:2] for row in cells], np.float32)
    y = np.array([[names.index(row[2])] for row in cells], np.float32)
    return Points(x, y, tuple(names))


@dataclass(frozen=True)
class Layout:
    """How a file of points is written.

    Attributes:
        separator: between the columns.
        header: 1 where a line with names stands before the first point, else 0. Empty lines and
            comments do not count.
        encoding: as Python calls it.
        decimal_comma: whether a number has a comma for its decimal point.
    """

    separator: str
    header: int
    encoding: str = "utf-8-sig"
    decimal_comma: bool = False


def layout(path: Path) -> Layout:
    """How a file is written that `read` accepts."""
    encoding = _encoding(path)
    rows = list(_rows(path))
    header = _header(rows)
    return Layout(
        _separator(path.read_text(encoding)),
        header,
        encoding,
        any(_with_points(cells) != cells for _, cells in rows[header:]),
    )


def held_out(points: Points) -> dict[str, np.ndarray]:
    """The points with an evenly spread part for validation, ends of a curve excepted."""
    order = np.lexsort((points.x[:, 0], points.y[:, 0] if points.classes else points.x[:, 0]))
    val = np.zeros(len(order), bool)
    val[order[1:-1:EVERY]] = True
    return {
        "x_train": points.x[~val],
        "y_train": points.y[~val],
        "x_val": points.x[val],
        "y_val": points.y[val],
    }


def scale_notes(x: np.ndarray, y: np.ndarray) -> list[str]:
    """A sentence on each column of a scale with which the lecture's networks hardly learn.

    Args:
        x: (n, 1) or (n, 2).
        y: (n, 1); classes are 0 and 1.
    """
    names = [f"x{i + 1}" for i in range(x.shape[1])] if x.shape[1] > 1 else ["x"]
    columns = zip([*names, "y"], np.hstack([x, y]).T.astype(np.float64), strict=True)
    return [
        f"{name} lies between {column.min():g} and {column.max():g}; the networks expect about "
        "−3 to 3 and hardly learn from such numbers. Subtract the mean and divide by the standard "
        "deviation, or choose another unit."
        for name, column in columns
        if abs(column.mean()) > USUAL or column.std() > USUAL
    ]


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        text = path.read_text(_encoding(path))
    except FileNotFoundError:
        raise InvalidData(f"there is no file {path}.") from None
    except UnicodeDecodeError as error:
        raise InvalidData(
            f"{str(path)!r} cannot be read as text: {error}. Save it as UTF-8, in Excel "
            '"CSV UTF-8".'
        ) from error
    except (OSError, ValueError) as error:
        raise InvalidData(f"{str(path)!r} cannot be read as text: {error}.") from error
    try:
        for number, row in enumerate(csv.reader(text.splitlines(), delimiter=_separator(text)), 1):
            values = [cell.strip() for cell in row]
            if any(values) and not values[0].startswith("#"):
                yield number, values
    except csv.Error as error:
        raise InvalidData(f"{path} is no CSV file: {error}.") from error


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        mark = file.read(2)
    return "utf-16" if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _with_points(cells: list[str]) -> list[str]:
    """The cells of a line, their two numbers with a decimal point."""
    numbers = [c.replace(",", ".") if _is_number(c.replace(",", ".")) else c for c in cells[:2]]
    return [*numbers, *cells[2:]]


def _header(rows: list[tuple[int, list[str]]]) -> int:
    """1 if the first line has names alone, else 0: with a number in it, it is a point."""
    # Also one with a typo further on; "1st" and "2 years" are names.
    seems_number = re.compile(r"[-+]?[.,]?\d(?!.*[^\W\d_]{2})")
    first = rows[0][1] if rows else ["0"]
    return int(not any(_is_number(cell) or seems_number.match(cell) for cell in first))


def _separator(text: str) -> str:
    first = next((s for line in text.splitlines() if (s := line.strip()) and s[0] != "#"), "")
    return next((s for s in (";", "\t", ",") if s in first), ",")


def _faults(rows: list[tuple[int, list[str]]], columns: int) -> Iterator[str]:
    for number, values in rows:
        if len(values) != columns:
            yield f"line {number} has {len(values)} columns, the first {columns}"
            continue
        for cell in values if columns == 2 else values[:2]:
            if not _is_number(cell):
                yield f"line {number}: {cell!r} is no number"
            elif not abs(float(cell)) <= LARGEST:  # so that NaN fails, too
                yield f"line {number}: {cell} is not finite, as a number of 32 bits"
        if columns == 3 and not values[2]:
            yield f"line {number} has no class"


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _order(name: str) -> tuple[float, str]:
    return (float(name), name) if _is_number(name) else (math.inf, name)
