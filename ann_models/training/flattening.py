"""The parameters of a small network flattened into one vector.

An optimiser's step over one vector is one operation; over ten kernels and biases it is ten times
as many to trace, compile and start. For large layers the copies cost more than they save.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class ParameterLayout:
    """How a network's trainable weights are stored for the optimiser.

    Attributes:
        shapes: the shape of each weight, in the model's order.
        one_vector: whether they are concatenated into one vector, or kept apart.
    """

    shapes: tuple[tuple[int, ...], ...]
    one_vector: bool

    def flatten(self, weights: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Weights of `shapes` → the optimiser's parameters: [(parameters,)] or the weights."""
        if not self.one_vector:
            return list(weights)
        return [tf.concat([tf.reshape(weight, [-1]) for weight in weights], axis=0)]

    def unflatten(self, parameters: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """The optimiser's parameters → weights of `shapes`; the inverse of `flatten`."""
        if not self.one_vector:
            return list(parameters)
        pieces = tf.split(parameters[0], [int(np.prod(shape)) for shape in self.shapes])
        return [tf.reshape(p, shape) for p, shape in zip(pieces, self.shapes, strict=True)]
