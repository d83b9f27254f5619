"""A layer of our own: handwriting's slant removed, inside the network, so that serving does too."""

from __future__ import annotations

import keras
from keras import ops

NO_INK = 1e-6


@keras.saving.register_keras_serializable("ann_models")
class Deslant(keras.layers.Layer):
    """Shears each image until its ink's covariance of row and column is zero.

    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition"
    (1998), table of results, "deslanted". Rows move sideways, read bilinearly; the centre of mass
    stays where it is. (n, height, width) → the same shape; it has no weights.
    """

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Return the images set upright."""
        height, width = images.shape[1:]
        row = ops.arange(height, dtype="float32")
        column = ops.arange(width, dtype="float32")
        by_row, by_column = ops.sum(images, axis=2), ops.sum(images, axis=1)
        ink = ops.sum(by_row, axis=1, keepdims=True) + NO_INK
        down = row - ops.sum(by_row * row, axis=1, keepdims=True) / ink
        across = column - ops.sum(by_column * column, axis=1, keepdims=True) / ink
        variance = ops.sum(by_row * down**2, axis=1)
        covariance = ops.sum(ops.sum(images * across[:, None, :], axis=2) * down, axis=1)
        slant = (covariance / (variance + NO_INK))[:, None]
        source = column + (slant * down)[:, :, None]
        weights = ops.relu(1 - ops.abs(source[..., None] - column))
        return ops.sum(weights * images[:, :, None, :], axis=3)
