"""What moves while a network learns: its boundary, hidden space, curve and first weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ann_models.figures import style
from ann_models.figures.animation import Animation, animate
from ann_models.figures.classification import Limits, draw_points
from ann_models.figures.digits import mosaic, tiled

Points = Mapping[str, tuple[np.ndarray, np.ndarray]]


def boundary(
    x: np.ndarray, y: np.ndarray, normals: np.ndarray, biases: np.ndarray, epochs: Sequence[int]
) -> Animation:
    """The line ω·x + b = 0 over the points (row 4).

    Args:
        x: (m, 2).
        y: (m, 1).
        normals: ω at each epoch, (frames, 2).
        biases: b at each epoch, (frames,).
        epochs: (frames,).
    """
    figure, axes = style.panel("Boundary", "$x_1$", "$x_2$")
    draw_points(axes, x, y)
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
    (line,) = axes.plot([], [], color=style.GREEN, linewidth=3)
    return animate(figure, [line], epochs, lambda i: _set_line(axes, line, normals[i], biases[i]))


def decision_regions(
    x: np.ndarray,
    y: np.ndarray,
    limits: tuple[Limits, Limits],
    probabilities: np.ndarray,
    epochs: Sequence[int],
) -> Animation:
    """The probability of class 1 behind the points (rows 2 and 5).

    Args:
        x: (m, 2).
        y: (m, 1).
        limits: of both axes.
        probabilities: on an even grid over the limits, (frames, rows, columns).
        epochs: (frames,).
    """
    figure, axes = style.panel("Decision regions", "$x_1$", "$x_2$", grid=False)
    image = axes.imshow(
        probabilities[0],
        cmap=style.CLASSES,
        vmin=0,
        vmax=1,
        alpha=0.6,
        origin="lower",
        extent=(*limits[0], *limits[1]),
        aspect="auto",
    )
    points = draw_points(axes, x, y)
    return animate(figure, [image, *points], epochs, lambda i: image.set_data(probabilities[i]))


def hidden_space(
    z: np.ndarray, y: np.ndarray, normals: np.ndarray, biases: np.ndarray, epochs: Sequence[int]
) -> Animation:
    """The points as two hidden units see them, and the output unit's line (rows 2 and 5).

    Args:
        z: at each epoch, (frames, m, 2).
        y: (m, 1).
        normals: the output unit's ω at each epoch, (frames, 2).
        biases: its b at each epoch, (frames,).
        epochs: (frames,).
    """
    figure, axes = style.panel("Hidden space", "$z_1$", "$z_2$")
    points = draw_points(axes, z[-1], y)
    (line,) = axes.plot([], [], color=style.BLACK, linewidth=3)
    low, high = float(z.min()) - 0.05, float(z.max()) + 0.05
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")

    def update(i: int) -> None:
        for label, marks in enumerate(points):
            marks.set_data(*z[i][y[:, 0] == label].T)
        _set_line(axes, line, normals[i], biases[i])

    return animate(figure, [*points, line], epochs, update)


def curve(
    title: str,
    x: np.ndarray,
    curves: np.ndarray,
    target: tuple[np.ndarray, np.ndarray],
    epochs: Sequence[int],
) -> Animation:
    """The network's curve over what it is to fit (rows 7 to 10 and 19 to 23).

    Args:
        title: what the curve is.
        x: (points,).
        curves: at each epoch, (frames, points).
        target: x (m,) and y (m,); a line where there are many points, else markers.
        epochs: (frames,).
    """
    figure, axes = style.panel(title, "x", "y")
    few = len(target[0]) <= 20
    axes.plot(*target, "o" if few else "--", color=style.BLUE if few else style.RED)
    margin = 0.15 * float(np.ptp(target[1]))
    beside = 0.03 * float(np.ptp(x))
    axes.set(
        xlim=(x[0] - beside, x[-1] + beside),
        ylim=(float(target[1].min()) - margin, float(target[1].max()) + margin),
    )
    (line,) = axes.plot([], [], color=style.RED if few else style.BLUE, linewidth=2)
    return animate(figure, [line], epochs, lambda i: line.set_data(x, curves[i]))


def weight_pictures(weights: np.ndarray, title: str, epochs: Sequence[int]) -> Animation:
    """The first layer's weights as pictures, all frames in the last one's scale (rows 16, 17).

    Args:
        weights: at each epoch, (frames, units, height, width).
        title: what they are.
        epochs: (frames,).
    """
    figure, axes = style.panel(title, size=(6, 5), grid=False)
    columns = int(np.ceil(np.sqrt(weights.shape[1])))
    most = float(np.quantile(np.abs(weights[-1]), 0.995))
    image = mosaic(axes, weights[-1], "RdBu_r", (-most, most), columns=columns)
    gap = max(1, weights.shape[-1] // 14)
    tiles = [tiled(pictures, columns, gap=gap) for pictures in weights]
    return animate(figure, [image], epochs, lambda i: image.set_data(tiles[i]))


def _set_line(axes: Axes, line: Line2D, normal: np.ndarray, bias: float) -> None:
    """ω·x + b = 0 across the axes; nothing where ω = 0."""
    length = float(normal @ normal)
    if not length:
        line.set_data([], [])
        return
    foot = -bias * normal / length
    along = np.array([-normal[1], normal[0]]) / np.sqrt(length)
    reach = sum(abs(end) for end in (*axes.get_xlim(), *axes.get_ylim())) + np.abs(foot).sum()
    ends = foot + np.outer((-reach, reach), along)
    line.set_data(*ends.T)
