"""Panels of the ten points: fitted curves, statistics, dropout, weights (rows 19–23)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ann_models.figures import style

Points = Mapping[str, tuple[np.ndarray, np.ndarray]]


def ten_points(points: Points) -> Figure:
    """The points, x (n, 1) and y (n, 1), by split: "training" and perhaps "validation"."""
    figure, axes = style.panel("Ten points", "x", "y")
    _draw(axes, points)
    style.legend(figure)
    return figure


def fitted_curve(
    points: Points,
    grid: np.ndarray,
    curves: np.ndarray,
    shown: int,
) -> Figure:
    """The curve of each seed, that of the seed `shown` thick, over the points.

    Args:
        points: x (n, 1) and y (n, 1) by split, "training" and perhaps "validation".
        grid: (points,).
        curves: (points, seeds).
        shown: index of a seed.
    """
    figure, axes = style.panel("Fitted curve", "x", "y")
    style.seeds_and_one(axes, grid, curves, shown, style.RED)
    _draw(axes, points)
    style.legend(figure)
    return figure


def batch_and_moving_statistics(
    means: list[tuple[np.ndarray, np.ndarray]], variances: list[tuple[np.ndarray, np.ndarray]]
) -> Figure:
    """Each unit's batch statistic against its moving one; on the diagonal they agree (row 20).

    Args:
        means: (batch, moving) of each batch normalisation, both (units,).
        variances: the same.
    """
    figure, both = style.panels(2, (9, 4))
    for axes, name, pairs in zip(both, ("mean", "variance"), (means, variances), strict=True):
        style.label(axes, f"Batch and moving {name}", f"moving {name}", f"batch {name}")
        for layer, ((batch, moving), colour) in enumerate(
            zip(pairs, (style.BLUE, style.ORANGE, style.GREEN, style.PURPLE), strict=False)
        ):
            name = f"layer {layer + 1}"
            axes.plot(moving, batch, "o", markersize=4, alpha=0.5, color=colour, label=name)
        axes.axline(
            (0, 0), slope=1, color=style.BLACK, linewidth=1, linestyle="--", label="equality"
        )
    style.legend(figure)
    return figure


def training_and_inference(
    grid: np.ndarray, inference: np.ndarray, mean: np.ndarray, deviation: np.ndarray
) -> Figure:
    """The mean of training-mode outputs beside the inference output, all (points,) (row 21)."""
    figure, axes = style.panel("Dropout: training-mode outputs and inference", "x", "y")
    low, high = mean - deviation, mean + deviation
    axes.fill_between(grid, low, high, color=style.BLUE, alpha=0.2, linewidth=0, label="± 1 sd")
    axes.plot(grid, mean, color=style.BLUE, linewidth=2, label="mean of training-mode outputs")
    axes.plot(grid, inference, "--", color=style.RED, linewidth=2, label="inference output")
    style.legend(figure)
    return figure


def dropout_scaling(
    masks: np.ndarray, scaled: np.ndarray, unscaled: np.ndarray, inference: float, rate: float
) -> Figure:
    """A linear layer after dropout: means over the first `masks` (n,), with and without 1/(1−rate).

    Args:
        masks: how many masks each mean is over.
        scaled: means with the kept inputs scaled by 1/(1−rate), (n,).
        unscaled: means with the kept inputs as they are, (n,).
        inference: the output without dropout.
        rate: the share of inputs that is dropped.
    """
    figure, axes = style.panel(
        f"Linear layer after dropout {rate:g}: mean over masks", "masks drawn", "output"
    )
    axes.plot(masks, scaled, color=style.BLUE, label="kept inputs scaled by 1/(1−rate)")
    axes.plot(masks, unscaled, color=style.GREY, label="kept inputs as they are")
    axes.axhline(inference, linestyle="--", color=style.RED, label="inference output")
    style.log_abscissa(axes)
    style.legend(figure)
    return figure


def weight_estimates(weights: np.ndarray) -> Figure:
    """How many of the weights' estimates (n,) are how large."""
    figure, axes = style.panel("Estimates of the weights", "ω", "number of weights")
    counts, edges = np.histogram(weights, bins=60)
    axes.stairs(counts, edges, fill=True, color=style.BLUE)
    style.log_ordinate(axes)
    return figure


def stopping_point(training: np.ndarray, validation: np.ndarray, best_epoch: int) -> Figure:
    """Both losses (epochs,) of one seed and the epoch whose weights are kept (row 23)."""
    figure, axes = style.panel("Early stopping", "epoch", "mean squared error")
    epochs = np.arange(1, len(training) + 1)
    axes.plot(epochs, training, color=style.BLUE, label="training")
    axes.plot(epochs, validation, color=style.ORANGE, label="validation")
    style.log_ordinate(axes)
    axes.axvline(best_epoch, linestyle="--", color=style.BLACK, label=f"kept: epoch {best_epoch}")
    axes.plot(best_epoch, validation[best_epoch - 1], "o", color=style.BLACK)
    style.legend(figure)
    return figure


def _draw(axes: Axes, points: Points) -> None:
    looks = {"training": ("o", style.BLUE), "validation": ("D", style.ORANGE)}
    for split, (x, y) in points.items():
        marker, colour = looks[split]
        axes.plot(x, y, marker, color=colour, label=f"{split} points")
