"""Digits as a service meets them: moved, turned, blurred, inverted, drawn with a mouse.

As in Mu and Gilmer, "MNIST-C: a robustness benchmark for computer vision" (2019), but made here,
each at one strength, and with a corruption of what the service is for: strokes of one width, as
people draw them on a screen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Images = NDArray[np.float32]

SHIFT = 3.0  # pixels
ROTATION = 25.0  # degrees
SCALE = 0.25  # larger or smaller by this share
NOISE = 0.25  # standard deviation
BLUR = 1.2  # pixels, of the Gaussian
ENLARGED = 4  # times, where strokes are drawn again
BRUSH = 3.2  # pixels of the enlarged picture: the brush's radius


def corrupted(images: Images, name: str) -> Images:
    """Corrupt every image, the same way in every call.

    Args:
        images: (n, 28, 28) in [0, 1], ink 1 on paper 0.
        name: one of CORRUPTIONS.

    Returns:
        float32 (n, 28, 28) in [0, 1].
    """
    result = CORRUPTIONS[name](images, np.random.default_rng(0))
    return np.clip(result, 0, 1, dtype=np.float32)


def _shift(images: Images, rng: np.random.Generator) -> Images:
    angles = rng.uniform(0, 2 * np.pi, len(images))
    moves = SHIFT * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    return _each(images, lambda image, move: ndimage.shift(image, move, order=1), moves)


def _rotation(images: Images, rng: np.random.Generator) -> Images:
    angles = ROTATION * rng.choice([-1, 1], len(images))
    return _each(images, lambda i, a: ndimage.rotate(i, a, reshape=False, order=1), angles)


def _scale(images: Images, rng: np.random.Generator) -> Images:
    def resized(image: Images, factor: float) -> Images:
        centre = (np.array(image.shape) - 1) / 2
        return ndimage.affine_transform(
            image, [1 / factor, 1 / factor], centre - centre / factor, order=1
        )

    return _each(images, resized, 1 + SCALE * rng.choice([-1, 1], len(images)))


def _noise(images: Images, rng: np.random.Generator) -> Images:
    return images + rng.normal(0, NOISE, images.shape).astype(np.float32)


def _blur(images: Images, rng: np.random.Generator) -> Images:
    return ndimage.gaussian_filter(images, (0, BLUR, BLUR))


def _thick(images: Images, rng: np.random.Generator) -> Images:
    return ndimage.grey_dilation(images, (1, 3, 3))


def _thin(images: Images, rng: np.random.Generator) -> Images:
    return ndimage.grey_erosion(images, (1, 2, 2))


def _inversion(images: Images, rng: np.random.Generator) -> Images:
    return 1 - images


def _screen(images: Images, rng: np.random.Generator) -> Images:
    """Strokes of one width, without grey: the middle of each stroke, drawn with a round brush."""
    side = images.shape[1]

    def drawn(image: Images) -> Images:
        large = ndimage.zoom(image, ENLARGED, order=1, mode="grid-constant", grid_mode=True) > 0.4
        depth = ndimage.distance_transform_edt(large)
        ridge = large & (depth >= ndimage.maximum_filter(depth, 5) - 0.6)
        ink = ndimage.distance_transform_edt(~ridge) <= BRUSH
        return ink.reshape(side, ENLARGED, side, ENLARGED).mean(axis=(1, 3))

    return _each(images, drawn)


def _each(images: Images, change: Callable[..., NDArray], *settings: NDArray) -> Images:
    return np.stack([change(*one) for one in zip(images, *settings, strict=True)])


CORRUPTIONS: Mapping[str, Callable[[Images, np.random.Generator], Images]] = MappingProxyType(
    {
        "shift": _shift,
        "rotation": _rotation,
        "scale": _scale,
        "noise": _noise,
        "blur": _blur,
        "thick": _thick,
        "thin": _thin,
        "inversion": _inversion,
        "screen": _screen,
    }
)
