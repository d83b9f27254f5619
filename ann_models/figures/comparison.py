"""Panels across the variants of one question: numbers of many runs in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ann_models.figures import style
from ann_models.figures.learning import draw_curves

SERIES = (style.BLUE, style.ORANGE, style.GREEN, style.PURPLE, style.CYAN)
MARKERS = "osD^vPX*"


def final_loss_against_units(losses: Mapping[int, np.ndarray]) -> Figure:
    """Each seed's final loss and their median against the number of neurons (rows 7–10)."""
    figure, axes = style.panel("Final loss against the number of neurons", "neurons", "final loss")
    for i, (units, values) in enumerate(losses.items()):
        name = "one seed" if i == 0 else None
        axes.plot([units] * len(values), values, "o", color=style.BLUE, alpha=0.5, label=name)
    medians = [np.median(values) for values in losses.values()]
    axes.plot(list(losses), medians, "D-", color=style.RED, label="median")
    style.log_ordinate(axes)
    style.log_abscissa(axes, losses)
    style.legend(figure)
    return figure


def learning_curves_side_by_side(
    runs: Mapping[str, Mapping[str, np.ndarray]], ylabel: str
) -> Figure:
    """One pair of axes a run, all with the same ordinate (row 18).

    Args:
        runs: by run, its curves by split, (epochs, seeds) each.
        ylabel: what the curves measure.
    """
    figure, all_axes = style.panels(len(runs), (4 * len(runs), 4.2), same_ordinate=True)
    for axes, (name, curves) in zip(all_axes, runs.items(), strict=True):
        style.label(axes, name, "epoch", ylabel if axes is all_axes[0] else "")
        draw_curves(axes, curves)
    if ylabel == "accuracy":
        style.accuracy_ordinate(all_axes[0])
    style.legend(figure)
    return figure


def gradient_norms_at_start(norms: Mapping[str, np.ndarray]) -> Figure:
    """The untrained networks' gradient norms (layers,) by activation (row 18)."""
    figure, axes = style.panel("Gradient norm before training", "layer", "‖∂ℓ/∂ω‖")
    for (name, values), colour in zip(norms.items(), SERIES, strict=False):
        axes.plot(np.arange(1, len(values) + 1), values, "o-", color=colour, label=name)
    style.log_ordinate(axes)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    style.legend(figure)
    return figure


def weights_norm_against_strength(
    strengths: np.ndarray, l1: np.ndarray, l2: np.ndarray, without: tuple[float, float], title: str
) -> Figure:
    """The weights' two norms (strengths,) against λ, dashed without a penalty (row 22)."""
    figure, axes = style.panel(title, "λ", "norm of the weights")
    for name, values, level, colour in zip(
        ("‖ω‖₁", "‖ω‖₂"), (l1, l2), without, (style.BLUE, style.ORANGE), strict=True
    ):
        axes.plot(strengths, values, "o-", color=colour, label=name)
        axes.axhline(level, linestyle="--", color=colour, label=f"{name} without penalty")
    style.log_ordinate(axes)
    style.log_abscissa(axes, strengths)
    style.legend(figure)
    return figure


def estimates_against_strength(
    strengths: np.ndarray, quantiles: Mapping[str, np.ndarray], title: str
) -> Figure:
    """Quantiles of the weights' estimates (strengths,) against λ: they shrink (row 22).

    Args:
        strengths: λ.
        quantiles: by name, from the lowest to the highest; an odd number of them.
        title: what the panel shows.
    """
    figure, axes = style.panel(title, "λ", "estimates of the weights")
    names, values = list(quantiles), list(quantiles.values())
    for i in range(len(names) // 2):
        name = f"{names[i]} to {names[-1 - i]}"
        band = values[i], values[-1 - i]
        axes.fill_between(strengths, *band, color=style.BLUE, alpha=0.25, label=name)
    middle = len(names) // 2
    axes.plot(strengths, values[middle], "o-", color=style.BLUE, label=names[middle])
    style.log_abscissa(axes, strengths)
    style.legend(figure)
    return figure


def fit_against_strength(
    strengths: np.ndarray, errors: np.ndarray, roughness: np.ndarray, title: str
) -> Figure:
    """What the penalty costs and brings: mean squared error and roughness against λ (row 22)."""
    figure, axes = style.panel(title, "λ", "error and roughness")
    axes.plot(strengths, errors, "o-", color=style.BLUE, label="mean squared error")
    axes.plot(strengths, roughness, "s-", color=style.ORANGE, label="roughness ∫f″(x)² dx")
    axes.set_yscale("symlog", linthresh=1e-3)  # a constant's roughness is zero
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:g}")
    style.log_abscissa(axes, strengths)
    style.legend(figure)
    return figure


def fitted_curves(
    grid: np.ndarray,
    curves: Mapping[float, np.ndarray],
    points: tuple[np.ndarray, np.ndarray],
    title: str,
) -> Figure:
    """The fitted curve (n,) for each λ on the grid (n,), λ = 0 dashed, over x and y (row 22)."""
    figure, axes = style.panel(title, "x", "y")
    _by_strength(axes, {strength: (grid, curve) for strength, curve in curves.items()})
    axes.plot(*points, "o", color=style.BLACK, label="training points")
    style.legend(figure)
    return figure


