"""Bytes of any common picture of one digit → the 28×28 form of MNIST."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from serving.errors import InvalidImage, NoInk

Pixels = NDArray[np.float32]

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
MAX_BYTES = 10_000_000
MAX_PIXELS = 25_000_000
WORKING_SIDE = 400  # larger pictures are reduced to this before anything else

SIDE, BOX, CENTRE = 28, 20, 14  # MNIST: a 20×20 box, its centre of mass on pixel 14
FAINTEST = 0.05  # contrast between ink and paper below which a picture counts as blank
WHITES = (1, 255, 4095, 65535, 2**32 - 1)  # of pictures with more than 8 bits


def to_digit(content: bytes) -> Pixels:
    """Return the digit of a picture as MNIST's authors would have prepared it.

    Any size, colour, polarity, position and lighting; the first frame of several; turned as its
    EXIF data says. A picture already in MNIST's form comes through unchanged.

    Args:
        content: a PNG, JPEG, GIF, BMP, WebP or TIFF file.

    Returns:
        float32 (28, 28) in [0, 1], ink 1 on 0.

    Raises:
        InvalidImage: not such a file, damaged, or larger than `MAX_BYTES` or `MAX_PIXELS`.
        NoInk: nothing is drawn on the picture.
    """
    drawn = contrast(decode(content))
    if drawn.shape == (SIDE, SIDE) and drawn.max() > 0.9:
        drawn = drawn.clip(0)
        if np.array_equal(drawn, mnist_form(drawn)):
            return drawn
    return mnist_form(_with_usual_pen(ink(drawn)))


def decode(content: bytes) -> Pixels:
    """Return the picture in grey, float32 (height, width) in [0, 1], at most 400 pixels a side."""
    if not 0 < len(content) <= MAX_BYTES:
        raise InvalidImage(
            f"The picture has {len(content):,} bytes; expected 1 to {MAX_BYTES:,}. "
            "Send the content of one image file, reduced if need be."
        )
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
            if width * height <= MAX_PIXELS:
                image.draft("RGB", (2 * WORKING_SIDE, 2 * WORKING_SIDE))
                return _grey(ImageOps.exif_transpose(image))
    except Exception as error:  # on damaged files Pillow raises almost anything
        raise InvalidImage(
            f"The {len(content):,} bytes cannot be read as a picture ({error}). "
            f"Send a whole {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file."
        ) from error
    raise InvalidImage(
        f"The picture has {width} × {height} pixels; expected at most {MAX_PIXELS:,} in all. "
        "Send a smaller one."
    )


def _grey(image: Image.Image) -> Pixels:
    if image.mode[0] in "IF":
        deep = np.asarray(image, np.float32)
        deep = np.nan_to_num(deep, nan=0, posinf=0, neginf=0).clip(0)
        white = next(white for white in WHITES if white >= deep.max())
        return _reduced(Image.fromarray(deep / np.float32(white)))
    if image.has_transparency_data:
        grey, alpha = (
            _reduced(band) / 255 for band in image.convert("RGBA").convert("LA").split()
        )
        return _composited(grey, alpha)
    return _reduced(image.convert("L")) / 255


def _reduced(image: Image.Image) -> Pixels:
    image.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX, reducing_gap=None)
    return np.asarray(image, np.float32)


def _composited(grey: Pixels, alpha: Pixels) -> Pixels:
    """Return the picture on a canvas against which it shows, where it is transparent."""
    if alpha.mean() > 0.5:  # a picture with transparent parts: continue its own background
        canvas = np.median(grey[alpha > 0.5])
    else:  # strokes on nothing: paper or blackboard, whichever they stand out from
        canvas = np.average(grey, weights=alpha + 1e-9) < 0.5
    return grey * alpha + np.float32(canvas) * (1 - alpha)


def contrast(grey: Pixels) -> Pixels:
    """Return how far each pixel stands out from the paper; ink is positive, dark or light."""
    contrast = grey - _paper(grey)
    ink_is_lighter = np.sum(contrast**3) > 0  # ink is rarer than paper: the longer tail
    return contrast if ink_is_lighter else -contrast


def ink(contrast: Pixels) -> Pixels:
    """Return how much ink each pixel holds, from 0 to 1, without the paper's grain and specks.

    Raises:
        NoInk: nothing stands out from the paper.
    """
    strongest = float(contrast.max())
    grain = float(np.median(np.abs(contrast[contrast < strongest / 2])))
    visible = max(FAINTEST, 10 * grain)
    if strongest < visible:
        raise NoInk(
            f"Nothing is drawn on the picture: its strongest contrast is {strongest:.1%}; "
            f"expected {visible:.1%} or more. Use a darker or a lighter pen."
        )
    floor = np.clip(5 * grain, FLOOR_LO * strongest, FLOOR_HI * strongest)
    full = np.quantile(contrast[contrast > strongest / 2], 0.9)
    return _without_specks(np.where(contrast > floor, np.minimum(contrast / full, 1), 0))
FLOOR_LO,FLOOR_HI=.15,.3
import os
PEN=eval(os.environ.get('PEN','(1.8,4.2)'))

def _paper(grey: Pixels) -> Pixels | np.float32:
    """Return the grey level of the paper: one for all pixels, or their own under uneven light."""
    levels = (255 * grey).astype(np.uint8)
    border = np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])
    votes = 2 * _shares(levels.ravel()) + _shares(border)  # paper is plenty, and reaches the edge
    near = np.convolve(votes, np.ones(5), "same")
    if near.max() < 1:
        return _robust_surface(grey)
    return np.median(grey[np.abs(levels.astype(int) - near.argmax()) <= 2])


def _shares(levels: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.bincount(levels, minlength=256) / len(levels)


def _robust_surface(grey: Pixels) -> Pixels:
    """Fit a quadratic surface to the greater part of the pixels, by trimmed least squares."""
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in grey.shape)
    y, x = np.meshgrid(y, x, indexing="ij")
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    thin = tuple(slice(None, None, -(-side // 64)) for side in grey.shape)
    sample, values = terms[thin].reshape(-1, 6), grey[thin].ravel()
    kept = np.ones(len(values), bool)
    for _ in range(8):
        weights = np.linalg.lstsq(sample[kept], values[kept], rcond=None)[0]
        distance = np.abs(values - sample @ weights)
        kept = distance <= 2 * np.median(distance)
    return terms @ weights


def _without_specks(ink: Pixels) -> Pixels:
    """Keep the connected parts that can be the digit.

    Those that lie wholly in the outer tenth of the picture are frames, margins and shadows; those
    with less than a twentieth of the heaviest part's ink are specks.
    """
    coarse = Image.fromarray(ink)
    coarse.thumbnail((64, 64), Image.Resampling.BOX)
    mass = np.asarray(coarse)
    parts = _connected(mass > 0.05)
    rows, columns = (round(side / 10) for side in mass.shape)
    inner = parts[rows : len(parts) - rows, columns : parts.shape[1] - columns]
    weight = np.bincount(parts.ravel(), mass.ravel())
    weight[0] = 0
    if inner.any():
        weight[np.setdiff1d(parts, inner)] = 0
    keep = Image.fromarray((weight > weight.max() / 20)[parts])
    keep = keep.convert("L").filter(ImageFilter.MaxFilter(3)).resize(ink.shape[::-1], Image.Resampling.NEAREST)
    return ink * (np.asarray(keep)>0)


def _connected(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number the parts of a mask that touch along sides or corners; outside the mask is 0."""
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        padded = np.pad(labels, 1)
        tallest = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
        widest = np.maximum(np.maximum(tallest[:, :-2], tallest[:, 1:-1]), tallest[:, 2:])
        grown = np.where(mask, widest, 0)
        jumped = np.append(0, grown.ravel())[grown]  # to the label of one's label: few rounds
        if np.array_equal(jumped, labels):
            return labels
        labels = jumped


