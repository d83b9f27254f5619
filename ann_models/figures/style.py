"""The style sheet of all panels: size, fonts, colours, legends, logarithmic axes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator

SIZE = (6, 4)  # inches, as in the lecture
SHEET: dict[Any, Any] = {
    "axes.titlesize": 13,
    "axes.labelsize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlepad": 10,
    "grid.alpha": 0.3,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "figure.titlesize": 14,
}
TITLE_DENSITY = 9  # characters of a title an inch
LEGEND_SIZE = 10
LONGEST_CLASS = 20  # characters of a class's name in a panel
MOST_FIGURES = 10  # of a label on a logarithmic axis
PLAIN = 8e-4, 2e5  # within which a logarithmic axis has plain numbers, not powers of ten
SUBDIVISIONS: dict[float, tuple[float, ...]] = {  # ticks a decade, by the axis's highest/lowest
    100: (1,),
    10: (1, 2, 5),
    3: (1, 1.5, 2, 3, 4, 5, 7),
    0: (1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9),
}

# Okabe & Ito (2008), distinguishable with every kind of colour vision.
RED = "#D55E00"  # class 1
BLUE = "#0072B2"  # class 0
GREEN = "#009E73"
CYAN = "#56B4E9"
ORANGE = "#E69F00"
PURPLE = "#CC79A7"
BLACK = "#000000"
GREY = "#8C8C8C"

CLASSES = LinearSegmentedColormap.from_list("classes", [BLUE, "white", RED])
CLASS_NAMES = ("$C_0$", "$C_1$")


class Panel(Figure):
    """A figure that a notebook displays without pyplot."""

    def _repr_png_(self) -> bytes:
        png = io.BytesIO()
        self.savefig(png, format="png")
        return png.getvalue()


def panel(
    title: str,
    xlabel: str = "",
    ylabel: str = "",
    size: tuple[float, float] = SIZE,
    grid: bool = True,
) -> tuple[Figure, Axes]:
    """One titled pair of axes in a figure of its own.

    Args:
        title: above the axes.
        xlabel: below them.
        ylabel: left of them.
        size: width and height in inches.
        grid: whether grid lines are drawn; not over images.
    """
    figure, (axes,) = panels(1, size, grid=grid)
    label(axes, title, xlabel, ylabel)
    return figure, axes


def panels(
    columns: int,
    size: tuple[float, float],
    same_ordinate: bool = False,
    grid: bool = True,
    rows: int = 1,
) -> tuple[Figure, list[Axes]]:
    """Axes in rows and columns of one figure, row by row; `size` in inches."""
    with matplotlib.rc_context(SHEET | {"axes.grid": grid}):
        figure = Panel(figsize=size, layout="constrained")
        if rows > 1:  # a title keeps its distance from the label above it
            figure.set_layout_engine("constrained", hspace=0.08)
        grid_of_axes = figure.subplots(rows, columns, squeeze=False, sharey=same_ordinate)
    return figure, list(grid_of_axes.ravel())


def label(axes: Axes, title: str, xlabel: str = "", ylabel: str = "") -> None:
    """Title, in as many lines as the width of the axes needs, and axis labels."""
    place, figure = axes.get_subplotspec(), axes.get_figure()
    assert place is not None and isinstance(figure, Figure)
    inches = figure.get_figwidth() / place.get_gridspec().ncols
    axes.set(title=wrapped(title, int(inches * TITLE_DENSITY)), xlabel=xlabel, ylabel=ylabel)


def wrapped(text: str, characters: int) -> str:
    """Lines of at most so many characters, broken after a space or plus sign where there is one."""
    if len(text) <= characters or "$" in text:  # no break within a formula
        return text
    lines = [""]
    for word in re.findall(r"[^ +]*[ +]*", text):
        while len(word.rstrip()) > characters:
            lines += [word[:characters], ""]
            word = word[characters:]
        if len(lines[-1] + word.rstrip()) > characters:
            lines.append("")
        lines[-1] += word
    return "\n".join(line.rstrip() for line in lines if line)


def class_names(names: Iterable[object], longest: int = LONGEST_CLASS) -> list[str]:
    """Names of classes as panels show them: a long one without its middle, "$" as a letter.

    Args:
        names: as the data calls the classes.
        longest: how many characters are shown.
    """
    head, tail = longest // 2, longest - longest // 2 - 1
    shown = [
        name if len(name) <= longest else f"{name[:head]}…{name[-tail:]}"
        for name in map(str, names)
    ]
    # Matplotlib takes what is between two "$" for a formula, and leaves "_…" out of legends.
    return [re.sub("^_", " _", name).replace("$", r"\$") for name in shown]


def legend(figure: Figure) -> None:
    """One legend below all axes of the figure, where it covers nothing; each label once.

    Where nothing has a label, as a single unnamed line, there is none.
    """
    entries: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, text in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(text, handle)
    if not entries:
        return
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="outside lower center",
        ncols=_columns(list(entries), figure.get_figwidth()),
        fontsize=LEGEND_SIZE,
        frameon=False,
    )


def _columns(texts: list[str], inches: float) -> int:
    """How many legend entries fit beside each other."""
    longest = max(len(re.sub(r"\\\w+|[${}\\]", "", text)) for text in texts)
    width = (longest * 0.55 + 4) * LEGEND_SIZE / 72  # of the text, and of line and spaces
    return max(1, min(len(texts), int(inches / width)))


def seeds_and_median(
    axes: Axes,
    x: np.ndarray,
    values: np.ndarray,
    name: str,
    colour: str,
) -> None:
    """A thin line a seed and a thick one for their median, both in the legend.

    Args:
        axes: where to draw.
        x: (points,).
        values: (points, seeds); NaN after a seed stopped early. The median ends with the first
            seed that stops, because that of fewer seeds would jump.
        name: of what is drawn, such as "training"; may be empty.
        colour: of all lines.
    """
    marker = "o" if len(x) == 1 else None
    seeds = values.shape[1]
    if seeds == 1:
        axes.plot(x, values[:, 0], color=colour, linewidth=2, marker=marker, label=name)
        return
    thin = axes.plot(x, values, color=colour, linewidth=0.8, alpha=0.4, marker=marker)
    thin[0].set_label(f"{name}, each of {seeds} seeds".lstrip(", "))
    complete = np.isfinite(values).all(axis=1)
    which = "median" if complete.all() else f"median of all {seeds}"
    axes.plot(
        x[complete],
        np.median(values[complete], axis=1),
        color=colour,
        linewidth=2,
        marker=marker,
        label=f"{name}, {which}".lstrip(", "),
    )


def seeds_and_one(axes: Axes, x: np.ndarray, values: np.ndarray, shown: int, colour: str) -> None:
    """A thin line a seed and a thick one for the seed with the median loss.

    Args:
        axes: where to draw.
        x: (points,).
        values: (points, seeds).
        shown: index of the seed with the median loss.
        colour: of the thick line.
    """
    seeds = values.shape[1]
    if seeds == 1:
        axes.plot(x, values[:, 0], color=colour, linewidth=2, label="network")
        return
    thin = axes.plot(x, values, color=GREY, linewidth=0.8, alpha=0.7)
    thin[0].set_label(f"each of {seeds} seeds")
    name = "seed of the median loss"
    axes.plot(x, values[:, shown], color=colour, linewidth=2, label=name)


def log_ordinate(axes: Axes) -> None:
    """A logarithmic ordinate with several labelled ticks however short it is; after the drawing."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    subs = next(subs for ratio, subs in SUBDIVISIONS.items() if high / low > ratio)
    _log_ticks(axes.yaxis, LogLocator(subs=subs, numticks=8))