def losses(curves: Mapping[float, np.ndarray], title: str) -> Figure:
    """The training loss (epochs,) for each λ, λ = 0 dashed (row 22)."""
    figure, axes = style.panel(title, "epoch", "mean squared error + penalty")
    _by_strength(axes, {s: (np.arange(1, len(c) + 1), c) for s, c in curves.items()})
    style.log_ordinate(axes)
    style.legend(figure)
    return figure


def error_against_size(errors: Mapping[str, np.ndarray]) -> Figure:
    """Test error against training-set size, a line with and one without augmentation (row 24).

    Args:
        errors: by name, (4, n): sizes, errors, and the ends of the errors' 95 % intervals.
    """
    figure, axes = style.panel(
        "Test error against data", "training digits", "test error, 95 % interval"
    )
    for (name, (places, values, low, high)), colour in zip(errors.items(), SERIES, strict=False):
        bars = np.stack([values - low, high - values]).clip(0)
        axes.errorbar(places, values, bars, fmt="o-", color=colour, capsize=4, label=name)
    style.log_ordinate(axes)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
    sizes = sorted({int(size) for line in errors.values() for size in line[0]})
    style.log_abscissa(axes, sizes)
    style.legend(figure)
    return figure


def shares(
    names: Sequence[str],
    measures: Mapping[str, tuple[np.ndarray, np.ndarray]],
    title: str,
) -> Figure:
    """Grouped bars of shares in [0, 1] by name, with standard deviations over seeds.

    Args:
        names: of the runs.
        measures: each one's values and deviations, (runs,) each, by what they measure.
        title: of the panel.
    """
    figure, axes = style.panel(title, "", "share", (8, 5))
    width = 0.8 / len(measures)
    colours = (style.BLUE, style.ORANGE, style.GREEN)
    places = np.arange(len(names))
    for i, ((label, (values, deviations)), colour) in enumerate(
        zip(measures.items(), colours, strict=False)
    ):
        at = places + (i - (len(measures) - 1) / 2) * width
        axes.bar(at, values, width, yerr=deviations, color=colour, label=label)
        for x, value, end in zip(at, values, values + deviations, strict=True):
            axes.text(x, end + 0.01, f"{value:.1%}", ha="center", fontsize=9)
    axes.set_xticks(places, names)
    axes.set_ylim(0, 1.15)
    axes.legend(fontsize=10, ncols=len(measures), loc="upper center")
    return figure


def accuracies(
    names: Sequence[str], train: np.ndarray, test: np.ndarray, deviation: np.ndarray
) -> Figure:
    """Training and test accuracy of each network and the gap between them (rows 16, 17).

    Points, not bars: the axis does not start at zero.

    Args:
        names: (n,).
        train: (n,).
        test: (n,).
        deviation: standard deviation of the test accuracy over the seeds, (n,).
    """
    figure, axes = style.panel("Which digit is it?", ylabel="accuracy")
    place = np.arange(len(names))
    axes.vlines(place, test, train, color=style.GREY, linewidth=1)
    axes.plot(place, train, "s", color=style.BLUE, markersize=8, label="training")
    axes.errorbar(
        place, test, deviation, fmt="o", color=style.GREEN, capsize=5, label="test ± 1 sd of seeds"
    )
    for x, middle, gap in zip(place, (train + test) / 2, train - test, strict=True):
        text = f"gap {100 * gap:.2f} points"
        axes.annotate(text, (x, middle), (8, 0), textcoords="offset points", va="center")
    axes.set_xticks(place, names)
    axes.set_xlim(-0.4, len(names) - 0.4 + 0.3)
    axes.margins(y=0.15)
    style.accuracy_ordinate(axes)
    style.legend(figure)
    return figure


def errors_left(
    names: Sequence[str], errors: np.ndarray, deviation: np.ndarray, parameters: np.ndarray
) -> Figure:
    """Errors in 10,000 test digits of each network, and against its number of weights (row 16).

    Args:
        names: (n,), the best first.
        errors: mean over the seeds, (n,).
        deviation: over the seeds, (n,); 0 where there is one seed.
        parameters: (n,).
    """
    figure, (left, right) = style.panels(2, (10, 1.6 + 0.4 * len(names)))
    style.label(left, "What is the highest accuracy?", "errors in 10,000 test digits")
    bars = left.barh(names, errors, xerr=deviation, color=style.BLUE, capsize=4)
    left.bar_label(bars, [f"{count:.0f}" for count in errors], padding=6)
    left.set_xlim(0, 1.2 * (errors + deviation).max())
    left.invert_yaxis()
    style.label(right, "What it costs", "parameters", "errors ± 1 sd of seeds")
    colours = matplotlib.colormaps["Dark2"](range(len(MARKERS)))
    looks = cycle(zip(MARKERS, colours, strict=True))
    for name, x, y, spread, (marker, colour) in zip(
        names, parameters, errors, deviation, looks, strict=False
    ):
        right.errorbar(x, y, spread, fmt=marker, color=colour, capsize=4, alpha=0.8, label=name)
    style.log_abscissa(right)
    right.margins(x=0.15, y=0.15)
    style.log_ordinate(right)
    style.legend(figure)
    return figure


def _by_strength(axes: Axes, curves: Mapping[float, tuple[np.ndarray, np.ndarray]]) -> None:
    colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(curves)))
    for (strength, (x, y)), colour in zip(curves.items(), colours, strict=True):
        look = "-" if strength else "--"
        axes.plot(x, y, look, color=colour, label=f"λ = {strength:g}")