def _with_usual_pen(ink: Pixels) -> Pixels:
    """Thicken hairlines and thin fat strokes until they are as wide as MNIST's, for their size.

    The mean width of strokes is twice their area over their outline.
    """
    scale = BOX / max(np.ptp(places) + 1 for places in np.nonzero(ink))
    padded = np.pad(ink, 1)
    outline = np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()
    width = scale * 2 * ink.sum() / (np.pi / 4 * outline)
    missing = np.clip(width, *PEN) - width
    steps = round(abs(missing) / 2 / scale)
    grow = np.maximum if missing > 0 else np.minimum
    ink = np.pad(ink, steps)
    for _ in range(steps):
        ink[1:-1] = grow(grow(ink[:-2], ink[1:-1]), ink[2:])
        ink[:, 1:-1] = grow(grow(ink[:, :-2], ink[:, 1:-1]), ink[:, 2:])
    return ink


def mnist_form(ink: Pixels) -> Pixels:
    """Fit the ink into a 20×20 box and put its centre of mass on pixel (14, 14).

    The preparation that LeCun, Cortes and Burges describe for MNIST: the aspect ratio is kept,
    grey levels come from averaging, the move is by whole pixels.

    Args:
        ink: (height, width) in [0, 1], not all 0.

    Returns:
        float32 (28, 28) in [0, 1].
    """
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    cropped = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(cropped.shape)
    height, width = (max(1, round(scale * side)) for side in cropped.shape)
    method = Image.Resampling.BOX if scale <= 1 else Image.Resampling.BICUBIC
    box = np.asarray(Image.fromarray(cropped).resize((width, height), method)).clip(0, 1)
    top = _first(box.sum(axis=1))
    left = _first(box.sum(axis=0))
    digit = np.zeros((SIDE, SIDE), np.float32)
    digit[top : top + height, left : left + width] = box
    return digit


def _first(profile: Pixels) -> int:
    """Return where the box must begin for its centre of mass to lie on the centre pixel."""
    centre_of_mass = np.average(np.arange(len(profile)), weights=profile)
    return int(np.clip(round(CENTRE - centre_of_mass), 0, SIDE - len(profile)))
