"""Numbers and pictures as they come over the wire → float32 images (n, 28, 28)."""

from __future__ import annotations

import binascii
import codecs
import re
import struct
import sys
from array import array
from collections.abc import Callable
from itertools import chain
from reprlib import repr as brief
from typing import Any
from urllib.parse import unquote

import numpy as np
import orjson
from numpy.typing import NDArray

from serving.errors import InvalidDigits, InvalidRequest, TooLarge
from serving.images import check_together, to_digit

SIDE = 28
PIXELS = SIDE * SIDE
MAX_IMAGES = 2000  # at once
MAX_PICTURES = 32  # at once; each may take a tenth of a second
MAX_DIMENSIONS = 4  # images, rows, columns, channel
# Read, ten million bytes of brackets take 300 MB and more; they are counted before.
MAX_LISTS = 200_000  # 2,000 images of 28 rows have 58,000
MAX_VALUES = 2_000_000  # 2,000 images have 1,568,000

Images = NDArray[np.float32]
Pictures = list[bytes]  # files, to be decoded where there is time

MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
ROUNDING = 1e-5  # what is out of [0, 1] by this much is there by rounding
_ONE = int(np.float32(1).view(np.uint32))
_ONE_IMAGE = struct.Struct(f"{PIXELS}f")
_EXPECTED = "expected 784 numbers, 28×28, or a batch of such images"


