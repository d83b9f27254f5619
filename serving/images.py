"""Bytes of any common picture of one digit → the 28×28 form of MNIST."""

from __future__ import annotations

import io
import struct
import threading
import warnings
from collections.abc import Callable
from contextlib import nullcontext, suppress

import numpy as np
import pyspng
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

import digit_images.ink
from digit_images.decoding import draft, to_grey
from digit_images.ink import prepare
from digit_images.photos import prepare_photo
from serving.errors import InvalidImage, NoInk, TooLarge

Pixels = NDArray[np.float32]

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
MAX_BYTES = 10_000_000
MAX_PIXELS = 25_000_000
MAX_BATCH_PIXELS = 100_000_000  # unpacked; 32 photographs of a phone have 96 million
TINY = 64 * 64  # pixels …
TINY_BYTES = 16_384  # … in a file without much else
LARGE = 4_000_000  # pixels
# Pillow would warn on standard error of what is refused here, or read, anyway.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

_one_large = threading.Lock()  # a large picture may take 330 MB

PNG = b"\x89PNG\r\n\x1a\n"
GREY = bytes([8, 0, 0, 0, 0])  # 8 bits, grey, deflated, filtered, row after row
IEND = b"\0\0\0\0IEND\xaeB`\x82"


def to_digit(content: bytes) -> Pixels:
    """Return the digit of a picture as MNIST's authors would have prepared it.

    Any size, colour, polarity, position, pen and lighting; the first frame of several; turned as
    its EXIF data says. A picture already in MNIST's form is not changed.

    Args:
        content: a PNG, JPEG, GIF, BMP, WebP or TIFF file.

    Returns:
        float32 (28, 28) in [0, 1], ink 1 on 0.

    Raises:
        InvalidImage: not such a file, damaged, or larger than `MAX_BYTES` or `MAX_PIXELS`.
        NoInk: nothing is drawn on the picture.
    """
    grey = _plain(content) if is_tiny(content) else None
    if grey is None:
        grey = decode(content)
    return _prepared(grey, prepare_photo)


def to_picture(content: bytes) -> Pixels:
    """Return a picture in the form in which a model of other pictures than digits has learned them.

    As `to_digit`, but for a picture of 28×28 pixels, which is taken as it is.

    Raises:
        InvalidImage, NoInk: as for `to_digit`.
    """
    grey = decode(content)
    return grey if grey.shape == (28, 28) else _prepared(grey, prepare)


def _prepared(grey: Pixels, prepared: Callable[[Pixels], Pixels]) -> Pixels:
    try:
        return prepared(grey)
    except digit_images.ink.NoInk as error:
        raise NoInk(str(error)) from None


def is_tiny(content: bytes) -> bool:
    """Whether this is a PNG file of so few bytes and pixels that it is read in a moment."""
    if not content.startswith(PNG) or not 24 <= len(content) <= TINY_BYTES:
        return False
    width, height = struct.unpack(">II", content[16:24])
    return 0 < width * height <= TINY


def _plain(content: bytes) -> Pixels | None:
    """Return the pixels of a tiny PNG file in grey that holds nothing else; None for any other.

    So that programs that send MNIST's digits do not wait for what Pillow prepares for all others.
    """
    after_pixels = 45 + int.from_bytes(content[33:37])
    if content[24:29] != GREY or content[37:41] != b"IDAT" or content[after_pixels:] != IEND:
        return None
    try:
        return pyspng.load(content) / np.float32(255)
    except RuntimeError:  # damaged; Pillow says how
        return None


def check_together(contents: list[bytes]) -> None:
    """Refuse pictures that are too much together, before any of them is unpacked.

    Raises:
        TooLarge: they have more than `MAX_BATCH_PIXELS`; a JPEG counts as what is unpacked of it.
    """
    pixels = 0
    for content in contents:
        with suppress(Exception), Image.open(io.BytesIO(content), formats=FORMATS) as image:
            draft(image)
            pixels += image.width * image.height
    if pixels > MAX_BATCH_PIXELS:
        raise TooLarge(
            f"The pictures have {pixels:,} pixels in all; send at most {MAX_BATCH_PIXELS:,}."
        )


def decode(content: bytes) -> Pixels:
    """Return the picture in grey, float32 (height, width) in [0, 1], at most 400 pixels a side.

    Raises:
        InvalidImage: as for `to_digit`.
    """
    if not 0 < len(content) <= MAX_BYTES:
        raise InvalidImage(
            f"The picture has {len(content):,} bytes; expected 1 to {MAX_BYTES:,}. "
            "Send the content of one image file, reduced if need be."
        )
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
            if width * height <= MAX_PIXELS:  # known before the pixels are unpacked
                draft(image)
                with _one_large if image.width * image.height > LARGE else nullcontext():
                    return to_grey(image)
    except Image.DecompressionBombError:  # so many that Pillow does not say how many a side
        raise InvalidImage(
            f"The picture has more than {MAX_PIXELS:,} pixels. Send a smaller one."
        ) from None
    except Exception as error:  # on damaged files Pillow raises almost anything
        fault = "unknown format" if isinstance(error, UnidentifiedImageError) else error
        raise InvalidImage(
            f"The {len(content):,} bytes cannot be read as a picture ({fault}). "
            f"Send a whole {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file."
        ) from error
    raise InvalidImage(
        f"The picture has {width} × {height} pixels; expected at most {MAX_PIXELS:,} in all. "
        "Send a smaller one."
    )
