"""What is not one upright digit: marks, scribbles, letters, several digits, turned ones, frames."""

from __future__ import annotations

import string
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ann_models.digits.handwriting import write
from ann_models.digits.handwriting.drawing import trace
from ann_models.digits.handwriting.letters import LETTERS as HANDWRITTEN
from ann_models.errors import InvalidData
from digit_images.ink import NoInk, find_ink
from digit_images.normalization import mnist_form, normalize

Floats = NDArray[np.float32]

SIDE = 128  # pixels of the raster
LOOK_ALIKES = "OoDQlIiJjSsZzBgqbGyYtL"  # of 0 1 5 2 8 9 6 4 7, in some hand
LETTERS = "".join(sorted(set(string.ascii_letters) - set(LOOK_ALIKES)))
SYMBOLS = "#$%&*+=?@<>{}!~^√∑∞πΩλψ♥★→↑☺"
# By turning or mirroring: the digits that are no digits then, in any handwriting.
UPSIDE_DOWN, MIRRORED, FLIPPED, LYING = (3, 4, 7), (3, 4, 6, 7, 9), (4, 6, 7, 9), (2, 3, 4, 5, 7, 8)
UNCROPPED = ("ruled paper", "textures")  # fill the picture: the service looks for ink in them


def non_digits(
    count: int, seed: int, digits: Floats, labels: NDArray[np.int32]
) -> tuple[Floats, NDArray[np.int32]]:
    """Generate pictures that are not one upright digit, every kind equally often.

    Args:
        count: how many.
        seed: decides all of them.
        digits: (n, 28, 28), of which pairs, turned and mirrored ones are made.
        labels: (n,), theirs.

    Returns:
        float32 (count, 28, 28) in MNIST's form, and the index of each one's kind in KINDS.

    Raises:
        InvalidData: a class is missing.
    """
    if missing := set(range(10)) - set(labels.tolist()):
        raise InvalidData(
            f"there is no digit {', '.join(map(str, sorted(missing)))} to make pictures of no "
            "digit from; expected digits of all ten classes."
        )
    rng = np.random.default_rng([seed, *b"non-digits"])
    kinds = rng.permutation(np.arange(count) % len(KINDS)).astype(np.int32)
    images = np.empty((count, 28, 28), np.float32)
    names = list(KINDS)
    for i, kind in enumerate(kinds):
        images[i] = _prepared(names[kind], rng, digits, labels)
    return images, kinds


def _prepared(
    kind: str, rng: np.random.Generator, digits: Floats, labels: NDArray[np.int32]
) -> Floats:
    """One picture of a kind; another one where the service would find nothing on it."""
    while True:
        ink = KINDS[kind](rng, digits, labels)
        if ink.shape == (28, 28):
            return ink
        try:
            return normalize(find_ink(ink) if kind in UNCROPPED else ink)
        except NoInk:
            continue


def _paper() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    paper = Image.new("L", (SIDE, SIDE))
    return paper, ImageDraw.Draw(paper)


def _ink(paper: Image.Image) -> Floats:
    return np.asarray(paper, np.float32) / np.float32(255)


def _pen(rng: np.random.Generator) -> int:
    return int(rng.integers(4, 15))


def _smooth(points: NDArray, steps: int = 12) -> NDArray:
    """A Catmull-Rom curve through the points, (m, 2)."""
    p = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None, None]
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    curve = b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return curve.transpose(1, 0, 2).reshape(-1, 2)


def _dot(rng: np.random.Generator, digits: Floats, labels: NDArray) -> Floats:
    """One dot, or a few, as a pen leaves them that was put down and hardly moved."""
    paper, draw = _paper()
    radius = rng.uniform(3, 24)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        x, y = rng.uniform(30, 98, 2)
        long, wide = radius * rng.uniform(0.9, 1.25, 2)
        draw.ellipse((x - wide, y - long, x + wide, y + long), 255)
    return _ink(paper)


