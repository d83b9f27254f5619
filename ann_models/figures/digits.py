"""Panels of the digits: pictures, counts, errors, probabilities, weights (rows 15–17, 24)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.textpath import TextPath

from ann_models.figures import style

SHOWN_CORRUPTED = 12
MOST_COUNTED = 60  # classes of a confusion matrix with names and counts
MOST_NAMED, LIKELIEST = 20, 10  # of more classes the likeliest alone are shown
SHORT = 12  # characters of a name above a picture or at a tick
ONE_LINE = 7  # characters of names that stand in one line above a picture
WIDEST = 0.64  # inches of a label: within a picture and its gap, at the left edge, too
DIGITS = tuple("0123456789")


def digit(image: np.ndarray, label: int) -> Figure:
    """One digit (28, 28), ink white on black as in the lecture."""
    figure, axes = style.panel(f"Label: {label}", size=(4, 4), grid=False)
    axes.imshow(image, "gray", vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[])
    return figure


def labelled_grid(images: np.ndarray, labels: Sequence[object] | np.ndarray, title: str) -> Figure:
    """Digits (n, 28, 28), ten to a row, each under its label of one line or two."""
    rows = -(-len(images) // 10)
    height = 0.95 + 0.19 * (_lines(labels) - 1)
    figure, axes = style.panel(title, size=(8, 0.6 + rows * height), grid=False)
    mosaic(axes, images, "gray", (0, 1), labels)
    return figure


def class_counts(counts: Mapping[str, np.ndarray]) -> Figure:
    """How many examples of each digit every split has, (10,) each."""
    figure, axes = style.panel("Digits in each split", "digit", "examples")
    width = 0.8 / len(counts)
    colours = (style.BLUE, style.ORANGE, style.GREEN)
    for i, ((split, count), colour) in enumerate(zip(counts.items(), colours, strict=False)):
        place = np.arange(10) + (i - (len(counts) - 1) / 2) * width
        axes.bar(place, count, width, color=colour, label=split)
    axes.set_xticks(range(10))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    style.legend(figure)
    return figure


def confusion(matrix: np.ndarray, examples: str, names: Sequence[str] = DIGITS) -> Figure:
    """Counts, true class by row; the shade leaves the diagonal out to show errors.

    Of more than MOST_COUNTED classes the shades alone, by the classes' numbers.

    Args:
        matrix: (classes, classes).
        examples: what is counted, such as "test digits, seed 2".
        names: of the classes.
    """
    title, what = f"Confusion matrix: {examples}", _what(names)
    side = max(5.5, 0.3 * min(len(names), MOST_COUNTED))
    figure, axes = style.panel(
        title, f"predicted {what}", f"true {what}", (side + 0.5, side), grid=False
    )
    errors = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    most = max(int(errors.max()), 1)
    axes.imshow(errors, cmap="Oranges", vmin=0, vmax=1.5 * most)
    if len(names) > MOST_COUNTED:  # no label would be legible
        return figure
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            bold = "bold" if row == column else "normal"
            _text(axes, (column, row), count, va="center", fontsize=9, weight=bold)
    _name_ticks(axes, names)
    axes.set_yticks(range(len(names)), style.class_names(names, SHORT))
    return figure


def worst_errors(
    images: np.ndarray, labels: np.ndarray, named: np.ndarray, examples: str
) -> Figure:
    """The most confident errors (n, 28, 28), each under "true → predicted" class, by name.

    Args:
        images: of the errors.
        labels: the true classes, (n,).
        named: the predicted ones, (n,).
        examples: on what they were made, such as "10,000 test digits".
    """
    if not len(images):
        figure, axes = style.panel(f"No error on {examples}", size=(8, 1), grid=False)
        axes.axis("off")
        return figure
    names = [str(name) for name in (*labels, *named)]
    columns = [len(set(column)) == 1 for column in zip(*names, strict=False)]
    # Nothing is cut where one name begins all the others.
    same = columns.index(False) if max(map(len, names)) > SHORT and False in columns else 0
    names = style.class_names([name[same:] for name in names], SHORT)
    arrow = " → " if max(map(len, names)) <= ONE_LINE else "\n→ "
    texts = [
        f"{true}{arrow}{taken}"
        for true, taken in zip(names[: len(labels)], names[len(labels) :], strict=True)
    ]
    return labelled_grid(images, texts, f"Worst errors on {examples}: true → predicted")


def prediction(
    image: np.ndarray,
    label: int,
    probabilities: np.ndarray,
    example: str,
    names: Sequence[str] = DIGITS,
) -> Figure:
    """One picture (28, 28), such as "test digit 7", beside its likeliest classes' probabilities."""
    figure, (left, right) = style.panels(2, (8, 4), grid=False)
    named = style.class_names(names)
    style.label(left, f"{example.capitalize()}, label: {named[label]}")
    left.imshow(image, "gray", vmin=0, vmax=1)
    left.axis("off")
    style.label(
        right, f"Prediction: {named[int(probabilities.argmax())]}", _what(names), "probability"
    )
    shown = list(range(len(names)))
    if len(names) > MOST_NAMED:
        shown = np.sort(np.argsort(probabilities)[-LIKELIEST:]).tolist()
    right.stem(probabilities[shown])
    right.grid(True)
    _name_ticks(right, [names[i] for i in shown])
    right.set(ylim=(-0.02, 1.05))
    return figure


