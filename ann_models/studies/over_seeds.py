"""What every trained variant reports: numbers with their spread over the seeds, and its curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ann_models.evaluation import spread
from ann_models.figures import learning
from ann_models.findings import Findings

if TYPE_CHECKING:
    from ann_models.entry import Variant
    from ann_models.training.trainer import Training

LOSS_NAMES = {
    "mse": "mean squared error",
    "binary_crossentropy": "cross entropy",
    "sparse_categorical_crossentropy": "cross entropy",
    "categorical_crossentropy": "cross entropy",
}


def learned(
    variant: Variant, training: Training, **measured: Sequence[float] | np.ndarray
) -> Findings:
    """The findings that all trained variants share.

    Args:
        variant: the entry that was trained.
        training: its outcome.
        measured: by metric name, one value a seed.

    Returns:
        Each final loss and each measured value as a metric with its spread over the seeds and as
        a column of the table `seeds` and as a series; the history as curves, drawn as well.
    """
    finals = {f"final_{n}": final(c) for n, c in training.history.items() if n.endswith("loss")}
    findings = Findings(curves=dict(training.history))
    findings.tables["seeds"] = {"seed": list(training.seeds)}
    for name, values in (finals | measured).items():
        findings.metrics |= spread(name, values)
        findings.tables["seeds"][name] = [float(value) for value in values]
        findings.series[f"seeds/{name}"] = {
            seed: float(value) for seed, value in zip(training.seeds, values, strict=True)
        }
    unit = LOSS_NAMES[variant.loss] + (" + penalty" if variant.penalty else "")
    for measure, ylabel in (("loss", unit), ("accuracy", "accuracy")):
        curves = {
            split: training.history[f"{key}_{measure}"]
            for key, split in (("train", "training"), ("val", "validation"))
            if f"{key}_{measure}" in training.history
        }
        if curves:
            findings.figures[f"learning_curve_{measure}"] = learning.learning_curves(
                curves, f"Learning curve: {variant.name}", ylabel, log=measure == "loss"
            )
    return findings


def final(curve: np.ndarray) -> np.ndarray:
    """The last finite value of each seed, (seeds,), of a curve (epochs, seeds)."""
    last = len(curve) - 1 - np.isfinite(curve)[::-1].argmax(axis=0)
    return curve[last, np.arange(curve.shape[1])]


def median_seed(training: Training) -> int:
    """The index of the seed with the median final training loss: the typical one to show."""
    order = np.argsort(final(training.history["train_loss"]), kind="stable")
    return int(order[(len(order) - 1) // 2])
