"""A trained digit classifier → what is registered: calibrated, exported, evaluated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ann_models.digits.people import held_out
from ann_models.digits.rejection import on_people, served_form
from ann_models.digits.robustness import under_each_corruption
from ann_models.evaluation import accuracy
from ann_models.onnx.export import largest_difference, to_onnx
from ann_models.onnx.inference import milliseconds_per_image, predictor, scored_predictor
from pipelines.candidate import DIGITS, Candidate, People
from pipelines.registry.model_artifact import EXAMPLES, ModelArtifact

if TYPE_CHECKING:
    import keras

    from ann_models.datasets import Dataset

COMPARED_DIGITS = 1000
CORRUPTED_DIGITS = 500
BATCH = 100  # small enough for a convolutional network's activations to stay in the cache


def evaluate_candidate(
    model: keras.Model, data: Dataset, temperature: float | None = None
) -> ModelArtifact:
    """Calibrate a network, export it to ONNX and evaluate that form on the validation pictures.

    Args:
        model: the trained network, (n, 28, 28) → (n, 10), (n, 11) or (n, classes); it is not
            changed.
        data: digits, or an image data set of one's own, with x_val and y_val.
        temperature: of its calibration; none: it is chosen on the validation digits.

    Raises:
        UnsupportedLayer: the model has no ONNX form.
    """
    images, labels = data.arrays["x_val"], data.arrays["y_val"]
    form = served_form(model, data, temperature)
    model, temperature = form.model, form.temperature
    onnx_bytes = to_onnx(model, form.least_confidence, data.classes)
    predict = predictor(onnx_bytes)

    def answer(asked: np.ndarray) -> np.ndarray:
        starts = range(0, len(asked), BATCH)
        return np.concatenate([predict(asked[start : start + BATCH]) for start in starts])

    some, their_labels = images[:CORRUPTED_DIGITS], labels[:CORRUPTED_DIGITS]
    candidate = Candidate(
        probabilities=answer(images),
        labels=labels,
        data_source=data.source,
        validation_digest=replace(data, arrays={"x_val": images, "y_val": labels}).digest,
        onnx_ms=milliseconds_per_image(onnx_bytes, images[0]),
        onnx_difference=largest_difference(model, onnx_bytes, images[:COMPARED_DIGITS]),
        weights_finite=all(np.isfinite(weight).all() for weight in model.get_weights()),
        robustness={
            name: accuracy(answer(version), their_labels)
            for name, version in under_each_corruption(some).items()
        },
        classes=len(data.classes) or DIGITS,
        people=None if data.classes else _people(onnx_bytes, form.least_confidence),
    )
    return ModelArtifact(model, onnx_bytes, temperature, candidate, images[:EXAMPLES], data.digest)


def _people(onnx_bytes: bytes, least_confidence: float | None) -> People:
    """How the ONNX form reads generated digits of held-out writers, and marks what is no digit."""
    answer, others = scored_predictor(onnx_bytes), held_out()
    found = on_people(answer(others.images), answer(others.non_digits), least_confidence)
    return People(found.correct, found.marked, found.marked_non_digits, others.digest)
