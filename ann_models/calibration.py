"""Temperature scaling: so that of the answers given with 99 % confidence, 99 in 100 are right.

Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks" (ICML 2017): all
logits are divided by one temperature, chosen on validation data. It is put into the last layer's
weights, so that every form of the network answers with calibrated probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from ann_models.evaluation import cross_entropies, predict

if TYPE_CHECKING:
    import keras

LEAST, MOST = 0.1, 10.0
SMALLEST = float(np.finfo(np.float32).tiny)


def temperature(members: Sequence[np.ndarray], labels: np.ndarray) -> float:
    """The temperature with the least cross entropy, between LEAST and MOST.

    It is 1 if no example is wrong, as of a few easy pictures: the cross entropy then falls with the
    temperature without end, and says nothing of how sure the answers should be.

    Args:
        members: the probabilities (n, classes) of each network of a committee, which answers with
            their mean; of a network alone, just its own.
        labels: (n,), of validation examples.
    """
    if (np.mean(members, axis=0).argmax(axis=1) == labels).all():
        return 1.0

    def loss(log_temperature: float) -> float:
        answers = np.mean([scaled(p, np.exp(log_temperature)) for p in members], axis=0)
        return float(cross_entropies(answers, labels).mean())

    bounds = np.log(LEAST), np.log(MOST)
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def scaled(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (n, classes) of logits that are divided by a temperature."""
    return softmax(_logits(probabilities) / temperature, axis=1)


def _logits(probabilities: np.ndarray) -> np.ndarray:
    """Logits up to a constant a row, which no softmax sees."""
    return log_softmax(np.log(np.maximum(np.float64(probabilities), SMALLEST)), axis=1)


def calibrated(
    model: keras.Model, images: np.ndarray, labels: np.ndarray
) -> tuple[keras.Model, float]:
    """A copy of a digit classifier with its logits divided by the best temperature, and that.

    Args:
        model: a network whose last layer with weights, dense or batch normalisation, gives the
            logits of a softmax; or a committee of such.
        images: (n, 28, 28), of validation digits.
        labels: (n,), theirs.

    Returns:
        The model as it is, and 1, if it does not know all the labels' classes.
    """
    from ann_models.networks import members

    if model.output_shape[-1] <= labels.max():
        return model, 1.0
    best = temperature([predict(member, images) for member in members(model)], labels)
    return with_temperature(model, best), best


def with_temperature(model: keras.Model, temperature: float) -> keras.Model:
    """A copy of a softmax classifier with its logits divided by a temperature."""
    import keras

    from ann_models.networks import members

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for network in members(copy):
        logits = next(layer for layer in reversed(network.layers) if layer.trainable_variables)
        for variable in logits.trainable_variables:  # also of batch-normalised logits
            variable.assign(variable / temperature)
    return copy
