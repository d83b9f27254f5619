"""Ink on paper → the 28×28 form of MNIST: pen width, size, and position."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.float32]

SIDE, BOX, CENTRE = 28, 20, 14  # MNIST: a 20×20 box, its centre of mass on pixel 14
PEN = (1.8, 3.5)  # width of strokes of four MNIST digits in five, in pixels of the 20×20 box
PLACES = np.arange(SIDE, dtype=np.float32)


def normalize(ink: Pixels) -> Pixels:
    """Return ink (height, width) in [0, 1], not 0 everywhere, in MNIST's form (28, 28)."""
    return mnist_form(with_usual_pen(ink))


def with_usual_pen(ink: Pixels) -> Pixels:
    """Widen hairlines and narrow fat strokes to what is usual in MNIST for a digit of that size.

    What it returns has no empty margins. The mean width of strokes is twice their area over the
    length of their outline.
    """
    ink = _cropped(ink)
    scale = BOX / max(ink.shape)
    solid = framed(ink > 0.5, 1)
    changes = (solid[1:] != solid[:-1], solid[:, 1:] != solid[:, :-1])
    outline = sum(np.count_nonzero(change) for change in changes) * np.pi / 4
    width = scale * 2 * np.count_nonzero(solid) / outline
    change = min(max(width, PEN[0]), PEN[1]) - width
    steps = round(abs(change) / 2 / scale)  # each moves both sides of a stroke by one pixel
    for _ in range(steps):
        changed = each_of_three(np.maximum if change > 0 else np.minimum, framed(ink, 2))
        if not changed.any():
            break
        ink = changed
    return ink


def framed(pixels: np.ndarray, width: int) -> np.ndarray:
    """Return the pixels with a frame of zeros, in a tenth of the time of `np.pad`."""
    height, length = pixels.shape
    larger = np.zeros((height + 2 * width, length + 2 * width), pixels.dtype)
    larger[width:-width, width:-width] = pixels
    return larger


def _cropped(ink: Pixels) -> Pixels:
    inked = ink != 0
    rows = inked.any(axis=1).nonzero()[0]
    columns = inked[rows[0] : rows[-1] + 1].any(axis=0).nonzero()[0]
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def each_of_three(choose: np.ufunc, padded: np.ndarray) -> np.ndarray:
    """Return the highest or lowest of each 3×3 neighbourhood, one pixel less on each side."""
    rows = choose(choose(padded[:-2], padded[1:-1]), padded[2:])
    return choose(choose(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])


def mnist_form(ink: Pixels) -> Pixels:
    """Fit the ink into a 20×20 box and put its centre of mass on pixel (14, 14).

    The preparation that LeCun, Cortes and Burges describe for MNIST: the aspect ratio is kept,
    grey levels come from averaging, the move is by whole pixels.

    Args:
        ink: (height, width) in [0, 1], not 0 everywhere.

    Returns:
        float32 (28, 28) in [0, 1].
    """
    cropped = _cropped(ink)
    scale = BOX / max(cropped.shape)
    height, width = (max(1, round(scale * side)) for side in cropped.shape)
    method = Image.Resampling.BOX if scale <= 1 else Image.Resampling.BICUBIC
    box = np.asarray(Image.fromarray(cropped).resize((width, height), method)).clip(0, 1)
    top, left = (_start(box.sum(axis=axis)) for axis in (1, 0))
    digit = np.zeros((SIDE, SIDE), np.float32)
    digit[top : top + height, left : left + width] = box
    return digit


def _start(profile: Pixels) -> int:
    """Return where a box must begin for its centre of mass to lie on the centre pixel."""
    centre_of_mass = PLACES[: len(profile)].dot(profile) / np.add.reduce(profile)
    return min(max(round(CENTRE - centre_of_mass), 0), SIDE - len(profile))


def already_in_mnist_form(contrast: Pixels) -> Pixels | None:
    """Return a square picture reduced to 28×28, if MNIST's preparation would not change it."""
    height, width = contrast.shape
    if height != width or height < SIDE:
        return None
    small = Image.fromarray(contrast).resize((SIDE, SIDE), Image.Resampling.BOX)
    for rim in (0, 0.15):  # 0.15: what enlarging or JPEG leaves around a digit
        digit = np.asarray(small)
        digit = np.where(digit > rim, digit.clip(0, 1), 0)
        if is_mnist_form(digit):
            return digit
    return None


def is_mnist_form(digit: Pixels) -> bool:
    """Whether a picture (28, 28) with ink 1 on 0 is what `mnist_form` makes of it."""
    if digit[0].any() or np.maximum.reduce(digit, axis=None) <= 0.9:
        return False
    longest = 0
    for axis in (1, 0):
        profile = np.add.reduce(digit, axis=axis)
        inked = profile.nonzero()[0]
        start, end = inked[0], inked[-1] + 1
        if _start(profile[start:end]) != start:
            return False
        longest = max(longest, end - start)
    return longest == BOX
