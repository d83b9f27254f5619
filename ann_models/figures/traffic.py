"""Panels of what the digit service is sent: distributions against those of the known digits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ann_models.drift import Finding, Sample
from ann_models.figures import style

LOOK: dict[str, dict[str, Any]] = {
    "known digits": {"color": style.BLUE, "alpha": 0.6},
    "traffic": {"color": style.RED, "alpha": 0.6},
}


def distributions(
    recent: Sample,
    reference: Sample,
    distances: tuple[np.ndarray, np.ndarray],
    findings: Mapping[str, Finding],
) -> Figure:
    """Ink, confidence, named digits and distance in the embedding, each with its finding.

    Args:
        recent: the traffic.
        reference: the known digits.
        distances: mean distance to the known digits, of the traffic and of the known digits.
        findings: by measure.
    """
    figure, (ink, confidence, classes, embedding) = style.panels(2, (10, 7), rows=2)
    _histograms(ink, recent.ink, reference.ink)
    _histograms(confidence, recent.confidence, reference.confidence)
    _histograms(embedding, *distances)
    for offset, (name, sample) in zip(
        (-0.2, 0.2), (("known digits", reference), ("traffic", recent)), strict=True
    ):
        counts = sample.class_counts
        classes.bar(np.arange(10) + offset, counts / counts.sum(), 0.4, label=name, **LOOK[name])
    classes.set_xticks(range(10))
    words = {
        "ink": (ink, "ink (mean of the pixels)"),
        "confidence": (confidence, "confidence"),
        "classes": (classes, "named digit"),
        "embedding": (embedding, "mean distance to known digits"),
    }
    for name, (axes, xlabel) in words.items():
        found = findings[name]
        verdict = "DRIFTED" if found.drifted else "as before"
        title = f"{verdict}: {found.size:.3f} (from {found.least} on), p = {found.p_value:.2g}"
        style.label(axes, title, xlabel, "share")
    style.legend(figure)
    return figure


def _histograms(axes: Axes, recent: np.ndarray, reference: np.ndarray) -> None:
    both = np.concatenate([recent, reference])
    bins = np.linspace(both.min(), both.max() + 1e-6, 31).tolist()
    for name, values in (("known digits", reference), ("traffic", recent)):
        weights = np.full(len(values), 1 / len(values))
        axes.hist(values, bins, weights=weights, label=name, **LOOK[name])
