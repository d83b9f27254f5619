"""The weights of a network with one hidden layer, which its ONNX form keeps to itself.

A version carries them as `hidden_layer.npz` if its network is Flatten → Dense(relu) →
Dense(softmax). They explain an answer; the answer itself comes from the ONNX form.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HIDDEN_LAYER_FILE = "hidden_layer.npz"

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class HiddenLayer:
    """Weights of a network pixels → units → digits.

    Attributes:
        kernel: (784, units), from each pixel to each unit.
        bias: (units,).
        outgoing: (units, 10), from each unit to each digit.
        outgoing_bias: (10,).
    """

    kernel: Floats
    bias: Floats
    outgoing: Floats
    outgoing_bias: Floats

    def activations(self, images: Floats) -> Floats:
        """How strongly each unit fires, (n, units), for images (n, 28, 28); 0 if it does not."""
        return np.maximum(images.reshape(len(images), -1) @ self.kernel + self.bias, 0)

    def probabilities(self, images: Floats) -> Floats:
        """The network's answer (n, 10), by which the weights are checked against its ONNX form."""
        logits = self.activations(images) @ self.outgoing + self.outgoing_bias
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    @classmethod
    def read(cls, path: Path) -> HiddenLayer:
        """Read the weights, refusing pickled objects.

        Raises:
            OSError, ValueError, KeyError: the file is not what the pipelines wrote.
        """
        with np.load(path, allow_pickle=False) as arrays:
            return cls(**{field.name: arrays[field.name] for field in fields(cls)})
