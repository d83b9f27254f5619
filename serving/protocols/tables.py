"""Tables, as data frames and CSV files hold images → rows that `digits.from_json` reads.

A table has one column named "images" of nested lists or pictures, or a column a pixel. Columns are
found by their names, as MLflow's scoring server does with a model's signature: their order means
nothing, and others, such as an index, are ignored; two sets of pixels are refused. Only a table
without names is read by position.
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
from serving.protocols.digits import MARKS, MAX_IMAGES, MAX_VALUES, PIXELS, SIDE

COLUMN = "images"
MAX_COLUMNS = 10_000
MAX_NAME = 100  # characters; a longer name is no pixel's
csv.field_size_limit(MAX_BYTES)  # a cell may hold a picture, which only the body's size bounds
_CHARSETS = re.compile(
    r"utf-?8|utf-?16|utf-16-?[lb]e|(windows-|cp)125\d|iso-8859-\d\d?|latin-?1|(us-)?ascii"
)
_BOOLEANS = ("false", "true")
_SAVED = 'save the table as "CSV UTF-8"'
_EXCEL_SEPARATOR = re.compile(r'"?sep=([,;\t])"?\r?\n', re.IGNORECASE)
_ORDERS = [
    order
    for first in (0, 1)
    for order in (
        [(first + pixel,) for pixel in range(PIXELS)],
        [(first + row, first + column) for row in range(SIDE) for column in range(SIDE)],
    )
]
_AXES = {"r": 0, "row": 0, "y": 0, "c": 1, "col": 1, "column": 1, "x": 1}  # row first, as in arrays
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
    if COLUMN not in texts:
        order = pixel_order(texts)
        return rows if order == list(range(width)) else [[row[at] for at in order] for row in rows]
    _check_one(
        [[place] for place, name in enumerate(texts) if name == COLUMN] + _sets(texts), texts
    )
    place = texts.index(COLUMN)
    return [row[place] for row in rows]


def pixel_order(names: Sequence[str]) -> list[int]:
    """Where each of the 784 pixels lies among the columns, in reading order.

    Names with two numbers give the row first; x and y, or c and r, the column first.

    Raises:
        InvalidDigits: the names do not say so, or there are several sets of pixels.
        TooLarge: there are more than `MAX_COLUMNS`.
    """
    sets = _sets(names)
    if not sets:
        shown = brief(list(names))
        raise InvalidDigits(f"The {len(names)} columns are named {shown}; {_EXPECTED}.")
    _check_one(sets, names)
    return sets[0]


def _check_one(sets: list[list[int]], names: Sequence[str]) -> None:
    if len(sets) > 1:
        first, second, *_ = (brief(names[places[0]]) for places in sets)
        raise InvalidDigits(
            f"The columns hold several sets of pixels, which begin with {first} and {second}; send "
            "one."
        )


def _sets(names: Sequence[str]) -> list[list[int]]:
    """The columns of each whole set of pixels, in reading order."""
    if len(names) > MAX_COLUMNS:
        raise TooLarge(f"The table has {len(names):,} columns; send at most {MAX_COLUMNS:,}.")
    families: dict[tuple[str, ...], list[tuple[tuple[int, ...], int]]] = {}
    for place, name in enumerate(names):
        if len(name) <= MAX_NAME:
            numbers = tuple(int(text) for text in re.findall(r"\d{1,6}", name, re.ASCII))
            family = tuple(re.split(r"\d{1,6}", name))
            families.setdefault(family, []).append((numbers, place))
    sets = []
    for family, columns in families.items():
        if len(columns) < PIXELS:
            continue
        if _is_column_first(family):
            columns = [(numbers[::-1], place) for numbers, place in columns]
        places = dict(columns)
        for order in _ORDERS if len(places) == PIXELS else ():
            if all(key in places for key in order):
                sets.append([places[key] for key in order])
                if len(columns) > PIXELS:
                    doubled = next(place for key, place in columns if place != places[key])
                    raise InvalidDigits(f"Two columns are named {brief(names[doubled])}; send one.")
    return sets


def _is_column_first(family: tuple[str, ...]) -> bool:
    """Whether the first of two numbers is a column's, as in x0y0 or col0_row0."""
    if len(family) != 3:
        return False
    words = [re.findall(r"[a-z]+", text.lower())[-1:] for text in family[:2]]
    first, second = (_AXES.get(word[0]) if word else None for word in words)
    return first != second and (first == 1 or second == 0)


def from_csv(body: bytes, charset: str = "") -> list[Any]:
    """The images of a CSV table, as pandas and Excel write it; with a header line or without.

    Args:
        body: the table.
        charset: that the sender names; "": UTF-8, or what Excel writes on Windows (cp1252).

    Raises:
        InvalidRequest: it is no table, or a cell is no number.
        InvalidDigits: the names do not say which pixel is where.
        TooLarge: it has more than `MAX_IMAGES` rows, `MAX_COLUMNS` or `MAX_VALUES` cells.
    """
    lines = _lines(_text(body, charset))
    if not lines:
        raise InvalidRequest("The table is empty; expected a header line, and a line an image.")
    if any(all(_counts(line, first) for line in lines[:2]) for first in (0, 1)):
        raise InvalidRequest(
            "The table has two header lines, as pandas writes a MultiIndex; expected one line with "
            "names such as 1x1 to 28x28."
        )
    names: list[str] | None = None
    if not _are_values(lines[0]):
        names = [cell.strip() for cell in lines.pop(0)]
    if not lines:
        raise InvalidRequest("The table has a header line alone; expected a line an image.")
    if len(lines) > MAX_IMAGES:
        raise TooLarge(f"The table has more than {MAX_IMAGES:,} rows; send fewer at once.")
    if names is None and len(lines[0]) == 1:  # a column of numbers is the pixels of one image
        lines = [[cell for line in lines for cell in line]]
    rows = enumerate(rows_by_name(names, [list(line) for line in lines]), 1)
    if names and COLUMN in names:
        return [_nested(cell, row) for row, cell in rows]
    return [[_number(cell, row) for cell in image] for row, image in rows]


def _text(body: bytes, charset: str) -> str:
    marked = (encoding for mark, encoding in MARKS.items() if body.startswith(mark))
    encoding = next(marked, charset or "utf-8")
    try:
        if _CHARSETS.fullmatch(encoding):
            return body.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        if encoding == "utf-8" and not charset:
            return body.decode("cp1252", "replace")
        raise InvalidRequest(
            f"The body is no CSV table in {encoding}: {error}; {_SAVED}."
        ) from None
    except LookupError:  # iso-8859-12, say
        pass
    raise InvalidRequest(f"The charset {charset!r} is not read; {_SAVED}.")


def _lines(text: str) -> list[list[str]]:
    if named := _EXCEL_SEPARATOR.match(text):
        text = text[named.end() :]
    try:
        delimiter = named[1] if named else _delimiter(text.partition("\n")[0])
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
    except csv.Error as error:
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
        numbers = [_float(cell) for cell in line]
    except ValueError:
        return False
    return len(set(numbers)) < len(numbers) or len(numbers) == 1


def _counts(line: list[str], first: int) -> bool:
    """Whether a line has the numbers of 28 rows or columns, over and over."""
    return {cell.strip() for cell in line} == {str(first + n) for n in range(SIDE)}


def _float(cell: str) -> float:
    """A number, or a boolean as pandas and R write it.

    Raises:
        ValueError: it is neither.
    """
    try:
        return float(cell)
    except ValueError:
        return float(_BOOLEANS.index(cell.strip().lower()))


def _number(cell: str, row: int) -> float:
    try:
        return _float(cell)
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
