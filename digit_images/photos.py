"""A photo of a sheet → its digit, though a table or a hard shadow is on the photo, too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digit_images.ink import NoInk, connected, contrast_with_paper, find_ink, prepare
from digit_images.normalization import SIDE, already_in_mnist_form, normalize

Pixels = NDArray[np.float32]

COARSE = 64  # pixels of the longer side, where surfaces are looked for
WIDEST_PEN = 1 / 8  # of the longer side; what is wider is a table, a sheet or a shadow
FAINTEST_PART = 0.15  # of the strongest contrast


def prepare_photo(grey: Pixels) -> Pixels:
    """Return the digit of a grey picture (height, width) in [0, 1] in MNIST's form (28, 28).

    As `digit_images.ink.prepare`, but where that takes a table, a sheet or a hard shadow for ink,
    the digit is looked for on them. All other pictures are prepared as there, to the last bit.

    Raises:
        NoInk: nothing is drawn on the picture.
    """
    if grey.shape == (SIDE, SIDE):
        return prepare(grey)
    contrast = contrast_with_paper(grey)
    ready = already_in_mnist_form(contrast)
    if ready is not None:
        return ready
    ink = find_ink(contrast)
    drawn = _drawn_on_surface(grey) if _holds_surface(ink, grey) else None
    return normalize(ink if drawn is None else drawn)


def _holds_surface(ink: Pixels, grey: Pixels) -> bool:
    """Whether the ink is a light sheet on a table, or holds a dark corner of the picture."""
    if not _border(ink).any() and np.count_nonzero(ink) < ink.size / 3:  # almost all drawings
        return False
    inked = _coarse(ink) > 0.3
    at_border, area = _border(inked).mean(), inked.mean()
    if at_border < 0.05 and area < 0.33:
        return False
    if grey[ink > 0.3].mean() > grey[ink == 0].mean():  # digits fill less, or reach the border
        least = 0.33 if at_border < 0.02 else 0.4
        return at_border < 0.06 and area > least and _has_square(inked, 13)
    ends = slice(3), slice(-3, None)
    corner = any(inked[y, x].all() for y in ends for x in ends)
    if not corner or at_border > 0.6:
        return False
    return area < 0.3 or _has_square(inked, 27)  # a digit that was cut out: neither


def _has_square(mask: NDArray[np.bool_], side: int) -> bool:
    return bool(_extreme(np.minimum, mask, side // 2).any())


def _drawn_on_surface(grey: Pixels) -> Pixels | None:
    """Return the dark strokes that do not reach the border, as ink in [0, 1]; None without any.

    A morphological closing removes the strokes and keeps the edges of surfaces.
    """
    reach = round(max(grey.shape) * WIDEST_PEN / 2)
    paper = _extreme(np.minimum, _extreme(np.maximum, grey, reach), reach)
    contrast = (paper - grey) / np.maximum(paper, 0.2)  # a shadow dims ink and paper alike
    mass = _coarse(contrast)
    parts = connected(mass > FAINTEST_PART * mass.max())
    outer = np.isin(parts, np.setdiff1d(_border(parts), 0))
    inner = (parts > 0) & ~outer
    if not inner.any() or mass[inner].sum() < mass[outer].sum() / 10:
        return None
    if np.ptp(inner.nonzero(), axis=1).max() < COARSE / 10:
        return None
    rim = Image.fromarray(_extreme(np.maximum, outer, 1)).convert("L")
    contrast[np.asarray(rim.resize(grey.shape[::-1], Image.Resampling.NEAREST)) > 0] = 0
    try:
        return find_ink(contrast)
    except NoInk:
        return None


def _coarse(pixels: Pixels) -> Pixels:
    image = Image.fromarray(pixels)
    image.thumbnail((COARSE, COARSE), Image.Resampling.BOX)
    return np.asarray(image)


def _border(pixels: np.ndarray) -> np.ndarray:
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _extreme(choose: np.ufunc, pixels: np.ndarray, reach: int) -> np.ndarray:
    """Return the highest or lowest of the square around each pixel, up to `reach` away."""
    pixels, done = pixels.copy(), 0
    while done < reach:
        step = min(done + 1, reach - done)
        for turned in (pixels, pixels.T):
            before = turned.copy()
            choose(turned[step:], before[:-step], out=turned[step:])
            choose(turned[:-step], before[step:], out=turned[:-step])
        done += step
    return pixels
