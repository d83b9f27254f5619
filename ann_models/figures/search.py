"""Panels of a search: every trial as a path, and which settings mattered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from ann_models.figures import style

TICKS = 4
_BEHIND_TICKS = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1}


def parallel_coordinates(
    name: str,
    settings: Mapping[str, Sequence[str]],
    objective: Sequence[float],
    logarithmic: frozenset[str] = frozenset(),
) -> Figure:
    """Each trial as a path over the axes of its settings to its objective, the best one thick.

    Args:
        name: the variant's.
        settings: the value of each trial, by key.
        objective: of each trial, the smaller the better.
        logarithmic: keys with a logarithmic axis.
    """
    columns = [_places(values, key in logarithmic) for key, values in settings.items()]
    results = np.array(objective, float)
    is_wide = results.min() > 0 and results.max() / results.min() > 10
    columns.append(_places([str(float(v)) for v in objective], is_wide))
    figure, axes = style.panel(f"Search: {name}", size=(max(6.0, 1.8 * len(columns) + 1.5), 4))
    norm = (LogNorm if is_wide else Normalize)(
        results.min(), max(results.max(), results.min() * 1.001)
    )
    colors = ScalarMappable(norm, "viridis_r")
    best = int(results.argmin())
    heights = np.array([places for places, _ in columns])  # (axes, trials)
    for trial in np.argsort(-results):
        is_best = trial == best
        axes.plot(
            heights[:, trial],
            color=style.RED if is_best else colors.to_rgba(results[trial]),
            linewidth=3 if is_best else 1,
            alpha=1 if is_best else 0.6,
            label="best trial" if is_best else None,
        )
    for position, (_, ticks) in enumerate(columns):
        axes.axvline(position, color=style.GREY, linewidth=1)
        for height, text in ticks:
            axes.text(position + 0.03, height, text, fontsize=8, va="center", bbox=_BEHIND_TICKS)
    axes.set_xticks(range(len(columns)), [*settings, "validation loss"], fontsize=9)
    axes.set(yticks=[], ylim=(-0.05, 1.05), xlim=(-0.1, len(columns) - 0.6))
    axes.legend(loc="upper left", fontsize=9, bbox_to_anchor=(0, -0.08))
    return figure


def importances(name: str, shares: Mapping[str, float]) -> Figure:
    """The share of the validation loss's variance that each setting explains."""
    figure, axes = style.panel(
        f"Which settings mattered: {name}",
        "share of the variance",
        size=(6, 1.2 + 0.5 * len(shares)),
    )
    keys = list(shares)[::-1]
    bars = axes.barh(keys, [shares[key] for key in keys], color=style.BLUE)
    axes.bar_label(bars, fmt="{:.0%}", padding=3, fontsize=9)
    axes.set_xlim(0, 1.1)
    return figure


def _places(values: Sequence[str], is_log: bool) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Heights in [0, 1] of values on their axis, and labelled ticks."""
    try:
        numbers = np.array(values, float)
    except ValueError:
        names = sorted(set(values))
        step = 1 / max(1, len(names) - 1)
        height = {name: i * step for i, name in enumerate(names)}
        return np.array([height[v] for v in values]), [(h, n) for n, h in height.items()]
    scaled = np.log10(numbers) if is_log else numbers
    low, high = scaled.min(), scaled.max()
    width = (high - low) or 1.0
    shown = np.linspace(low, high, TICKS)
    ticks = [((s - low) / width, f"{10**s if is_log else s:.3g}") for s in shown]
    return (scaled - low) / width, ticks
