"""An opened file of a picture → grey, upright and on paper: one way for training and service."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Pixels = NDArray[np.float32]

WORKING_SIDE = 400  # larger pictures are reduced to this before anything is measured
DRAFT = (2 * WORKING_SIDE, 2 * WORKING_SIDE)  # of a JPEG no more than this is unpacked, or a little
WHITES = (1, 255, 4095, 65535, 2**32 - 1)  # of pictures with more than 8 bits a pixel


def draft(image: Image.Image) -> None:
    """Have no more of a JPEG unpacked than is used; call it once, before `to_grey`."""
    image.draft("L", DRAFT)


def to_grey(image: Image.Image) -> Pixels:
    """Return the first frame in grey, float32 (height, width) in [0, 1], at most 400 a side.

    It is turned as its EXIF data says, in place, and stands on its own background, or strokes
    without one on what they stand out from. Of more than 8 bits, the least usual white that no
    pixel exceeds is 1.

    Raises:
        Exception: the file is damaged; Pillow raises almost anything then.
    """
    ImageOps.exif_transpose(image, in_place=True)  # no second copy in memory
    if image.mode[0] in "IF":  # integers of 16 or 32 bits, or floats
        deep = np.array(image, np.float32)
        np.nan_to_num(deep, copy=False, posinf=0)
        np.maximum(deep, 0, out=deep)
        white = next((white for white in WHITES if white >= deep.max()), deep.max())
        return _reduced(Image.fromarray(deep), white)
    if image.has_transparency_data:
        grey, alpha = image.convert("RGBA").convert("LA").split()
        return _on_canvas(_reduced(grey), _reduced(alpha))
    return _reduced(image.convert("L"))


def _reduced(image: Image.Image, white: float = 255) -> Pixels:
    image.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX)
    return np.asarray(image, np.float32) / np.float32(white)


def _on_canvas(grey: Pixels, alpha: Pixels) -> Pixels:
    """Fill what is transparent with a grey against which the drawing shows."""
    if alpha.mean() > 0.5:  # a picture with transparent parts: continue its own background
        canvas = np.median(grey[alpha > 0.5])
    else:  # strokes on nothing: white paper or a blackboard, whichever they stand out from
        canvas = np.float32(np.sum((grey - 0.5) * alpha) < 0)
    return grey * alpha + canvas * (1 - alpha)
