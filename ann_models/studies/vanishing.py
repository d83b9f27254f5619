"""Row 18: why deep gradients vanish, by activation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from ann_models.figures import learning as figures
from ann_models.findings import Findings
from ann_models.studies.digits import scores
from ann_models.studies.over_seeds import learned, median_seed

if TYPE_CHECKING:
    from ann_models.datasets import Dataset
    from ann_models.entry import Variant
    from ann_models.training.trainer import Training

PROBE = 1000  # training digits on which gradients and activations are measured


def vanishing_gradient(variant: Variant, data: Dataset, training: Training) -> Findings:
    """The gradient norm of each layer and the share of zero activations, epoch by epoch.

    Args:
        variant: a deep stack of dense layers of one activation.
        data: the digits.
        training: with snapshots of the weights before and after each epoch.
    """
    x, y = (data.arrays[name][:PROBE] for name in ("x_train", "y_train"))
    measure = _measure_on(training.models[0], x, y)
    measured = [[measure(weights) for weights in row] for row in training.snapshots.values()]
    norms = np.array([[norm for norm, _ in row] for row in measured])  # (epochs+1, seeds, layers)
    zeros = np.array([[zero for _, zero in row] for row in measured])  # hidden layers only
    activation = training.models[0].layers[-2].activation.__name__

    accuracies_and_loss, _ = scores(data, training.models)
    findings = learned(variant, training, **accuracies_and_loss)
    for layer in range(norms.shape[2]):
        findings.metrics[f"gradient_norm_start_layer_{layer + 1}"] = np.median(norms[0, :, layer])
        findings.curves[f"gradient_norm_layer_{layer + 1}"] = norms[1:, :, layer]
    findings.series["gradient_norm_by_layer"] = {
        layer: float(norm) for layer, norm in enumerate(np.median(norms[0], axis=0), 1)
    }
    findings.curves["zero_activation_share"] = zeros[1:].mean(axis=2)
    findings.metrics |= {
        "gradient_norm_start_first_to_last": np.median(norms[0, :, 0] / norms[0, :, -1]),
        "zero_activation_share_start": zeros[0].mean(),
        "zero_activation_share": zeros[-1].mean(),
    }
    shares = zeros[[0, -1]].mean(axis=1)  # before and after training
    shown = median_seed(training)
    findings.figures |= {
        "gradient_norms_at_start": figures.gradient_norms_at_start(norms[0].T, activation),
        "gradient_norms_in_training": figures.gradient_norms_in_training(
            norms[:, shown], activation
        ),
    }
    if shares.any():  # only ReLU's are exactly zero
        findings.figures["zero_activations"] = figures.zero_activations(shares, activation)
    return findings


def _measure_on(
    model: keras.Model, x: np.ndarray, y: np.ndarray
) -> Callable[[list[np.ndarray]], tuple[np.ndarray, np.ndarray]]:
    """A function of weights of the model's architecture, measured on the examples (n, …), (n,).

    Returns:
        It gives ‖∂ℓ/∂ω‖ of each dense layer's kernel ω, and each hidden layer's share of zeros.
    """
    probe = keras.models.clone_model(model)
    dense = [layer for layer in probe.layers if isinstance(layer, keras.layers.Dense)]

    @tf.function(autograph=False)
    def measured() -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        hidden: list[tf.Tensor] = []
        with tf.GradientTape() as tape:
            outputs = tf.constant(x)
            for layer in probe.layers:
                outputs = layer(outputs)
                if layer in dense:
                    hidden.append(outputs)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y, outputs))
        gradients = tape.gradient(loss, [layer.kernel.value for layer in dense])
        zeros = [tf.reduce_mean(tf.cast(h == 0, tf.float32)) for h in hidden[:-1]]
        return [tf.norm(gradient) for gradient in gradients], zeros

    def measure(weights: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        probe.set_weights(weights)
        norms, zeros = measured()
        return np.array(norms, float), np.array(zeros, float)

    return measure
