"""The weights of a small network as one vector.

An optimiser's step over one vector is one operation; over ten kernels and biases it is ten times
as many to trace, compile and start. For large layers the copies cost more than they save.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Packing:
    """How weights of these shapes lie in what the optimiser sees.

    Attributes:
        shapes: of each weight.
        together: all in one vector, or each as it is.
    """

    shapes: tuple[tuple[int, ...], ...]
    together: bool

    def pack(self, weights: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Weights → what the optimiser sees."""
        if not self.together:
            return list(weights)
        return [tf.concat([tf.reshape(weight, [-1]) for weight in weights], axis=0)]

    def unpack(self, packed: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """What the optimiser sees → weights."""
        if not self.together:
            return list(packed)
        pieces = tf.split(packed[0], [int(np.prod(shape)) for shape in self.shapes])
        return [tf.reshape(p, shape) for p, shape in zip(pieces, self.shapes, strict=True)]
