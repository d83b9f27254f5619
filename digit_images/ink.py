"""A grey picture → how much ink each pixel holds, whatever the paper, the light and the pen."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from digit_images.normalization import (
    SIDE,
    already_in_mnist_form,
    each_of_three,
    framed,
    is_mnist_form,
    normalize,
)

Pixels = NDArray[np.float32]

FAINTEST = 0.05  # contrast below which a picture counts as blank
CLEAR = 10  # likewise, as a multiple of the grain's


class NoInk(ValueError):
    """Nothing is drawn on the picture."""


def prepare(grey: Pixels) -> Pixels:
    """Return the digit of a grey picture (height, width) in [0, 1] in MNIST's form (28, 28).

    A picture already in MNIST's form is not changed.

    Raises:
        NoInk: nothing is drawn on the picture.
    """
    if grey.shape == (SIDE, SIDE) and is_mnist_form(grey):
        return grey
    contrast = contrast_with_paper(grey)
    ready = already_in_mnist_form(contrast)
    return normalize(find_ink(contrast)) if ready is None else ready


def contrast_with_paper(grey: Pixels) -> Pixels:
    """Return how far each pixel stands out from the paper; ink is positive, be it dark or light."""
    paper = _paper(grey)
    light = np.maximum(paper, 0.2)
    contrast = (grey - paper) * (light.mean() / light)  # a shadow dims ink and paper alike
    ink_is_lighter = np.sum(contrast * contrast * contrast) > 0  # the rarer has the longer tail
    return contrast if ink_is_lighter else -contrast


def _paper(grey: Pixels) -> Pixels | np.float32:
    """Return the grey of the paper: one level, or one for each pixel where the light is uneven."""
    levels = (255 * grey + 0.5).astype(np.uint8)
    border = np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])
    counts = np.array(Image.fromarray(levels).histogram())
    shares = np.bincount(border, minlength=256) / len(border)
    votes = 2 * counts / levels.size + shares  # paper is plenty, and at the border
    votes = np.convolve(votes, np.ones(5), "same")
    if votes.max() < 1:
        return _robust_surface(grey)
    lowest = max(int(votes.argmax()) - 2, 0)
    below = counts[lowest : lowest + 5].cumsum()
    median = lowest + below.searchsorted(below[-1] / 2)
    return grey.flat[(levels == median).argmax()]  # exactly what the paper has, in 16 bits, too


def _robust_surface(grey: Pixels) -> Pixels:
    """Fit a biquadratic surface to the greater part of the pixels by trimmed least squares."""
    y, x = (np.linspace(-1, 1, side) for side in grey.shape)
    rows, columns = (slice(None, None, -(-side // 40)) for side in grey.shape)
    values = grey[rows, columns].ravel().astype(np.float64)
    down, right = np.meshgrid(y[rows], x[columns], indexing="ij")
    terms = polynomial.polyvander2d(down.ravel(), right.ravel(), [2, 2])
    kept = np.full(len(values), True)
    for _ in range(8):
        chosen = terms[kept]
        weights = np.linalg.lstsq(chosen.T @ chosen, chosen.T @ values[kept])[0]
        distance = np.abs(values - terms @ weights)
        kept = distance <= 2 * np.median(distance)
    surface = polynomial.polygrid2d(y, x, weights.reshape(3, 3))
    return surface.clip(grey.min(), grey.max()).astype(np.float32)


def find_ink(contrast: Pixels) -> Pixels:
    """Return how much ink each pixel holds, in [0, 1], without the paper's grain and specks.

    Raises:
        NoInk: nothing stands out from the paper.
    """
    strongest = contrast.max() + 0.0  # not −0.0, which would print
    grain = np.median(np.abs(contrast[contrast <= strongest / 2]))
    if strongest < FAINTEST:
        raise NoInk(
            f"Nothing is drawn on the picture: its strongest contrast is {strongest:.1%}; "
            f"expected {FAINTEST:.1%} or more. Use a darker or a lighter pen."
        )
    if strongest < CLEAR * grain:
        raise NoInk(
            "Nothing is drawn that stands out from the picture's grain: the strongest contrast is "
            f"{strongest / grain:.1f} times the grain's; expected {CLEAR} times or more. Take the "
            "picture in more light, use a darker or a lighter pen, or crop a photo to its paper."
        )
    floor = np.clip(5 * grain, 0.15 * strongest, 0.3 * strongest)
    ink = _without_specks(np.where(contrast > floor, contrast / strongest, 0))
    full = np.quantile(ink[ink > ink.max() / 2], 0.9)
    return np.minimum(ink / np.float32(full), 1)


def _without_specks(ink: Pixels) -> Pixels:
    """Keep the connected parts that can belong to the digit.

    Parts that lie wholly in the outer tenth of the picture are frames, margins and shadows; those
    with less than a twentieth of the heaviest part's ink are specks.
    """
    coarse = Image.fromarray(ink)
    coarse.thumbnail((64, 64), Image.Resampling.BOX)
    mass = np.asarray(coarse)
    parts = connected(mass > 0.05)
    height, width = (side // 10 for side in mass.shape)
    inner = parts[height : len(parts) - height, width : parts.shape[1] - width]
    weight = np.bincount(parts.ravel(), mass.ravel())
    weight[0] = 0
    if inner.any():
        weight[np.setdiff1d(parts, inner)] = 0
    if not weight.any():
        raise NoInk("Only specks are on the picture. Draw a larger digit, or crop the picture.")
    kept = Image.fromarray((weight >= weight.max() / 20).astype(np.uint8)[parts])
    kept = kept.filter(ImageFilter.MaxFilter(3))  # with the faint rim of what is kept
    return ink * np.asarray(kept.resize(ink.shape[::-1], Image.Resampling.NEAREST))


def connected(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number the parts of a mask that touch at sides or corners; outside the mask is 0.

    Each pixel takes the highest number around it and then that number's own: by such leaps the
    numbers spread in a few rounds (Shiloach and Vishkin, 1982).
    """
    numbers = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        around = np.where(mask, each_of_three(np.maximum, framed(numbers, 1)), 0)
        leapt = np.append(0, around.ravel())[around]
        if np.array_equal(leapt, numbers):
            return numbers
        numbers = leapt
