"""Between which numbers the settings of an entry lie; others are refused before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from ann_models.entry import Distillation, Variant
from ann_models.errors import InvalidSetting

MOST_SEEDS = 100
MOST_WEIGHTS = 100_000_000  # of a network: 0.4 GB, three times that with Adam's moments


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`.

    Attributes:
        excludes: "low" or "high" where that end is none of them.
    """

    low: float
    high: float
    excludes: str = ""

    def __contains__(self, value: float) -> bool:
        """Whether a number lies in it; NaN lies in none."""
        if value == self.low or value == self.high:
            return not self.excludes or value != getattr(self, self.excludes)
        return self.low < value < self.high

    def __str__(self) -> str:
        """As in "1 to 1,000,000" and "0 or more and less than 1"."""
        low, high = (f"{end:,.15g}" for end in (self.low, self.high))
        if self.excludes == "low":
            return f"more than {low} and at most {high}"
        if self.excludes == "high":
            return f"{low} or more and less than {high}"
        return f"{low} to {high}"


_SHARE = Range(0, 1, "high")
RANGES = {
    "epochs": Range(1, 1_000_000),
    "batch_size": Range(1, 1_000_000),
    "seeds": Range(1, MOST_SEEDS),
    "train_size": Range(10, 1_000_000),
    "frames": Range(0, 1000),
    "data.noise": Range(0, 1_000_000),
    "optimizer.learning_rate": Range(0, 1000, "low"),
    "optimizer.learning_rate.peak": Range(0, 1000, "low"),
    "optimizer.learning_rate.warmup": _SHARE,
    "optimizer.momentum": _SHARE,
    "optimizer.weight_decay": Range(0, 1000),
    "penalty.strength": Range(0, 1_000_000),
    "early_stopping.patience": Range(1, 1_000_000),
    "augmentation.shift": Range(0, 28),
    "augmentation.rotation": Range(0, 180),
    "augmentation.scale": _SHARE,
    "augmentation.shear": Range(0, 10),
    "augmentation.elastic_alpha": Range(0, 1000),
    "augmentation.elastic_sigma": Range(0, 28, "low"),
    "augmentation.thickness": Range(0, 1),
    "augmentation.blur": Range(0, 28),
    "augmentation.noise": Range(0, 10),
    "distillation.copies": Range(1, 1000),
    "other_hands.generated": Range(0, 1_000_000),
    "other_hands.copies": Range(0, 1000),
    "other_hands.non_digits": Range(0, 1_000_000),
    "layers.units": Range(1, 100_000),
    "layers.filters": Range(1, 10_000),
    "layers.kernel": Range(1, 28),
    "layers.strides": Range(1, 28),
    "layers.size": Range(1, 28),
    "layers.rate": _SHARE,
    "layers.momentum": _SHARE,
}


def check(key: str, value: float) -> None:
    """Refuse a number that a setting cannot be.

    Raises:
        InvalidSetting: it lies outside of the setting's range.
    """
    if value not in RANGES[key]:
        raise InvalidSetting(f"{key}={value}: expected {RANGES[key]}.")


def faults_of(variant: Variant) -> Iterator[str]:
    """Every number of an entry that is out of its range, each as a sentence."""
    for key, value in _numbers(variant):
        if value not in RANGES[key]:
            yield f"{key}={value}: expected {RANGES[key]}"
    for position, layer in enumerate(variant.layers):
        for f in fields(layer):
            allowed = RANGES.get(f"layers.{f.name}")
            if allowed and getattr(layer, f.name) not in allowed:
                given = getattr(layer, f.name)
                yield f"layers.{position}.{f.name}={given}: expected {allowed}"


def _numbers(settings: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    """The numbers with a range, by their key."""
    for f in fields(settings):
        value, key = getattr(settings, f.name), f"{prefix}{f.name}"
        if is_dataclass(value):
            # its distortions have the ranges of the entry's own ones
            inner = "" if isinstance(settings, Distillation) else prefix
            yield from _numbers(value, f"{inner}{f.name}.")
        elif key in RANGES and value is not None:
            yield key, value
