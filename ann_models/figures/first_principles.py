"""Panels of the first principles: perceptron, ReLU, recursion, descent, chain rule (rows 1–14)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ann_models.figures import style
from ann_models.scratch.backpropagation import relative_errors
from ann_models.scratch.perceptron import predict

COLOURS = (style.RED, style.BLUE, style.GREEN)  # one a method
CLASS_MARKS = ((style.BLUE, "s", "$C_0$"), (style.RED, "o", "$C_1$"))


def decision_lines(x: np.ndarray, gates: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """One panel a gate: the neuron's line ω₀ + ω₁x₁ + ω₂x₂ = 0 after each epoch (row 1).

    Args:
        x: (points, 2).
        gates: by name, the classes (points,) and the weights (epochs + 1, 3), ω₀ first.
    """
    figure, panels = style.panels(len(gates), (4 * len(gates), 5.6), grid=False)
    figure.suptitle("One neuron draws one line: enough for AND and OR, not for XOR")
    for axes, (name, (y, path)) in zip(panels, gates.items(), strict=True):
        epochs = len(path) - 1
        shades = ScalarMappable(Normalize(1, epochs), "viridis_r")
        for epoch, weights in enumerate(path[1:], start=1):
            _line(
                axes,
                weights,
                shades.cmap((epoch - 1) / max(1, epochs - 1)),
                3 if epoch == epochs else 1,
            )
        _firing_region(axes, path[-1])
        for label, (colour, marker, text) in enumerate(CLASS_MARKS):
            points = x[y == label].T
            axes.plot(*points, marker, color=colour, ms=11, mec="black", label=text, zorder=3)
        style.label(axes, name, "$x_1$", "$x_2$")
        axes.set(xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), xticks=(0, 1), yticks=(0, 1), aspect="equal")
        figure.colorbar(
            shades, ax=axes, location="bottom", label="epoch", ticks=MaxNLocator(5, integer=True)
        )
    style.legend(figure)
    return figure


def errors_per_epoch(errors: Mapping[str, np.ndarray]) -> Figure:
    """The points that were classified wrongly before their update; a line a gate (rows 1, 3).

    Args:
        errors: by gate, counts (epochs,).
    """
    figure, axes = style.panel("Rosenblatt's rule: errors per epoch", "epoch", "errors")
    for (gate, counts), colour, marker in zip(errors.items(), COLOURS, "osD", strict=False):
        epochs = np.arange(1, len(counts) + 1)
        axes.plot(epochs, counts, f"{marker}-", color=colour, ms=5, alpha=0.7, label=gate)
    _whole_numbers(axes.xaxis, axes.yaxis)
    style.legend(figure)
    return figure


def lifted_space(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Figure:
    """XOR's points lifted by x₁·x₂, and the plane that now separates them (row 3).

    Args:
        x: (points, 3): x₁, x₂ and x₁·x₂.
        y: (points,) of 0 and 1.
        weights: (4,): ω₀, ω₁, ω₂ and ω₃, the last one not zero.
    """
    figure = style.Panel(figsize=(6.5, 5.5), layout="constrained")
    axes = figure.add_subplot(projection="3d", computed_zorder=False)

    def plane(x1: np.ndarray, x2: np.ndarray) -> np.ndarray:
        return -(weights[0] + weights[1] * x1 + weights[2] * x2) / weights[3]

    corners = np.meshgrid((-0.25, 1.25), (-0.25, 1.25))
    axes.plot_surface(*corners, plane(*corners), color=style.GREEN, alpha=0.35, zorder=1)
    for x1, x2, product in x:
        distance = (product, plane(x1, x2))
        axes.plot((x1, x1), (x2, x2), distance, ":", color=style.BLACK, lw=2, zorder=2)
    for label, (colour, marker, text) in enumerate(CLASS_MARKS):
        points = x[y == label].T
        axes.plot(*points, marker, color=colour, ms=11, mec="black", label=text, zorder=3)
    axes.set_title("With the feature $x_1x_2$ one plane separates XOR")
    axes.set(xlabel="$x_1$", ylabel="$x_2$", zlabel="$x_1x_2$", xticks=(0, 1), yticks=(0, 1))
    axes.view_init(elev=12, azim=-52)
    axes.set_box_aspect((1, 1, 0.9), zoom=0.95)
    style.legend(figure)
    return figure


def relu_shapes(x: np.ndarray, shapes: Mapping[str, np.ndarray]) -> Figure:
    """The lecture's four panels of one ReLU, shifted, scaled and flipped (row 6).

    Args:
        x: (points,).
        shapes: by formula, the values (points,).
    """
    figure, panels = style.panels(2, (8, 8), rows=2)
    figure.suptitle(r"Shifting, scaling and flipping one kink, $h(x) = \max(0, x)$")
    for axes, (formula, values) in zip(panels, shapes.items(), strict=True):
        axes.plot(x, values, color=style.RED, linewidth=2)
        style.label(axes, f"$y = {formula}$", "x", "y")
        axes.set(xlim=(-2, 2), ylim=(-1.7, 2.2), aspect="equal")
    return figure


def growth(
    title: str, xlabel: str, n: Sequence[int], costs: Mapping[str, Mapping[str, Sequence[float]]]
) -> Figure:
    """One panel a cost, one line a method, against the size of the problem (rows 11 and 14).

    Args:
        title: what the panels show together.
        xlabel: what n is.
        n: (sizes,).
        costs: by cost ("calls", "seconds") and method, the values (sizes,), all above 0.
    """
    figure, panels = style.panels(len(costs), (5 * len(costs), 4))
    figure.suptitle(title)
    for axes, (cost, methods) in zip(panels, costs.items(), strict=True):
        for (method, values), colour in zip(methods.items(), COLOURS, strict=False):
            axes.plot(n, values, "o-", color=colour, ms=4, label=_spaced(method))
        style.label(axes, "", xlabel, cost)
        style.log_ordinate(axes)
        _whole_numbers(axes.xaxis)
    style.legend(figure)
    return figure


def loss_curves(
    errors: np.ndarray,
    squared: np.ndarray,
    probabilities: np.ndarray,
    cross_entropy: Mapping[int, np.ndarray],
) -> Figure:
    """The squared loss against the error, the cross entropy against the probability (row 12).

    Args:
        errors: h − y, (errors,).
        squared: the squared loss at each error, (errors,).
        probabilities: h, (probabilities,).
        cross_entropy: the cross entropy at each probability, (probabilities,), for y = 0 and 1.
    """
    figure, (left, right) = style.panels(2, (10, 4))
    figure.suptitle("What an error costs")
    style.label(left, "Squared loss, for regression", r"$h_\omega(x) - y$", "loss")
    style.label(right, "Cross entropy, for classification", r"$h_\omega(x)$", "loss")
    left.plot(errors, squared, color=style.BLACK, lw=2, label=r"$(h_\omega(x) - y)^2$")
    formulas = (r"$y = 0$:  $-\log(1 - h_\omega(x))$", r"$y = 1$:  $-\log h_\omega(x)$")
    for y, colour in enumerate((style.BLUE, style.RED)):
        right.plot(probabilities, cross_entropy[y], color=colour, lw=2, label=formulas[y])
    style.legend(figure)
    return figure


def descent_paths(
    w1: np.ndarray, w2: np.ndarray, loss: np.ndarray, paths: Mapping[str, np.ndarray]
) -> Figure:
    """The optimisers' paths over the loss surface, from one start (row 13).

    Args:
        w1: the grid's values of ω₁, (columns,).
        w2: the grid's values of ω₂, (rows,).
        loss: above 0, with the best bias at each point of the grid, (rows, columns).
        paths: by optimiser, ω₁ and ω₂ before the first and after each step, (steps + 1, 2).
    """
    figure, axes = style.panel(
        "Three ways down the same loss surface",
        r"$\omega_1$",
        r"$\omega_2$",
        (7.5, 5.5),
        grid=False,
    )
    levels = np.geomspace(loss.min(), loss.max(), 20)
    surface = axes.contourf(w1, w2, loss, levels, norm=LogNorm(), cmap="Greys", alpha=0.7)
    for (optimiser, path), colour in zip(paths.items(), COLOURS, strict=False):
        axes.plot(*path.T, ".-", color=colour, ms=5, lw=1.2, label=_spaced(optimiser))
        axes.plot(*path[-1], "o", color=colour, ms=9, mec="black")
    axes.plot(*path[0], "*", color=style.ORANGE, ms=16, mec="black", label="start")
    figure.colorbar(surface, label="cross entropy, with the best bias", format="%.2g")
    style.legend(figure)
    return figure


def loss_by_step(losses: Mapping[str, np.ndarray]) -> Figure:
    """The loss before the first and after each step (row 13).

    Args:
        losses: by optimiser, above 0, (steps + 1,).
    """
    figure, axes = style.panel("Loss against step", "step", "cross entropy")
    for (optimiser, values), colour in zip(losses.items(), COLOURS, strict=False):
        text = f"{_spaced(optimiser)}, finally {values[-1]:.3f}"
        axes.plot(values, color=colour, lw=2, label=text)
    style.log_ordinate(axes)
    style.legend(figure)
    return figure


def gradient_check(
    network: str, gradient: np.ndarray, references: Mapping[str, np.ndarray]
) -> Figure:
    """Backpropagation's gradient beside other ways to have it, and the relative errors (row 14).

    Args:
        network: its name.
        gradient: from backpropagation, (parameters,).
        references: by method, the same partial derivatives, (parameters,).
    """
    figure, (left, right) = style.panels(2, (10, 4.2))
    figure.suptitle(f"Backpropagation through the {network} network, checked")
    style.label(left, "Partial derivatives", "backpropagation", "reference")
    style.label(right, "Relative error", "parameter", "")
    limits = gradient.min(), gradient.max()
    left.plot(limits, limits, color=style.GREY, label="equality")
    for (method, reference), colour, marker in zip(references.items(), COLOURS, "ox", strict=False):
        errors = np.maximum(relative_errors(gradient, reference), 1e-17)  # a logarithm has no 0
        left.plot(gradient, reference, marker, color=colour, alpha=0.7, label=_spaced(method))
        right.plot(errors, marker, color=colour, alpha=0.7, label=_spaced(method))
    right.set_ylim(5e-18, 1)
    style.log_ordinate(right)
    _whole_numbers(right.xaxis)
    style.legend(figure)
    return figure


def _line(axes: Axes, weights: np.ndarray, colour: object, linewidth: float) -> None:
    """The line where the neuron's sum is 0; there is none where ω₁ and ω₂ are both 0."""
    bias, normal = weights[0], weights[1:]
    if normal.any():
        foot = -bias * normal / (normal @ normal)  # its point nearest to the origin
        along = foot + np.array([-normal[1], normal[0]])
        axes.axline(tuple(foot), tuple(along), color=colour, linewidth=linewidth)


def _firing_region(axes: Axes, weights: np.ndarray) -> None:
    side = np.linspace(-0.5, 1.5, 200)
    fires = predict(weights, np.stack(np.meshgrid(side, side), axis=-1))
    axes.contourf(side, side, fires, levels=(0.5, 1.5), colors=style.RED, alpha=0.12)


def _whole_numbers(*axis_lines: Axis) -> None:
    for axis in axis_lines:
        axis.set_major_locator(MaxNLocator(integer=True))


def _spaced(name: str) -> str:
    return name.replace("_", " ")
