"""Trainings of a fraction of a second: a regression variant, its data, and small images."""

from __future__ import annotations

import numpy as np

from ann_models.datasets import Dataset, generate
from ann_models.entry import ActivationLayer, BatchNormalization, Dense, Variant

REGRESSION = Variant(
    row=0,
    name="regression",
    question="neurons",
    look_at="",
    study="",
    data="cubic",
    layers=(Dense(8, "tanh"), Dense(1)),
    epochs=4,
)

# A bias before batch normalisation has no gradient; Adam would blow up its rounding errors.
BATCH_NORM = (
    Dense(8, use_bias=False),
    BatchNormalization(),
    ActivationLayer("sigmoid"),
    Dense(1),
)


def cubic(examples: int = 200) -> Dataset:
    data = generate("cubic", 0)
    return Dataset("cubic", "generated", {k: v[:examples] for k, v in data.arrays.items()})


def images(examples: int = 80) -> Dataset:
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.random((examples, 8, 8), np.float32),
        "y_train": rng.integers(0, 3, examples).astype(np.int32),
        "x_val": rng.random((30, 8, 8), np.float32),
        "y_val": rng.integers(0, 3, 30).astype(np.int32),
    }
    return Dataset("images", "generated", arrays)