def parse_json(body: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        InvalidRequest: it is not JSON; NaN and Infinity are not.
        TooLarge: it has more than `MAX_LISTS` lists and objects, or `MAX_VALUES` values.
    """
    if len(body) > MAX_LISTS:
        _count(body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        fault = error
    for mark, encoding in MARKS.items():  # as Windows' programs write it
        if body.startswith(mark):
            try:
                return orjson.loads(_recoded(body[len(mark) :], encoding))
            except orjson.JSONDecodeError as error:
                fault = error
    raise InvalidRequest(f"The body is not JSON: {fault}.")


def the_one(content: dict[str, Any], *names: str) -> Any:
    """The value of the one of these fields that is there; null is not.

    Raises:
        InvalidDigits: none is there, or several are.
    """
    found = [name for name in names if content.get(name) is not None]
    null = [name for name in names if name in content]
    if not found and null:
        raise InvalidDigits(f"{null[0]} is null; expected a value.")
    if len(found) != 1:
        seen = f"has {' and '.join(found)}" if found else f"has the fields {brief(list(content))}"
        one_of = "one of " if len(names) > 1 else ""
        raise InvalidDigits(f"The object {seen}; expected {one_of}{', '.join(names)}.")
    return content[found[0]]


def _recoded(body: bytes, encoding: str) -> bytes:
    try:
        return body.decode(encoding).encode()
    except UnicodeError as error:
        raise InvalidRequest(f"The body is no text in {encoding.upper()}: {error}.") from None


def _count(body: bytes) -> None:
    lists = body.count(b"[") + body.count(b"{")
    if lists > MAX_LISTS:
        raise TooLarge(
            f"The body has {lists:,} lists and objects; send at most {MAX_LISTS:,}, each pixel as "
            "a number and not as a list of its own."
        )
    values = body.count(b",")
    if values > MAX_VALUES:
        raise TooLarge(
            f"The body has {values:,} values; send at most {MAX_IMAGES:,} images at once."
        )


def from_json(value: Any) -> Images | Pictures:
    """Images from nested lists (784 numbers, 28×28, or a batch of either), or pictures in base64.

    A picture is a data: URL, base64 alone, or TensorFlow Serving's {"b64": base64}; or a list of
    them.

    Raises:
        InvalidDigits: it is none of these, or a pixel is not a number in [0, 1].
        TooLarge: the batch has more than `MAX_IMAGES`, or `MAX_PICTURES`.
    """
    if type(value) is list and len(value) == PIXELS and type(value[0]) is not list:
        try:  # the usual case, three times as fast as NumPy's way
            image = np.frombuffer(_ONE_IMAGE.pack(*value), np.float32).reshape(1, SIDE, SIDE)
        except (struct.error, OverflowError, TypeError):
            if not _is_picture(value[0]) or _is_number(value[0]):
                raise InvalidDigits(
                    f"{_no_number(value, [PIXELS])}; expected 784 numbers in [0, 1]."
                ) from None
        else:
            return in_range(image)
    if _is_picture(value):
        return [picture(value)]
    if type(value) is not list or not value:
        raise InvalidDigits(f"The image is {_seen(value)}; {_EXPECTED}.")
    if _is_picture(value[0]):
        return pictures(value)
    return in_range(shaped(from_lists(value)))


def _is_picture(value: Any) -> bool:
    return type(value) is str or (type(value) is dict and value.keys() == {"b64"})


def _is_number(value: Any) -> bool:
    """Whether it is a number that was written as a text."""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def pictures(values: list[Any]) -> Pictures:
    """The files of pictures in base64.

    Raises:
        InvalidDigits, TooLarge: as for `from_json`.
    """
    if len(values) > MAX_PICTURES:
        raise TooLarge(
            f"The batch has {len(values):,} pictures; send at most {MAX_PICTURES} at once."
        )
    return [picture(value) for value in values]


def picture(value: Any) -> bytes:
    """The file of a picture in base64, in the standard or the URL-safe alphabet.

    Raises:
        InvalidDigits: it is none.
    """
    text = value.get("b64") if type(value) is dict else value
    if type(text) is not str:
        raise InvalidDigits(f"The picture is {_seen(text)}; expected a string in base64.")
    head, comma, rest = text.partition(",")
    if comma and head[:5].lower() == "data:":
        if not head.lower().endswith(";base64"):
            raise InvalidDigits("The data: URL does not end with ;base64 before its comma.")
        text = unquote(rest)
    text = re.sub(r"\s+", "", text).translate(_TO_STANDARD).rstrip("=")
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError as error:
        raise InvalidDigits(
            f"The string is no picture in base64 ({error}); expected a PNG or JPEG file, such as "
            "data:image/png;base64,…, or lists of numbers."
        ) from None


def decoded(
    images: Images | Pictures, decode: Callable[[bytes], NDArray[np.float32]] = to_digit
) -> Images:
    """The images themselves, or those of pictures.

    Raises:
        InvalidImage: one cannot be read.
        TooLarge: they have too many pixels in all.
    """
    if not isinstance(images, list):
        return images
    if len(images) == 1:
        return decode(images[0])[np.newaxis]
    check_together(images)
    return np.stack([decode(content) for content in images])


def from_lists(value: list[Any]) -> NDArray[np.float64]:
    """The array of nested lists of numbers.

    NumPy's own way makes room for the longest text a million times over before it refuses one.

    Raises:
        InvalidDigits: the lists are ragged or nested too deep, or a value is not a number.
    """
    shape = [len(value)]
    while value and type(value[0]) is list:
        lengths = {len(row) if type(row) is list else -1 for row in value}
        if len(lengths) > 1 or len(shape) == MAX_DIMENSIONS:
            raise InvalidDigits(
                f"The lists are ragged or nested too deep, so they make no array; {_EXPECTED}."
            )
        shape += lengths
        value = list(chain.from_iterable(value))
    try:
        return np.array(array("d", value)).reshape(shape)
    except (TypeError, OverflowError):
        fault = _no_number(value, shape)
        raise InvalidDigits(f"{fault}; {_EXPECTED}, each in [0, 1].") from None


def _no_number(values: list[Any], shape: list[int]) -> str:
    """Which of the values of nested lists with this shape is none, and where it lies."""
    most = sys.float_info.max
    wrong = (n for n, v in enumerate(values) if type(v) not in _NUMBERS or abs(v) > most)
    place = next(wrong)
    where = [int(index) for index in np.unravel_index(place, shape)]
    shown = "null" if values[place] is None else brief(values[place])
    return f"The pixel at {where if len(where) > 1 else place} is {shown}, not a number"


def shaped(array: NDArray[Any]) -> Images:
    """Reshape an array of numbers to (n, 28, 28).

    Raises:
        InvalidDigits: its shape is not that of images.
        TooLarge: the batch has more than `MAX_IMAGES`.
    """
    shape = array.shape
    if shape[-1:] == (1,):  # a channel, the last axis as TensorFlow has it …
        shape = shape[:-1]
    elif len(shape) == 4 and shape[1] == 1:  # … or the second, as PyTorch has it
        shape = shape[:1] + shape[2:]
    one = shape in ((PIXELS,), (SIDE, SIDE))
    if not one and (shape[1:] not in ((PIXELS,), (SIDE, SIDE)) or not shape[0]):
        raise InvalidDigits(f"The array has the shape {list(array.shape)}; {_EXPECTED}.")
    if not one and shape[0] > MAX_IMAGES:
        raise TooLarge(f"The batch has {shape[0]:,} images; send at most {MAX_IMAGES:,} at once.")
    with np.errstate(over="ignore"):  # what is too large for float32 is out of range, too
        return array.reshape(-1, SIDE, SIDE).astype(np.float32, copy=False)


def in_range(images: Images) -> Images:
    """The images themselves, if every pixel lies in [0, 1], but for rounding.

    Raises:
        InvalidDigits: one does not, or is not a number.
    """
    if np.maximum.reduce(images.view(np.uint32), axis=None) <= _ONE:
        return images  # as integers, floats in [0, 1] are the least: one pass instead of two
    low, high = images.min(), images.max()
    if low >= -ROUNDING and high <= 1 + ROUNDING:  # NaN fails
        return images.clip(0, 1)
    if np.isnan(low):
        raise InvalidDigits("A pixel is NaN, not a number; expected numbers in [0, 1], ink 1 on 0.")
    advice = " Divide 8-bit pixels by 255." if low >= 0 and 1 < high <= 255 else ""
    raise InvalidDigits(
        f"The pixels range from {low:.7g} to {high:.7g}; expected numbers in [0, 1], ink 1 on 0."
        f"{advice}"
    )


def _seen(value: Any) -> str:
    if value is None:
        return "missing"
    return "an empty list" if value == [] else f"of the JSON type {_JSON_TYPES[type(value)]}"


_NUMBERS = (float, int, bool)
_JSON_TYPES = {
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
}
_TO_STANDARD = str.maketrans("-_", "+/")
