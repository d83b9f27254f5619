"""The look that all panels share: the lecture's size and colours, told apart by every eye."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

SIZE = (6, 4)  # inches, as in the lecture

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


def panel(
    title: str, xlabel: str = "", ylabel: str = "", size: tuple[float, float] = SIZE
) -> tuple[Figure, Axes]:
    """One titled pair of axes in a figure of its own; `size` in inches."""
    figure, (axes,) = panels(1, size)
    label(axes, title, xlabel, ylabel)
    return figure, axes


def panels(
    columns: int, size: tuple[float, float], same_ordinate: bool = False
) -> tuple[Figure, list[Axes]]:
    """Axes side by side in one figure; `size` in inches."""
    figure = Figure(figsize=size, layout="constrained")
    return figure, list(figure.subplots(1, columns, squeeze=False, sharey=same_ordinate)[0])


def label(axes: Axes, title: str, xlabel: str = "", ylabel: str = "") -> None:
    """Title and axis labels in the shared font sizes."""
    axes.set_title(title, fontsize=13)
    axes.set_xlabel(xlabel, fontsize=13)
    axes.set_ylabel(ylabel, fontsize=13)


def log_ordinate(axes: Axes) -> None:
    """A logarithmic ordinate with labelled ticks however short it is; after the drawing."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1,) if high / low > 100 else (1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")
