"""Bytes of any common picture of one digit → the 28×28 form of MNIST."""

from __future__ import annotations

import io
import struct

import numpy as np
import pyspng
from numpy.polynomial import polynomial
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from serving.errors import InvalidImage, NoInk

Pixels = NDArray[np.float32]

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
MAX_BYTES = 10_000_000
MAX_PIXELS = 25_000_000
TINY = 64 * 64  # pixels
WORKING_SIDE = 400  # larger pictures are reduced to this before anything is measured

SIDE, BOX, CENTRE = 28, 20, 14  # MNIST: a 20×20 box, its centre of mass on pixel 14
PEN = (1.8, 3.5)  # width of strokes of four MNIST digits in five, in pixels of the 20×20 box
PLACES = np.arange(SIDE, dtype=np.float32)
FAINTEST = 0.05  # contrast below which a picture counts as blank
WHITES = (1, 255, 4095, 65535, 2**32 - 1)  # of pictures with more than 8 bits a pixel

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
    if grey.shape == (SIDE, SIDE) and _is_mnist_form(grey):
        return grey
    contrast = contrast_with_paper(grey)
    ready = _already_in_mnist_form(contrast)
    return mnist_form(_with_usual_pen(find_ink(contrast))) if ready is None else ready


def is_tiny(content: bytes) -> bool:
    """Whether this is a PNG file with so few pixels that it is read in a moment."""
    if not content.startswith(PNG) or len(content) < 24:
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
                image.draft("L", (2 * WORKING_SIDE, 2 * WORKING_SIDE))
                return _grey(ImageOps.exif_transpose(image))
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


def _grey(image: Image.Image) -> Pixels:
    if image.mode[0] in "IF":  # integers of 16 or 32 bits, or floats
        deep = np.nan_to_num(np.asarray(image, np.float32), posinf=0, neginf=0).clip(0)
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
    strongest = contrast.max() + 0.0  # not −0.0, which would be told
    grain = np.median(np.abs(contrast[contrast <= strongest / 2]))
    visible = max(FAINTEST, 10 * grain)
    if strongest < visible:
        raise NoInk(
            f"Nothing is drawn on the picture: its strongest contrast is {strongest:.1%}; "
            f"expected {visible:.1%} or more. Use a darker or a lighter pen."
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
    parts = _connected(mass > 0.05)
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


def _connected(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number the parts of a mask that touch at sides or corners; outside the mask is 0.

    Each pixel takes the highest number around it and then that number's own: by such leaps the
    numbers spread in a few rounds (Shiloach and Vishkin, 1982).
    """
    numbers = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        around = np.where(mask, _each_of_three(np.maximum, np.pad(numbers, 1)), 0)
        leapt = np.append(0, around.ravel())[around]
        if np.array_equal(leapt, numbers):
            return numbers
        numbers = leapt


def _with_usual_pen(ink: Pixels) -> Pixels:
    """Widen hairlines and narrow fat strokes to what is usual in MNIST for a digit of that size.

    The mean width of strokes is twice their area over the length of their outline.
    """
    scale = BOX / max(np.ptp(places) + 1 for places in np.nonzero(ink))
    solid = np.pad(ink > 0.5, 1)
    outline = sum(np.diff(solid, axis=axis).sum() for axis in (0, 1)) * np.pi / 4
    width = scale * 2 * solid.sum() / outline
    change = np.clip(width, *PEN) - width
    steps = round(abs(change) / 2 / scale)  # each moves both sides of a stroke by one pixel
    for _ in range(steps):
        changed = _each_of_three(np.maximum if change > 0 else np.minimum, np.pad(ink, 2))
        if not changed.any():
            break
        ink = changed
    return ink


def _each_of_three(choose: np.ufunc, padded: np.ndarray) -> np.ndarray:
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
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    cropped = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
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


def _already_in_mnist_form(contrast: Pixels) -> Pixels | None:
    """Return a square picture reduced to 28×28, if MNIST's preparation would not change it."""
    height, width = contrast.shape
    if height != width or height < SIDE:
        return None
    small = Image.fromarray(contrast).resize((SIDE, SIDE), Image.Resampling.BOX)
    for rim in (0, 0.15):  # 0.15: what enlarging or JPEG leaves around a digit
        digit = np.asarray(small)
        digit = np.where(digit > rim, digit.clip(0, 1), 0)
        if _is_mnist_form(digit):
            return digit
    return None


def _is_mnist_form(digit: Pixels) -> bool:
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
