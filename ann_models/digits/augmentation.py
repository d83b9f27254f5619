"""Random distortions of digits, from a seed: of place, form, stroke, sharpness, and noise."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Augmentation:
    """How far a digit may be distorted; every default leaves it as it is.

    Each random quantity is uniform between minus and plus its bound, one draw an image.

    Attributes:
        shift: along each axis, in pixels.
        rotation: in degrees.
        scale: of each axis; 0.1 is between 10 % smaller and 10 % larger.
        shear: pixels moved sideways per pixel of height.
        elastic_alpha: strength of the elastic distortion, Simard's α; 34 with σ = 4 moves a pixel
            by 1.4 along each axis (root mean square).
        elastic_sigma: smoothness of the elastic distortion, Simard's σ, in pixels.
        thickness: of the strokes; 1 is as far as to the largest ink of 3×3 pixels, and to the
            smallest of 2×2.
        blur: standard deviation of a Gaussian, in pixels; where the draw is negative, none.
        noise: standard deviation of each pixel's noise; where the draw is negative, none.
    """

    shift: float = 0.0
    rotation: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    elastic_alpha: float = 0.0
    elastic_sigma: float = 4.0
    thickness: float = 0.0
    blur: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        sound = min(astuple(self)) >= 0 and self.elastic_sigma > 0
        if not sound or self.scale >= 1 or self.thickness > 1:
            raise ValueError(
                f"{self}: expected bounds of 0 or more, scale < 1, elastic_sigma > 0, "
                "thickness ≤ 1."
            )


def augment(images: tf.Tensor, settings: Augmentation, seed: tf.Tensor) -> tf.Tensor:
    """Return every image under its own random distortion (lecture row 24).

    Pure TensorFlow operations: to be called inside a compiled function or loop, with a new seed
    a step. The same images, settings and seed give the same result.

    Elastic distortion follows Simard, Steinkraus and Platt, "Best practices for convolutional
    neural networks applied to visual document analysis" (ICDAR 2003): a displacement drawn for
    each pixel from U(−1, 1), smoothed by a Gaussian σ and multiplied by α.

    Args:
        images: float32 (n, side, side), background 0.
        settings: the bounds of the distortion.
        seed: two integers, as for `tf.random.stateless_uniform`.

    Returns:
        float32 (n, side, side), sampled bilinearly; what comes from outside an image is 0.
    """
    import tensorflow as tf

    n, side = tf.shape(images)[0], images.shape[1]
    rows, columns = _affine_sources(n, side, settings, seed)
    if settings.elastic_alpha:
        down, right = tf.unstack(_elastic_field(n, side, settings, seed))
        rows, columns = rows + down, columns + right
    images = _bilinear(images, rows, columns)
    if settings.thickness:
        images = _with_other_strokes(
            images, settings.thickness * _uniform([n, 1, 1], _fold(seed, 2))
        )
    if settings.blur:
        images = _blurred(images, settings.blur * _uniform([n, 1, 1], _fold(seed, 3)))
    if settings.noise:
        strength = tf.nn.relu(settings.noise * _uniform([n, 1, 1], _fold(seed, 4)))
        # The sum of three draws from U(−1, 1) has variance 1 and is nearly normal.
        noise = tf.reduce_sum(_uniform([3, n, side, side], _fold(seed, 5)), axis=0)
        images = tf.clip_by_value(images + strength * noise, 0.0, 1.0)
    return images


def _affine_sources(
    n: tf.Tensor, side: int, settings: Augmentation, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return from which row and column each pixel comes, two tensors (n, side, side)."""
    import tensorflow as tf

    shift, scale, turn = settings.shift, settings.scale, np.radians(settings.rotation)
    bounds = [shift, shift, turn, scale, scale, settings.shear]
    draws = _uniform([n, 1, 1, 6], seed) * bounds
    down, right, angle, taller, wider, shear = tf.unstack(draws, axis=-1)
    middle = (side - 1) / 2
    offset = tf.range(side, dtype=tf.float32) - middle
    row, column = offset[:, None] / (1 + taller), offset[None, :] / (1 + wider)
    column += shear * row
    cos, sin = tf.cos(angle), tf.sin(angle)
    return (
        cos * row - sin * column + middle - down,
        sin * row + cos * column + middle - right,
    )