def _scribble(rng: np.random.Generator, digits: Floats, labels: NDArray) -> Floats:
    """A pen that wanders, goes to and fro, or turns in circles."""
    paper, draw = _paper()
    middle, size = rng.uniform(50, 78, 2), rng.uniform(14, 45)
    match rng.integers(4):
        case 0:
            points = middle + size * rng.uniform(-1, 1, (rng.integers(6, 16), 2))
        case 1:  # hatching
            n = rng.integers(6, 16)
            x = np.linspace(-1, 1, n) + rng.normal(0, 0.1, n)
            y = np.where(np.arange(n) % 2, 1, -1) * rng.uniform(0.6, 1, n)
            points = _turned(np.stack([x, y], 1), rng.uniform(0, np.pi)) * size + middle
        case 2:  # coils
            angle = np.linspace(0, 2 * np.pi * rng.uniform(2.2, 6), 60)
            drift = np.outer(np.linspace(-1, 1, 60), rng.uniform(-1.2, 1.2, 2))
            radius = rng.uniform(0.35, 1) * np.exp(np.linspace(0, rng.uniform(-1.2, 0.2), 60))
            ring = np.stack([np.cos(angle), rng.uniform(0.5, 1) * np.sin(angle)], 1)
            points = (radius[:, None] * ring + drift) * size * 0.7 + middle
        case _:  # a walk
            steps = np.cumsum(rng.normal(0, 1, (rng.integers(12, 40), 2)), axis=0)
            steps -= steps.mean(axis=0)
            points = steps / np.abs(steps).max() * size + middle
    trace(draw, _smooth(points).astype(np.float32), _pen(rng), 255)
    return _ink(paper)


def _turned(points: NDArray, angle: float) -> NDArray:
    cos, sin = np.cos(angle), np.sin(angle)
    return points @ np.array([[cos, sin], [-sin, cos]])


@lru_cache(maxsize=64)
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    import matplotlib

    folder = Path(matplotlib.get_data_path(), "fonts", "ttf")
    return ImageFont.truetype(folder / f"{name}.ttf", size)


FONTS = (
    *(f"DejaVuSans{style}" for style in ("", "-Bold", "-Oblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic")),
    *("DejaVuSansMono", "DejaVuSansMono-Bold"),
    *("STIXGeneral", "STIXGeneralItalic", "STIXGeneralBol"),
)


def _text(rng: np.random.Generator, text: str, fonts: tuple[str, ...] = FONTS) -> Floats:
    paper, draw = _paper()
    size = int(rng.integers(2, 5)) * 20 // max(1, len(text) - 1)
    font = _font(str(rng.choice(fonts)), max(size, 16))
    draw.text((SIDE / 2, SIDE / 2), text, 255, font, anchor="mm")
    angle = rng.normal(0, 6)
    return _ink(paper.rotate(angle, Image.Resampling.BILINEAR))


def _letter(rng: np.random.Generator, digits: Floats, labels: NDArray) -> Floats:
    return _text(rng, str(rng.choice(list(LETTERS))))


def _handwritten_letter(rng: np.random.Generator, digits: Floats, labels: NDArray) -> Floats:
    """A printed letter as people write it, with the pens and the care of the digits' writers."""
    return write(1, int(rng.integers(2**31)), table=HANDWRITTEN).images[0]


def _word(rng: np.random.Generator, digits: Floats, labels: NDArray) -> Floats:
    """Letters of a font, or a person's."""
    if rng.random() < 0.5:
        count = int(rng.integers(2, 4))
        return _in_a_row(rng, write(count, int(rng.integers(2**31)), 1, table=HANDWRITTEN).images)
    letters = rng.choice(list(string.ascii_letters), rng.integers(2, 5))
    return _text(rng, "".join(letters))


def _symbol(rng: np.random.Generator, digits: Floats, labels: NDArray) -> Floats:
    return _text(rng, str(rng.choice(list(SYMBOLS))), FONTS[:2])


def _several(rng: np.random.Generator, digits: Floats, labels: NDArray) -> Floats:
    """Two digits or more in a row; seldom one over the other."""
    n = rng.choice([2, 2, 2, 3, 4])
    return _in_a_row(rng, digits[rng.integers(len(digits), size=n)])


def _in_a_row(rng: np.random.Generator, pictures: Floats) -> Floats:
    chosen = [_cropped(picture) for picture in pictures]
    gap = int(rng.integers(-1, 8))
    sheet = np.zeros((64, 128), np.float32)
    x = 4
    for picture in chosen:
        height, width = picture.shape
        y = 20 + int(rng.integers(-3, 4))
        part = sheet[y : y + height, x : x + width]
        np.maximum(part, picture, out=part)
        x += width + gap
    if rng.random() < 0.1:
        sheet = sheet.T
    image = Image.fromarray(sheet).resize((sheet.shape[1] * 3, sheet.shape[0] * 3))
    return np.asarray(image)


def _cropped(digit: Floats) -> Floats:
    rows, columns = (np.flatnonzero(digit.any(axis=axis)) for axis in (1, 0))
    return digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _one_of(
    rng: np.random.Generator, digits: Floats, labels: NDArray, wanted: tuple[int, ...]
) -> Floats:
    while True:
        i = rng.integers(len(digits))
        if labels[i] in wanted:
            return digits[i]


def _upside_down(rng: np.random.Generator, digits: Floats, labels: NDArray) -> Floats:
    return _moved(_one_of(rng, digits, labels, UPSIDE_DOWN)[::-1, ::-1])


