"""The networks of one seed through its training: the outputs of every layer after some epochs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

from ann_models import entry

if TYPE_CHECKING:
    from ann_models.entry import Variant
    from ann_models.training.result import Training

EPSILON = 1e-3  # of Keras's batch normalisation
ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda a: a,
    "relu": lambda a: np.maximum(a, 0),
    "sigmoid": lambda a: 0.5 * (1 + np.tanh(0.5 * a)),
    "silu": lambda a: a * 0.5 * (1 + np.tanh(0.5 * a)),
    "tanh": np.tanh,
    "softmax": lambda a: softmax(a, axis=-1),
}


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The weights of one seed after some epochs.

    Attributes:
        layers: of the network.
        epochs: (frames,), ascending; 0 is untrained.
        weights: in the order of `model.get_weights()`, each (frames, …).
    """

    layers: tuple[entry.Layer, ...]
    epochs: list[int]
    weights: list[np.ndarray]

    def outputs(self, x: np.ndarray) -> list[np.ndarray]:
        """What each layer answers at each epoch, [layer] → (frames, points, units).

        Computed in NumPy for all epochs together: a call of Keras for each would cost more than
        the drawing.

        Args:
            x: (points, inputs).
        """
        values, weights, found = x[None], iter(self.weights), []
        for layer in self.layers:
            match layer:
                case entry.Dense(_, activation, use_bias):
                    values = values @ next(weights)
                    if use_bias:
                        values = values + next(weights)[:, None]
                    values = ACTIVATIONS[activation](values)
                case entry.ActivationLayer(activation):
                    values = ACTIVATIONS[activation](values)
                case entry.BatchNormalization():
                    gamma, beta, mean, variance = (next(weights)[:, None] for _ in range(4))
                    values = (values - mean) / np.sqrt(variance + EPSILON) * gamma + beta
            found.append(values)
        return found


def trajectory(variant: Variant, training: Training, seed: int) -> Trajectory | None:
    """The weights of the seed at index `seed` while it trained; None without snapshots."""
    if not variant.frames or not training.snapshots:
        return None
    losses = training.history["train_loss"][:, seed]
    trained = int(np.isfinite(losses).sum())  # it may have stopped early
    epochs = [epoch for epoch in training.snapshots if epoch <= trained]
    by_epoch = [training.snapshots[epoch][seed] for epoch in epochs]
    stacked = [np.stack(arrays) for arrays in zip(*by_epoch, strict=True)]
    return Trajectory(variant.layers, epochs, stacked)