def log_abscissa(axes: Axes, places: Iterable[float] | None = None) -> None:
    """A logarithmic abscissa with a tick at each of these places, or at powers of ten."""
    axes.set_xscale("log")
    _log_ticks(axes.xaxis, LogLocator() if places is None else FixedLocator(list(places)))


def accuracy_ordinate(axes: Axes) -> None:
    """Start at 0 if half of the axis would be used; else say where it starts; after the drawing."""
    if axes.dataLim.y0 < 0.5:
        axes.set_ylim(bottom=0)
    else:
        start = axes.get_ylim()[0]
        axes.set_ylabel(f"{axes.get_ylabel()} (axis starts at {start:.3g})")


def _log_ticks(axis: Axis, locator: LogLocator | FixedLocator) -> None:
    def labelled(value: float, _: float) -> str:
        low, high = axis.get_view_interval()
        powers = low < PLAIN[0] or high > PLAIN[1]
        ticks = [tick for tick in axis.get_majorticklocs() if low <= tick <= high]
        for figures in range(2, MOST_FIGURES):  # as many as tell the ticks apart
            if len({log_label(tick, powers, figures) for tick in ticks}) == len(ticks):
                break
        return log_label(value, powers, figures)

    axis.set_major_locator(locator)
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(labelled)


def log_label(value: float, powers: bool, figures: int = 2) -> str:
    """The label of a tick on a logarithmic axis: a plain number, or a multiple of 10ⁿ.

    Args:
        value: of the tick.
        powers: whether it is a multiple of a power of ten.
        figures: significant figures of the multiple; a plain number has six or more.
    """
    if not powers:
        return f"{value:,.{max(6, figures)}g}"
    exponent = int(np.floor(np.log10(value) + 1e-9))
    factor = value / 10.0**exponent
    power = f"10^{{{exponent}}}"
    return f"${power}$" if np.isclose(factor, 1, 1e-9) else f"${factor:.{figures}g}·{power}$"
