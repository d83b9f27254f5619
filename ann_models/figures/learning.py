"""Panels of learning itself: losses and gradients by epoch (rows 2–24, and 18)."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ann_models.figures import style

SPLITS = {"training": style.BLUE, "validation": style.ORANGE, "test": style.GREEN}
POINTS = 250  # of a long curve that are drawn


def learning_curves(
    curves: Mapping[str, np.ndarray], title: str, ylabel: str, log: bool = False
) -> Figure:
    """Curves by epoch: a thin line a seed and their median, while all seeds train.

    Args:
        curves: by split ("training", "validation"), each (epochs, seeds); NaN after a stop.
        title: what the panel shows.
        ylabel: what the curves measure.
        log: whether the ordinate is logarithmic.
    """
    figure, axes = style.panel(title, "epoch", ylabel)
    draw_curves(axes, curves)
    if log:
        style.log_ordinate(axes)
    else:
        style.accuracy_ordinate(axes)
    style.legend(figure)
    return figure


def draw_curves(axes: Axes, curves: Mapping[str, np.ndarray]) -> None:
    """Each (epochs, seeds) curve: a thin line a seed, a thick one the median; epoch 1 is first."""
    for split, values in curves.items():
        values = values[np.isfinite(values).any(axis=1)]
        stride = -(-len(values) // POINTS)
        epochs, values = np.arange(1, len(values) + 1)[::stride], values[::stride]
        style.seeds_and_median(axes, epochs, values, split, SPLITS[split])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))


def gradient_norms_at_start(norms: np.ndarray, activation: str) -> Figure:
    """The untrained network's gradient norm (layers, seeds), one thin line a seed."""
    figure, axes = style.panel(f"Gradient norm before training: {activation}", "layer", "‖∂ℓ/∂ω‖")
    layers = np.arange(1, len(norms) + 1)
    style.seeds_and_median(axes, layers, norms, "", style.BLUE)
    style.log_ordinate(axes)
    axes.set_xticks(layers)
    style.legend(figure)
    return figure


def gradient_norms_in_training(norms: np.ndarray, activation: str) -> Figure:
    """Each layer's gradient norm (epochs + 1, layers), epoch 0 before training."""
    figure, axes = style.panel(f"Gradient norm through training: {activation}", "epoch", "‖∂ℓ/∂ω‖")
    layers = norms.shape[1]
    colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.95, layers))
    for layer, colour in enumerate(colours):
        axes.plot(norms[:, layer], color=colour, label=f"layer {layer + 1}")
    style.log_ordinate(axes)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    style.legend(figure)
    return figure


def zero_activations(shares: np.ndarray, activation: str) -> Figure:
    """The share of activations that are exactly zero: (2, hidden layers), before and after."""
    figure, axes = style.panel(
        f"Sparse coding: zero activations with {activation}", "hidden layer", "share of zeros"
    )
    layers = np.arange(1, shares.shape[1] + 1)
    for offset, row, name, colour in zip(
        (-0.2, 0.2),
        shares,
        ("before training", "after training"),
        (style.GREY, style.BLUE),
        strict=True,
    ):
        bars = axes.bar(layers + offset, row, width=0.4, color=colour, label=name)
        axes.bar_label(bars, fmt="{:.0%}", fontsize=7)
    axes.set_xticks(layers)
    axes.set_ylim(0, 1)
    style.legend(figure)
    return figure