def _mirrored(rng: np.random.Generator, digits: Floats, labels: NDArray) -> Floats:
    return _moved(_one_of(rng, digits, labels, MIRRORED)[:, ::-1])


def _flipped(rng: np.random.Generator, digits: Floats, labels: NDArray) -> Floats:
    return _moved(_one_of(rng, digits, labels, FLIPPED)[::-1])


def _lying(rng: np.random.Generator, digits: Floats, labels: NDArray) -> Floats:
    digit = _one_of(rng, digits, labels, LYING)
    return _moved(digit.T[::-1] if rng.random() < 0.5 else digit.T[:, ::-1])


def _moved(digit: Floats) -> Floats:
    """The same with its centre of mass where MNIST has it."""
    return mnist_form(np.ascontiguousarray(digit))


def _figure(rng: np.random.Generator, digits: Floats, labels: NDArray) -> Floats:
    """Frames, triangles, crosses, arrows, ticks, stars, faces, dashes."""
    paper, draw = _paper()
    pen, size = _pen(rng), rng.uniform(18, 45)
    wide, tall = size * rng.uniform(0.7, 1.3, 2)
    angle = rng.normal(0, 0.12)

    def put(points: list[tuple[float, float]]) -> None:
        scaled = np.array(points, float) * (wide, tall) + rng.normal(
            0, 0.03 * size, (len(points), 2)
        )
        placed = _turned(scaled, angle) + SIDE / 2
        trace(draw, placed.astype(np.float32), pen, 255)

    match rng.integers(10):
        case 0:
            put([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)])
        case 1:
            put([(0, -1), (1, 1), (-1, 1), (0, -1)])
        case 2:
            put([(-1, 0), (1, 0)])
            put([(0, -1), (0, 1)])
        case 3:
            put([(-1, -1), (1, 1)])
            put([(1, -1), (-1, 1)])
        case 4:
            put([(-1, 0), (1, 0)])
            put([(0.4, -0.5), (1, 0), (0.4, 0.5)])
        case 5:
            put([(-1, 0.1), (-0.4, 0.9), (1, -0.9)])
        case 6:
            tips = np.arange(6) * 4 * np.pi / 5
            put([*zip(np.sin(tips), -np.cos(tips), strict=True)])
        case 7:
            circle = np.linspace(0, 2 * np.pi, 30)
            put([*zip(np.sin(circle), -np.cos(circle), strict=True)])
            put([(-0.35, -0.3), (-0.3, -0.25)])
            put([(0.35, -0.3), (0.3, -0.25)])
            put([(-0.45, 0.3), (0, 0.6), (0.45, 0.3)])
        case 8:
            put([(-1, rng.normal(0, 0.1)), (1, 0)])
        case _:
            for y in np.linspace(-0.5, 0.5, rng.integers(2, 4)):
                put([(-1, y), (1, y)])
    return _ink(paper)


def _ruled(rng: np.random.Generator, digits: Floats, labels: NDArray) -> Floats:
    """Ruled or squared paper on which nothing is written."""
    paper, draw = _paper()
    gap, pen = rng.uniform(9, 40), int(rng.integers(1, 5))
    angle = rng.normal(0, 1.5)
    for at in np.arange(rng.uniform(0, gap), SIDE, gap):
        draw.line((-9, at, SIDE + 9, at), 255, pen)
    if rng.random() < 0.4:
        for at in np.arange(rng.uniform(0, gap), SIDE, gap):
            draw.line((at, -9, at, SIDE + 9), 255, pen)
    return _ink(paper.rotate(angle, Image.Resampling.BILINEAR))


def _texture(rng: np.random.Generator, digits: Floats, labels: NDArray) -> Floats:
    """Noise from fine to coarse, as pictures of anything else give; sent as 28×28 numbers, too."""
    coarse = Image.fromarray(rng.random((rng.integers(3, 29),) * 2, np.float32))
    values = np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC)).clip(0, 1)
    if rng.random() < 0.5:
        small = np.asarray(coarse.resize((28, 28), Image.Resampling.BICUBIC)).clip(0, 1)
        return np.where(small > rng.uniform(0, 0.7), small, 0).astype(np.float32)
    return np.where(values > rng.uniform(0.4, 0.8), values, 0).astype(np.float32)


KINDS: dict[str, Callable[[np.random.Generator, Floats, NDArray], Floats]] = {
    "dots": _dot,
    "scribbles": _scribble,
    "letters": _letter,
    "handwritten letters": _handwritten_letter,
    "words": _word,
    "symbols": _symbol,
    "several digits": _several,
    "upside down": _upside_down,
    "mirrored": _mirrored,
    "flipped": _flipped,
    "lying": _lying,
    "figures": _figure,
    "ruled paper": _ruled,
    "textures": _texture,
}