def weight_pictures(weights: np.ndarray, title: str) -> Figure:
    """Weights as pictures (n, height, width): red above zero, blue below, one scale for all.

    One weight in 200 is beyond the scale's ends, so that a few large ones do not pale the rest.
    """
    side = int(np.ceil(np.sqrt(len(weights))))
    figure, axes = style.panel(title, size=(6, 5), grid=False)
    most = float(np.quantile(np.abs(weights), 0.995))
    image = mosaic(axes, weights, "RdBu_r", (-most, most), columns=side)
    figure.colorbar(image, label="weight", extend="both")
    return figure


def augmented_samples(originals: np.ndarray, versions: np.ndarray) -> Figure:
    """Digits (10, 28, 28) above distorted versions of them (rows, 10, 28, 28)."""
    title = "Top row: original digits; below: augmented"
    figure, axes = style.panel(title, size=(8, 4.4), grid=False)
    mosaic(axes, np.concatenate([originals[None], versions]).reshape(-1, 28, 28), "gray", (0, 1))
    axes.axhline(29, color=style.ORANGE, linewidth=3)
    return figure


def robustness(
    versions: Mapping[str, np.ndarray], accuracies: Mapping[str, float], examples: str
) -> Figure:
    """Corrupted digits (n, 28, 28), a row a corruption, beside the accuracy under each.

    Args:
        versions: the pictures that are shown, by corruption.
        accuracies: by corruption.
        examples: what they are measured on, such as "500 test digits".
    """
    figure, (left, right) = style.panels(2, (10, 4.4), grid=False)
    style.label(left, f"Some of {examples}, corrupted")
    mosaic(left, np.concatenate(list(versions.values())), "gray", (0, 1), columns=SHOWN_CORRUPTED)
    style.label(right, "Accuracy under each corruption", f"accuracy on {examples}", "")
    names = list(accuracies)
    bars = right.barh(names, [accuracies[name] for name in names], color=style.BLUE)
    right.bar_label(bars, fmt="{:.1%}", padding=3)
    right.set(xlim=(0, 1.15), xticks=np.arange(0, 1.1, 0.2))
    right.invert_yaxis()
    return figure


def mosaic(
    axes: Axes,
    pictures: np.ndarray,
    cmap: str,
    limits: tuple[float, float],
    labels: Sequence[object] | np.ndarray = (),
    columns: int = 10,
) -> AxesImage:
    """Draw pictures (n, height, width) as one image, far cheaper than axes for each."""
    height, width = pictures.shape[1:]
    above, gap = _lines(labels) * (height // 3), width // 4 if len(labels) else max(1, width // 14)
    whole = tiled(pictures, columns, above, gap)
    image = axes.imshow(whole, cmap, vmin=limits[0], vmax=limits[1], interpolation="nearest")
    lines = [line for text in labels for line in str(text).split("\n") if line]
    widest = max((TextPath((0, 0), line, size=10).get_extents().width for line in lines), default=1)
    size = min(10.0, 10 * 72 * WIDEST / widest)
    for i, text in enumerate(labels):
        row, column = divmod(i, columns)
        place = column * (width + gap) + width / 2, row * (height + above + gap) + above - 1
        _text(axes, place, text, va="bottom", fontsize=size)
    axes.axis("off")
    return image


def tiled(pictures: np.ndarray, columns: int, above: int = 0, gap: int = 0) -> np.ndarray:
    """Pictures (n, height, width) in rows of so many columns as one array; NaN between them."""
    count, height, width = pictures.shape
    rows = -(-count // columns)
    tiles = np.full((rows * columns, height + above + gap, width + gap), np.nan)
    tiles[:count, above : above + height, :width] = pictures
    whole = tiles.reshape(rows, columns, *tiles.shape[1:]).swapaxes(1, 2)
    return whole.reshape(rows * tiles.shape[1], columns * tiles.shape[2])


def _lines(labels: Sequence[object] | np.ndarray) -> int:
    return max((str(text).count("\n") + 1 for text in labels), default=0)


def _what(names: Sequence[str]) -> str:
    return "digit" if tuple(names) == DIGITS else "class"


def _name_ticks(axes: Axes, names: Sequence[str]) -> None:
    """A tick a class below the axes, its name upright where that needs less room."""
    upright = max(map(len, names)) > 2
    rotation = 90 if upright else 0
    axes.set_xticks(range(len(names)), style.class_names(names, SHORT), rotation=rotation)


def _text(axes: Axes, place: tuple[float, float], content: object, **look: Any) -> None:
    """A text inside the axes, which the layout therefore need not measure."""
    axes.text(*place, str(content), ha="center", **look).set_in_layout(False)
