"""What a study of one variant found: numbers, curves, figures and tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from ann_models.figures.animation import Animation


@dataclass
class Findings:
    """The outcome of one study, ready to be shown or logged.

    Attributes:
        metrics: one number a name; the same name means the same thing in every study.
        curves: values by epoch (or step), shape (epochs,) or (epochs, seeds), first epoch first.
        series: values by a whole number other than the epoch: by seed, by layer, by data size.
        arrays: values by anything else, such as a fitted curve by x.
        figures: the lecture's panels, by file stem.
        animations: the same through the training, by file stem; none where nothing moves.
        tables: columns of equal length, by file stem.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    curves: dict[str, np.ndarray] = field(default_factory=dict)
    series: dict[str, dict[int, float]] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    animations: dict[str, Animation] = field(default_factory=dict)
    tables: dict[str, dict[str, list[object]]] = field(default_factory=dict)
