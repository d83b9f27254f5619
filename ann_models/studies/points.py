"""Points of any network: what a changed row, or a table of one's own, learns from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ann_models.evaluation import accuracy, predict
from ann_models.figures import classification, overfitting
from ann_models.findings import Findings
from ann_models.studies.over_seeds import learned, median_seed

if TYPE_CHECKING:
    from ann_models.datasets import Dataset
    from ann_models.entry import Variant
    from ann_models.training.result import Training

MARGIN = 0.1  # of the data's width, drawn on each side
RESOLUTION = 120  # points a side of the grid of decision regions
CURVE = 400  # points at which a fitted curve is drawn


def points_classification(variant: Variant, data: Dataset, training: Training) -> Findings:
    """Accuracy and decision regions of two classes of points in the plane."""
    x, y = data.arrays["x_train"], data.arrays["y_train"]
    measured = {"train_accuracy": [accuracy(predict(m, x), y) for m in training.models]}
    if "x_val" in data.arrays:
        x_val, y_val = data.arrays["x_val"], data.arrays["y_val"]
        measured["val_accuracy"] = [accuracy(predict(m, x_val), y_val) for m in training.models]
    findings = learned(variant, training, **measured)
    x1, x2 = (np.linspace(*_limits(x[:, axis]), RESOLUTION) for axis in (0, 1))
    grid = np.stack(np.meshgrid(x1, x2), axis=-1).reshape(-1, 2).astype(np.float32)
    typical = training.models[median_seed(training)]
    probabilities = predict(typical, grid, batch=len(grid)).reshape(RESOLUTION, RESOLUTION)
    findings.figures |= {
        "data": classification.data(x, y, (x1[0], x1[-1]), (x2[0], x2[-1]), data.classes),
        "decision_regions": classification.decision_regions(
            x, y, x1, x2, probabilities, data.classes
        ),
    }
    return findings


def points_regression(variant: Variant, data: Dataset, training: Training) -> Findings:
    """Errors and fitted curves through points (x, y)."""
    x, y = data.arrays["x_train"], data.arrays["y_train"]
    errors = [predict(model, x) - y for model in training.models]
    measured = {
        "train_mse": [float(np.mean(error**2)) for error in errors],
        "max_error": [float(np.abs(error).max()) for error in errors],
    }
    shown = {"training": (x, y)}
    if "x_val" in data.arrays:
        x_val, y_val = data.arrays["x_val"], data.arrays["y_val"]
        shown["validation"] = (x_val, y_val)
        measured["val_mse"] = [
            float(np.mean((predict(model, x_val) - y_val) ** 2)) for model in training.models
        ]
    findings = learned(variant, training, **measured)
    grid = np.linspace(*_limits(np.concatenate([p for p, _ in shown.values()])), CURVE)
    grid = grid.astype(np.float32)
    curves = np.concatenate([predict(m, grid[:, None]) for m in training.models], axis=1)
    findings.arrays["fitted_curve"] = curves
    findings.figures["fitted_curve"] = overfitting.fitted_curve(
        shown, grid, curves, median_seed(training)
    )
    return findings


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = MARGIN * ((high - low) or 1.0)
    return low - margin, high + margin
