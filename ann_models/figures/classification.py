"""Panels of the two-dimensional classifications: data, boundaries, hidden space (rows 2, 4, 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ann_models.figures import style

Limits = tuple[float, float]


def data(
    x: np.ndarray,
    y: np.ndarray,
    xlim: Limits | None = None,
    ylim: Limits | None = None,
    names: Sequence[str] = (),
) -> Figure:
    """Points x (m, 2) in the colours of their classes y (m, 1), which may have names."""
    figure, axes = style.panel("Training data", "$x_1$", "$x_2$")
    draw_points(axes, x, y, names)
    axes.set(xlim=xlim, ylim=ylim)
    style.legend(figure)
    return figure


def boundary(
    x: np.ndarray, y: np.ndarray, normals: np.ndarray, biases: np.ndarray, shown: int
) -> Figure:
    """The learned lines ω·x + b = 0 over the data, that of the seed `shown` thick (row 4).

    Args:
        x: (m, 2).
        y: (m, 1).
        normals: ω of each seed, (seeds, 2).
        biases: b of each seed, (seeds,).
        shown: index of a seed.
    """
    figure, axes = style.panel("Learned boundary of one sigmoid unit", "$x_1$", "$x_2$")
    draw_points(axes, x, y)
    for i, (normal, bias) in enumerate(zip(normals, biases, strict=True)):
        name = f"each of {len(normals)} seeds" if i == 0 < len(normals) - 1 else None
        _line(axes, normal, bias, color=style.BLACK, linewidth=0.8, label=name)
    name = "boundary, seed of the median loss" if len(normals) > 1 else "boundary"
    _line(axes, normals[shown], biases[shown], color=style.GREEN, linewidth=3, label=name)
    axes.set(xlim=(0, 8), ylim=(-4.3, 3.3))
    style.legend(figure)
    return figure


def hidden_space(z: np.ndarray, y: np.ndarray, limits: Limits = (0, 1)) -> Figure:
    """The data as the hidden layer sees it: z (m, 2), both axes within `limits`."""
    figure, _ = _hidden_space("Hidden space", z, y, limits)
    style.legend(figure)
    return figure


def hidden_space_with_boundary(
    z: np.ndarray, y: np.ndarray, normal: np.ndarray, bias: float, limits: Limits = (0, 1)
) -> Figure:
    """The hidden space with the output unit's line ω·z + b = 0, ω = `normal` (2,)."""
    figure, axes = _hidden_space("Hidden space with the output unit's boundary", z, y, limits)
    _line(axes, normal, bias, color=style.BLACK, linewidth=3, label="output unit")
    style.legend(figure)
    return figure


def hidden_lines(x: np.ndarray, y: np.ndarray, kernel: np.ndarray, biases: np.ndarray) -> Figure:
    """The input space with the line of each hidden unit: kernel (2, 2), biases (2,) (row 5)."""
    figure, axes = style.panel("Input space with the hidden units' lines", "$x_1$", "$x_2$")
    draw_points(axes, x, y)
    for unit, colour in enumerate((style.BLACK, style.GREEN)):
        name = f"$z_{unit + 1}$ = ½"
        _line(axes, kernel[:, unit], biases[unit], color=colour, linewidth=3, label=name)
    axes.set_aspect("equal")
    axes.set(xlim=(-5, 5), ylim=(-4, 4))
    style.legend(figure)
    return figure


def decision_regions(
    x: np.ndarray,
    y: np.ndarray,
    x1: np.ndarray,
    x2: np.ndarray,
    probabilities: np.ndarray,
    names: Sequence[str] = (),
) -> Figure:
    """The data over the predicted probability of class 1, the boundary at ½ drawn.

    Args:
        x: (m, 2).
        y: (m, 1).
        x1: evenly spaced abscissas (a,).
        x2: evenly spaced ordinates (b,).
        probabilities: (b, a).
        names: of the two classes, where they have some of their own.
    """
    figure, axes = style.panel("Decision regions", "$x_1$", "$x_2$", grid=False)
    image = axes.imshow(
        probabilities,
        cmap=style.CLASSES,
        vmin=0,
        vmax=1,
        alpha=0.6,
        origin="lower",
        extent=(x1[0], x1[-1], x2[0], x2[-1]),
        aspect="auto",
    )
    figure.colorbar(image, label=f"probability of {_shown(names)[1]}")
    if probabilities.min() < 0.5 < probabilities.max():
        axes.contour(x1, x2, probabilities, levels=[0.5], colors=style.BLACK, linewidths=2)
    draw_points(axes, x, y, names)
    style.legend(figure)
    return figure


def _hidden_space(title: str, z: np.ndarray, y: np.ndarray, limits: Limits) -> tuple[Figure, Axes]:
    figure, axes = style.panel(title, "$z_1$", "$z_2$")
    draw_points(axes, z, y)
    for points in axes.lines:
        points.set_clip_on(False)  # saturated units put many points on the edges
    axes.set_aspect("equal")
    axes.set(xlim=limits, ylim=limits)
    return figure, axes


def draw_points(
    axes: Axes, x: np.ndarray, y: np.ndarray, names: Sequence[str] = ()
) -> list[Line2D]:
    """Points x (m, 2) in the colours of their classes y (m, 1); class 0 first."""
    few = {"markersize": 12, "markeredgecolor": style.BLACK} if len(x) <= 10 else {"alpha": 0.4}
    drawn = []
    for label, (colour, name) in enumerate(
        zip((style.BLUE, style.RED), _shown(names), strict=True)
    ):
        drawn += axes.plot(*x[y[:, 0] == label].T, "o", color=colour, label=name, **few)
    return drawn


def _shown(names: Sequence[str]) -> Sequence[str]:
    """The two classes' own names, else the lecture's."""
    return style.class_names(names) if names else style.CLASS_NAMES


def _line(axes: Axes, normal: np.ndarray, bias: float, **look: Any) -> None:
    """ω·x + b = 0 through its point nearest to the origin; nothing where ω = 0."""
    if length := float(normal @ normal):
        x1, x2 = -bias * normal / length
        axes.axline((x1, x2), (x1 - normal[1], x2 + normal[0]), **look)