def _elastic_field(n: tf.Tensor, side: int, settings: Augmentation, seed: tf.Tensor) -> tf.Tensor:
    """Return smooth random displacements down and right, (2, n, side, side) pixels.

    Blurring white noise keeps only its smooth part, so only that part is drawn: noise @ blur has
    the covariance of coefficients @ basis, at a tenth of the random numbers for σ = 4.
    """
    basis = _blur_basis(side, settings.elastic_sigma)
    coefficients = _uniform([2, n, basis.shape[1], basis.shape[1]], _fold(seed, 1))
    return settings.elastic_alpha * (basis @ coefficients @ basis.T)


def _blur_basis(side: int, sigma: float) -> np.ndarray:
    """Return the eigenvectors of a Gaussian blur that survive it, times their eigenvalues."""
    distance = np.subtract.outer(np.arange(side), np.arange(side)) / sigma
    blur = np.exp(-(distance**2) / 2) / (sigma * np.sqrt(2 * np.pi))
    values, vectors = np.linalg.eigh(blur)
    vectors *= np.sign(vectors[0])  # which LAPACK leaves open
    return (vectors * values)[:, values > 0.01].astype(np.float32)


def _with_other_strokes(images: tf.Tensor, change: tf.Tensor) -> tf.Tensor:
    """Return thicker strokes where `change` (n, 1, 1) is positive, thinner where negative."""
    import tensorflow as tf

    ink = images[..., None]
    thick = tf.nn.max_pool2d(ink, 3, 1, "SAME")[..., 0]
    thin = -tf.nn.max_pool2d(-ink, 2, 1, "SAME")[..., 0]
    return images + tf.nn.relu(change) * (thick - images) + tf.nn.relu(-change) * (thin - images)


def _blurred(images: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
    """Return each image under a Gaussian of its own σ (n, 1, 1); as it is where σ ≤ 0."""
    import tensorflow as tf

    places = tf.range(images.shape[1], dtype=tf.float32)
    distance = places[:, None] - places
    kernel = tf.exp(-(distance**2) / (2 * tf.nn.relu(sigma) ** 2 + 1e-6))
    kernel /= tf.reduce_sum(kernel, axis=2, keepdims=True)
    return kernel @ images @ tf.linalg.matrix_transpose(kernel)


def _fold(seed: tf.Tensor, use: int) -> tf.Tensor:
    """Return another seed for each use, so that their draws have nothing in common."""
    import tensorflow as tf

    return tf.random.experimental.stateless_fold_in(seed, use, alg="philox")


def _uniform(shape: list[Any], seed: tf.Tensor) -> tf.Tensor:
    """Draw from U(−1, 1), as integers: TensorFlow's floats differ between compiled and plain."""
    import tensorflow as tf

    draws = tf.random.stateless_uniform(shape, seed, None, None, tf.int32, alg="philox")
    return tf.cast(draws, tf.float32) * 2.0**-31


def _bilinear(images: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Return the images read at fractional places, each (n, side, side); outside them is 0."""
    import tensorflow as tf

    side = images.shape[1]
    padded = tf.pad(images, [[0, 0], [1, 2], [1, 2]])
    rows, columns = (tf.clip_by_value(place + 1, 0, side + 1) for place in (rows, columns))
    top, left = tf.floor(rows), tf.floor(columns)
    down, right = rows - top, columns - left
    width = side + 3
    flat = tf.reshape(padded, [-1])
    first = (
        tf.range(tf.shape(images)[0])[:, None, None] * width**2
        + tf.cast(top, tf.int32) * width
        + tf.cast(left, tf.int32)
    )
    a, b = tf.gather(flat, first), tf.gather(flat, first + 1)
    c, d = tf.gather(flat, first + width), tf.gather(flat, first + width + 1)
    above, below = a + right * (b - a), c + right * (d - c)
    return above + down * (below - above)
