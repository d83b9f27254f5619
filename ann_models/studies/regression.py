"""Rows 7 to 10: how many ReLU neurons fit a cubic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ann_models.evaluation import predict
from ann_models.figures import frames
from ann_models.figures import regression as figures
from ann_models.findings import Findings
from ann_models.studies.frames import trajectory
from ann_models.studies.over_seeds import learned, median_seed

if TYPE_CHECKING:
    import keras

    from ann_models.datasets import Dataset
    from ann_models.entry import Variant
    from ann_models.training.trainer import Training

GRID = np.arange(-2, 2, 0.01, dtype=np.float32)[:, None]  # wider than the data, as in the lecture
FEW = 4  # neurons up to which each one is drawn


def relu_regression(variant: Variant, data: Dataset, training: Training) -> Findings:
    """Each neuron adds one kink; a neuron that is zero on all the data is lost."""
    order = np.argsort(data.arrays["x_train"][:, 0])
    x, y = data.arrays["x_train"][order], data.arrays["y_train"][order]
    shown = median_seed(training)
    findings = learned(
        variant,
        training,
        max_error=[float(np.abs(predict(model, x) - y).max()) for model in training.models],
        dead_neurons=[int((_terms(model, x) == 0).all(axis=0).sum()) for model in training.models],
    )
    terms = _terms(training.models[shown], GRID)
    findings.metrics["hidden_units"] = terms.shape[1]
    if terms.shape[1] <= FEW:
        findings.figures["contributions"] = figures.contributions(GRID, terms, x, y)
    sums = np.concatenate([predict(model, GRID) for model in training.models], axis=1)
    findings.figures["sum_of_neurons"] = figures.sum_of_neurons(GRID, sums, shown, x, y)
    if path := trajectory(variant, training, shown):
        curves = path.outputs(GRID)[-1][:, :, 0]
        findings.animations["sum_of_neurons"] = frames.curve(
            "Sum of the neurons", GRID[:, 0], curves, (x[:, 0], y[:, 0]), path.epochs
        )
    return findings


def _terms(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Each neuron's ω⁽²⁾·h(ω⁽¹⁾x + b⁽¹⁾), (points, neurons)."""
    kernel, bias, output = model.get_weights()
    return output[:, 0] * np.maximum(0, x @ kernel + bias)
