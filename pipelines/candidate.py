"""What the gate knows of a trained model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ann_models.evaluation import expected_calibration_error

DIGITS = 10
DIGIT_SOURCES = ("mnist", "offline-digits")


def examples_of(data_source: str) -> str:
    """What is classified: "digits", or "pictures" of an image data set of one's own."""
    return "digits" if data_source in DIGIT_SOURCES else "pictures"


@dataclass(frozen=True)
class ShadowResult:
    """Challenger and champion on recent requests to the service.

    Attributes:
        requests: recent requests that both answered.
        agreed: those that the challenger answered like the champion, or as a person corrected it.
        only_challenger_correct: held-out corrections that it alone classifies correctly.
        only_champion_correct: held-out corrections that the champion alone does.
    """

    requests: int
    agreed: int
    only_challenger_correct: int
    only_champion_correct: int


@dataclass(frozen=True, eq=False)
class People:
    """Generated handwriting of held-out writers, (n,) of bool, and pictures of no digit, (m,).

    Attributes:
        correct, marked: of each digit, whether it is classified correctly, and marked uncertain.
        marked_non_digits: of each picture of no digit, whether it is marked as uncertain.
        digest: SHA-256 of the pictures: only models that saw the same are compared.
    """

    correct: np.ndarray
    marked: np.ndarray
    marked_non_digits: np.ndarray
    digest: str


@dataclass(frozen=True, eq=False)
class Candidate:
    """What the gate knows of a trained model.

    Attributes:
        probabilities: its answers to the validation digits, (n, classes).
        labels: the digits' true classes, (n,).
        data_source: of its training and validation digits, such as "mnist".
        validation_digest: SHA-256 of the validation digits and labels.
        onnx_ms: milliseconds for one image in ONNX Runtime on one thread.
        onnx_difference: largest absolute difference of its ONNX form's probabilities from Keras's.
        weights_finite: whether every weight is a finite number.
        robustness: accuracy on validation digits under each corruption, by its name; empty if it
            was registered before that was measured.
        shadow: how it did on recent requests, if shadow mode is on.
        people: how it did on other handwriting than MNIST's; None if it was registered before that
            was measured.
        classes: how many it must tell apart: ten digits, or those of an image data set.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    data_source: str
    validation_digest: str
    onnx_ms: float
    onnx_difference: float
    weights_finite: bool
    robustness: Mapping[str, float] = field(default_factory=dict)
    shadow: ShadowResult | None = None
    people: People | None = None
    classes: int = DIGITS

    @property
    def examples(self) -> str:
        """What it classifies: see `examples_of`."""
        return examples_of(self.data_source)

    @property
    def correct(self) -> np.ndarray:
        """Which digits it classifies correctly, (n,) of bool."""
        return self.probabilities.argmax(axis=1) == self.labels

    @property
    def calibration_error(self) -> float:
        """Its expected calibration error on the validation digits."""
        return expected_calibration_error(self.probabilities, self.labels)
