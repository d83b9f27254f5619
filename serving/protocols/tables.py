"""Tables, as data frames and CSV files hold images → rows that `digits.from_json` reads.

A table has one column named "images" of nested lists or pictures, or a column a pixel. Columns are
found by their names, as MLflow's scoring server does with a model's signature: their order means
nothing, and others, such as an index, are ignored. Only a table without names is read by position.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from reprlib import repr as brief
from typing import Any

import orjson

from serving.errors import InvalidDigits, InvalidRequest, TooLarge
from serving.images import MAX_BYTES
from serving.protocols.digits import MAX_IMAGES, MAX_VALUES, PIXELS, SIDE

COLUMN = "images"
MAX_COLUMNS = 10_000
MAX_NAME = 100  # characters; a longer name is no pixel's
csv.field_size_limit(MAX_BYTES)  # a cell may hold a picture, which only the body's size bounds
_ORDERS = [
    order
    for first in (0, 1)
    for order in (
        [(first + pixel,) for pixel in range(PIXELS)],
        [(first + row, first + column) for row in range(SIDE) for column in range(SIDE)],
    )
]
_EXPECTED = (
    f'expected one column "{COLUMN}", or {PIXELS} with numbers in their names, such as pixel0 to '
    "pixel783 or 1x1 to 28x28"
)


def rows_by_name(names: Sequence[Any] | None, rows: list[list[Any]]) -> list[Any]:
    """Each row's image: what its column "images" holds, or its pixels in order.

    Args:
        names: of the columns; None if they have none.
        rows: at least one, each with a value a column.

    Raises:
        InvalidRequest: a row has another length than the names.
        InvalidDigits: the names do not say which pixel is where.
        TooLarge: there are more than `MAX_COLUMNS`.
    """
    width = len(rows[0]) if names is None else len(names)
    for number, row in enumerate(rows, 1):
        if len(row) != width:
            raise InvalidRequest(
                f"Row {number} has {len(row)} values; expected {width}, one a column."
            )
    if names is None:
        return [row[0] for row in rows] if width == 1 else rows
    if any(isinstance(name, list | dict) for name in names):
        raise InvalidDigits(f"A column is named with a list or an object; {_EXPECTED}.")
    texts = [str(name).strip() for name in names]
    if COLUMN in texts:
        place = texts.index(COLUMN)
        return [row[place] for row in rows]
    order = pixel_order(texts)
    return rows if order == list(range(width)) else [[row[at] for at in order] for row in rows]


def pixel_order(names: Sequence[str]) -> list[int]:
    """Where each of the 784 pixels lies among the columns, in reading order.

    Raises:
        InvalidDigits: the names do not say so.
        TooLarge: there are more than `MAX_COLUMNS`.
    """
    if len(names) > MAX_COLUMNS:
        raise TooLarge(f"The table has {len(names):,} columns; send at most {MAX_COLUMNS:,}.")
    families: dict[tuple[str, ...], dict[tuple[int, ...], int]] = {}
    for place, name in enumerate(names):
        if len(name) <= MAX_NAME:
            numbers = tuple(int(text) for text in re.findall(r"\d{1,6}", name, re.ASCII))
            family = tuple(re.split(r"\d{1,6}", name))
            families.setdefault(family, {}).setdefault(numbers, place)
    for places in families.values():
        if len(places) == PIXELS:
            for order in _ORDERS:
                if all(key in places for key in order):
                    return [places[key] for key in order]
    shown = brief(list(names))
    raise InvalidDigits(f"The {len(names)} columns are named {shown}; {_EXPECTED}.")


def from_csv(body: bytes) -> list[Any]:
    """The images of a CSV table, as pandas and Excel write it; with a header line or without.

    Raises:
        InvalidRequest: it is no table, or a cell is no number.
        InvalidDigits: the names do not say which pixel is where.
        TooLarge: it has more than `MAX_IMAGES` rows, `MAX_COLUMNS` or `MAX_VALUES` cells.
    """
    lines = _lines(body)
    if not lines:
        raise InvalidRequest("The table is empty; expected a header line, and a line an image.")
    names: list[str] | None = None
    if not _are_values(lines[0]):
        names = [cell.strip() for cell in lines.pop(0)]
    if not lines:
        raise InvalidRequest("The table has a header line alone; expected a line an image.")
    if len(lines) > MAX_IMAGES:
        raise TooLarge(f"The table has more than {MAX_IMAGES:,} rows; send fewer at once.")
    rows = enumerate(rows_by_name(names, [list(line) for line in lines]), 1)
    if names and COLUMN in names:
        return [_nested(cell, row) for row, cell in rows]
    return [[_number(cell, row) for cell in image] for row, image in rows]


def _lines(body: bytes) -> list[list[str]]:
    encoding = "utf-16" if body[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = body.decode(encoding)
        delimiter = _delimiter(text.partition("\n")[0])
        for mark in (delimiter, "\n", "\r"):
            if text.count(mark) > MAX_VALUES:
                raise TooLarge(
                    f"The table has more than {MAX_VALUES:,} cells or lines; send fewer at once."
                )
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        lines = []
        for line in reader:
            if any(cell.strip() for cell in line):
                lines.append(line)
            if len(lines) > MAX_IMAGES + 1:
                raise TooLarge(f"The table has more than {MAX_IMAGES:,} rows; send fewer at once.")
    except (csv.Error, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The body is no CSV table: {error}.") from None
    if delimiter == ";" and COLUMN not in map(str.strip, lines[0] if lines else ()):
        lines = [[cell.replace(",", ".") for cell in line] for line in lines]
    return lines


def _delimiter(first: str) -> str:
    """What stands between the cells of a first line."""
    start, end = first.find("["), first.rfind("]")
    bare = first[:start] + first[end + 1 :] if 0 <= start < end else first
    semicolons = bare.count(";")
    if semicolons and (semicolons >= bare.count(",") or _have_decimal_commas(bare)):
        return ";"  # Excel, where numbers have a decimal comma
    return "\t" if "\t" in bare and "," not in bare else ","


def _have_decimal_commas(line: str) -> bool:
    try:
        for cell in line.replace('"', "").split(";"):
            float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _are_values(line: list[str]) -> bool:
    """Whether a first line holds pixels and no names: numbers that do not count the columns."""
    try:
        numbers = [float(cell) for cell in line]
    except ValueError:
        return False
    return len(set(numbers)) < len(numbers) or len(numbers) == 1


def _number(cell: str, row: int) -> float:
    try:
        return float(cell)
    except ValueError:
        raise InvalidRequest(f"Row {row} has {brief(cell)}, which is no number.") from None


def _nested(cell: str, row: int) -> Any:
    """Lists in JSON; or a picture, as text as it is or in JSON."""
    if not cell.lstrip().startswith(("[", "{", '"')):
        return cell
    try:
        return orjson.loads(cell)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"Row {row}'s {COLUMN} is no JSON: {error}.") from None
