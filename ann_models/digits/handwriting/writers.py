"""Hands: how each of many writers writes, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Hands:
    """The styles of so many writers; every array has one value a writer.

    Attributes:
        slant: sideways per height; positive leans to the right.
        turn: of the whole digit, in radians.
        width: of digits, as a factor.
        roundness: of corners, 0 to 1.
        carelessness: how far points are missed from digit to digit, in heights.
        tremor: of the pen, in heights.
        haste: 0 to 1; a hurried pen overshoots, stays on the paper between strokes, leaves gaps.
        pen: width of strokes, in heights.
        pressure: how much that varies along a stroke, as a share.
        habits: (writers, forms): how much more often than others they write each form, as a
            logarithm.
    """

    slant: Floats
    turn: Floats
    width: Floats
    roundness: Floats
    carelessness: Floats
    tremor: Floats
    haste: Floats
    pen: Floats
    pressure: Floats
    habits: Floats


def hands(rng: np.random.Generator, writers: int, forms: int) -> Hands:
    """Draw the styles of so many writers, who choose between so many forms."""

    def normal(mean: float, deviation: float, low: float, high: float) -> Floats:
        return rng.normal(mean, deviation, writers).clip(low, high).astype(np.float32)

    def uniform(low: float, high: float) -> Floats:
        return rng.uniform(low, high, writers).astype(np.float32)

    on_screen = rng.random(writers) < 0.5  # a pen of one width
    return Hands(
        slant=normal(0.1, 0.2, -0.4, 0.65),
        turn=normal(0, 0.05, -0.15, 0.15),
        width=np.exp(normal(0, 0.2, -0.5, 0.5)),
        roundness=uniform(0, 1) ** 2,
        carelessness=uniform(0.01, 0.06),
        tremor=uniform(0, 1) ** 3 * np.float32(0.025),
        haste=uniform(0, 1) ** 2,
        pen=np.exp(normal(np.log(0.095), 0.3, np.log(0.045), np.log(0.2))),
        pressure=np.where(on_screen, 0, uniform(0.05, 0.35)).astype(np.float32),
        habits=rng.normal(0, 1.5, (writers, forms)).astype(np.float32),
    )
