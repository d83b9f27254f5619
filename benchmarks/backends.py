"""Both backends of the trainer on networks of each kind, for the rule in `training.backends`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from unittest.mock import patch

from ann_models import datasets
from ann_models.datasets import Dataset
from ann_models.entry import Convolution, Dense, Flatten, MaxPooling, Variant
from ann_models.variants import VARIANTS

DIGITS = 10_000


@dataclass(frozen=True)
class Row:
    """One network under both backends, compilation included.

    Attributes:
        chosen: the backend that the rule chooses.
    """

    name: str
    steps: int
    xla_seconds: float
    graph_seconds: float
    chosen: str


def compare(report: Callable[[Row], None] = lambda row: None) -> list[Row]:
    """Train each network once with XLA and once with TensorFlow's graph executor."""
    from ann_models.training import backends, trainer

    rows = []
    for variant in _networks():
        data = _data(variant)
        seconds = {}
        for xla in (True, False):
            started = time.perf_counter()
            with patch.object(backends, "suits_xla", return_value=xla):
                trainer.train(variant, data, (0,))
            seconds[xla] = time.perf_counter() - started
        examples = len(data.arrays["x_train"])
        rows.append(
            Row(
                name=variant.name,
                steps=variant.epochs * backends.batches(variant, examples),
                xla_seconds=seconds[True],
                graph_seconds=seconds[False],
                chosen="xla" if backends.suits_xla(variant, examples) else "graph",
            )
        )
        report(rows[-1])
    return rows


def _networks() -> list[Variant]:
    small = VARIANTS["relu_regression_4"]
    ann = replace(VARIANTS["mnist_ann"], train_size=DIGITS)
    softmax = Dense(10, "softmax")
    layers = {
        "wide_256": (Flatten(), Dense(256, "relu"), softmax),
        "wide_1024_1024": (Flatten(), Dense(1024, "relu"), Dense(1024, "relu"), softmax),
        "convolution": (Convolution(8), MaxPooling(), Flatten(), softmax),
    }
    return [
        *(replace(small, name=f"small_{n}_epochs", epochs=n) for n in (10, 50, 100, 200, 1000)),
        ann,
        *(replace(ann, name=name, layers=stack, epochs=7) for name, stack in layers.items()),
    ]


def _data(variant: Variant) -> Dataset:
    if variant.data == "digits":
        return datasets.digits_subset(datasets.digits("mnist"), DIGITS)
    return datasets.generate(variant.data, seed=0)
