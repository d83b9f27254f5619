"""A trained digit classifier → what the gate needs to know of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ann_models.digits.robustness import under_each_corruption
from ann_models.evaluation import accuracy
from ann_models.onnx.export import largest_difference
from ann_models.onnx.inference import milliseconds_per_image, predictor
from pipelines.gate import Candidate

if TYPE_CHECKING:
    import keras

    from ann_models.datasets import Dataset

COMPARED_DIGITS = 1000
CORRUPTED_DIGITS = 500
BATCH = 100  # small enough for a convolutional network's activations to stay in the cache


def examine(model: keras.Model, onnx_bytes: bytes, data: Dataset) -> Candidate:
    """Let the ONNX form, which is what will be served, answer all validation digits.

    Args:
        model: the trained network, (n, 28, 28) → (n, 10).
        onnx_bytes: the same network in ONNX form.
        data: digits with x_val and y_val.
    """
    images, labels = data.arrays["x_val"], data.arrays["y_val"]
    validation = replace(data, arrays={"x_val": images, "y_val": labels})
    predict = predictor(onnx_bytes)

    def answer(asked: np.ndarray) -> np.ndarray:
        starts = range(0, len(asked), BATCH)
        return np.concatenate([predict(asked[start : start + BATCH]) for start in starts])

    some, their_labels = images[:CORRUPTED_DIGITS], labels[:CORRUPTED_DIGITS]
    return Candidate(
        probabilities=answer(images),
        labels=labels,
        data_source=data.source,
        validation_digest=validation.digest,
        onnx_ms=milliseconds_per_image(onnx_bytes, images[0]),
        onnx_difference=largest_difference(model, onnx_bytes, images[:COMPARED_DIGITS]),
        weights_finite=all(np.isfinite(weight).all() for weight in model.get_weights()),
        robustness={
            name: accuracy(answer(version), their_labels)
            for name, version in under_each_corruption(some).items()
        },
    )
