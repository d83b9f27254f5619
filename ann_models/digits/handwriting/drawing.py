"""Strokes → ink on a raster, → MNIST's form by the preparation of the service."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from digit_images.normalization import normalize

SIDE = 128  # pixels of the raster
BOX = 92  # pixels that the longer side of the pen's way takes
CHUNKS = 8  # parts of a stroke, each drawn with a pen of one width

Floats = NDArray[np.float32]


def fitted(strokes: Floats) -> Floats:
    """Return strokes (digits, places, 2) in pixels, each digit in the middle of the raster."""
    low, high = strokes.min(axis=1, keepdims=True), strokes.max(axis=1, keepdims=True)
    scale = BOX / (high - low).max(axis=2, keepdims=True)
    return (strokes - (low + high) / 2) * scale + SIDE / 2


def drawn(strokes: list[Floats], pen: float, pressure: list[Floats] | None = None) -> Floats:
    """Return the ink of one digit, (SIDE, SIDE) of 0 and 1.

    Grey levels come with the reduction to 28×28, which averages 20 pixels and more.

    Args:
        strokes: each (places, 2) in pixels.
        pen: its width in pixels.
        pressure: of each stroke, the factor of the width in each of its CHUNKS; none: 1.
    """
    paper = Image.new("L", (SIDE, SIDE))
    draw = ImageDraw.Draw(paper)
    for index, stroke in enumerate(strokes):
        if pressure is None:
            trace(draw, stroke, pen)
            continue
        bounds = np.linspace(0, len(stroke) - 1, CHUNKS + 1).astype(int)
        for chunk, factor in enumerate(pressure[index].tolist()):
            trace(draw, stroke[bounds[chunk] : bounds[chunk + 1] + 1], pen * factor)
    return np.asarray(paper, np.float32)


def trace(draw: ImageDraw.ImageDraw, stroke: Floats, pen: float, ink: int = 1) -> None:
    """Draw one stroke (places, 2) of a round pen."""
    draw.line(stroke.ravel().tolist(), ink, max(1, round(pen)))
    radius = pen / 2 - 0.5
    for x, y in _turns(stroke).tolist():
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), ink)


def _turns(stroke: Floats) -> Floats:
    """Return the ends, and where a line's straight pieces would leave a notch."""
    steps = np.diff(stroke, axis=0)
    cross = steps[:-1, 0] * steps[1:, 1] - steps[:-1, 1] * steps[1:, 0]
    dot = (steps[:-1] * steps[1:]).sum(axis=1)
    sharp = np.abs(cross) > 0.3 * dot
    return np.concatenate([stroke[:1], stroke[1:-1][sharp], stroke[-1:]])


def prepared(ink: Floats) -> Floats:
    """Return the ink in MNIST's form, (28, 28)."""
    return normalize(ink)
