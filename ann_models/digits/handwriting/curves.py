"""The pen's way through the points of a stroke, as linear maps: many digits of a form at once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Curves = NDArray[np.float32]  # (digits, PLACES, 2), x to the right and y down

PLACES = 44  # points on each stroke's curve
REACH = 2.5  # of the rounding of corners, in places on the curve


def along(points: NDArray[np.float64], corners: tuple[bool, ...]) -> Curves:
    """Return the curves through each digit's points, evenly spaced along the stroke.

    Catmull-Rom splines between the corners (Catmull and Rom, 1974): smooth curves that pass
    through every point.

    Args:
        points: (digits, points, 2).
        corners: of each point, whether the pen turns sharply there.
    """
    lengths = np.linalg.norm(np.diff(points.mean(axis=0), axis=0), axis=1)
    return _basis(tuple(lengths.round(2)), corners) @ points.astype(np.float32)


@lru_cache(maxsize=1024)
def _basis(lengths: tuple[float, ...], corners: tuple[bool, ...]) -> NDArray[np.float32]:
    """Return what makes of a stroke's points the places on its curve, (PLACES, points)."""
    last = len(lengths)
    ends = np.append(0, np.cumsum(np.maximum(lengths, 0.02)))
    places = np.interp(np.linspace(0, ends[-1], PLACES), ends, np.arange(last + 1))
    first = np.minimum(places.astype(int), last - 1)
    t = places - first
    weights = np.zeros((PLACES, last + 1), np.float32)
    rows = np.arange(PLACES)
    weights[rows, first] = 1 - 3 * t**2 + 2 * t**3
    weights[rows, first + 1] = 3 * t**2 - 2 * t**3
    # Tangents: half the way between both neighbours, or to the one neighbour at ends and corners.
    sharp = np.array([True, *corners[1:-1], True])
    for row, (segment, into, out) in enumerate(
        zip(first, t - 2 * t**2 + t**3, t**3 - t**2, strict=True)
    ):
        for point, share, toward in ((segment, into, 1), (segment + 1, out, -1)):
            if sharp[point]:
                near, far = sorted((point, point + toward))
                weights[row, far] += share
                weights[row, near] -= share
            else:
                weights[row, point + 1] += share / 2
                weights[row, point - 1] -= share / 2
    return weights


def rounded(curves: Curves, strength: NDArray[np.float32]) -> Curves:
    """Return the curves as a hurried pen takes them: turns cut short, ends kept.

    Args:
        curves: the strokes.
        strength: of each digit, (digits,): 0 for none, 1 for full.
    """
    return curves + strength[:, None, None] * (_smoothing() @ curves - curves)


@lru_cache(maxsize=1)
def _smoothing() -> NDArray[np.float32]:
    places = np.arange(PLACES)
    distance = np.subtract.outer(places, places)
    reach = np.minimum(REACH, np.minimum(places, PLACES - 1 - places) / 2)[:, None] + 1e-3
    kernel = np.exp(-(distance**2) / (2 * reach**2))
    return (kernel / kernel.sum(axis=1, keepdims=True)).astype(np.float32)


def cut(curves: Curves, start: NDArray[np.float32], end: NDArray[np.float32]) -> Curves:
    """Return the part of each curve from `start` to `end`, straight on where it goes beyond.

    Args:
        curves: the strokes.
        start: (digits,), as a share of the way; below 0 the stroke begins before its curve.
        end: (digits,), likewise; above 1 it goes on after it.
    """
    places = np.linspace(0, 1, PLACES, dtype=np.float32)
    where = (start[:, None] + (end - start)[:, None] * places) * (PLACES - 1)
    first = np.clip(where.astype(int), 0, PLACES - 2)
    share = (where - first)[..., None]
    digits = np.arange(len(curves))[:, None]
    left, right = curves[digits, first], curves[digits, first + 1]
    return left + share * (right - left)


def wobble(rng: np.random.Generator, digits: int, waves: int) -> Curves:
    """Return smooth noise along a stroke, of variance near 1, (digits, PLACES, 2)."""
    knots = rng.standard_normal((digits, waves, 2), np.float32)
    where = np.linspace(0, waves - 1, PLACES)
    first = np.minimum(where.astype(int), waves - 2)
    share = ((1 - np.cos(np.pi * (where - first))) / 2).astype(np.float32)[:, None]
    return knots[:, first] * (1 - share) + knots[:, first + 1] * share
