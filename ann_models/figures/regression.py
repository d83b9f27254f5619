"""Panels of the ReLU regression: each neuron's kink and their sum (rows 7–10)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ann_models.figures import style


def contributions(
    x: np.ndarray, terms: np.ndarray, target_x: np.ndarray, target_y: np.ndarray
) -> Figure:
    """Each neuron's ω⁽²⁾·h(ω⁽¹⁾x + b⁽¹⁾), terms (points, neurons), beside the dashed target."""
    figure, axes = _cubic("Each neuron's contribution", target_x, target_y)
    for unit, (term, colour) in enumerate(
        zip(terms.T, (style.BLUE, style.BLACK, style.GREEN, style.ORANGE), strict=False)
    ):
        axes.plot(x, term, color=colour, linewidth=3, alpha=0.6, label=f"neuron {unit + 1}")
    style.legend(figure)
    return figure


def sum_of_neurons(
    x: np.ndarray, sums: np.ndarray, shown: int, target_x: np.ndarray, target_y: np.ndarray
) -> Figure:
    """The network's output for each seed, sums (points, seeds), over the dashed target."""
    figure, axes = _cubic("Sum of the neurons", target_x, target_y)
    style.seeds_and_one(axes, x, sums, shown, style.BLUE)
    style.legend(figure)
    return figure


def _cubic(title: str, x: np.ndarray, y: np.ndarray) -> tuple[Figure, Axes]:
    figure, axes = style.panel(title, "x", "y")
    axes.plot(x, y, "--", color=style.RED, zorder=3, label="target")
    axes.set(xlim=(-2, 2), ylim=(-1.7, 2.2))
    return figure, axes
