"""When is an answer marked as uncertain, and how well does that tell digits from what is none?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ann_models.calibration import calibrated, with_temperature
from ann_models.digits.people import NO_DIGIT, held_out
from ann_models.evaluation import (
    CLASSES,
    confidences,
    digit_probabilities,
    digit_scores,
    predict,
)

if TYPE_CHECKING:
    import keras

    from ann_models.datasets import Dataset

SURE = 0.8  # least confidence of a network that does not know what is no digit
MOST_MARKED = 0.013  # share of MNIST's validation digits that may be marked
MOST_MARKED_HANDS = 0.04  # likewise of generated digits, which are harder


@dataclass(frozen=True)
class ServedForm:
    """A network as it is to be served.

    Attributes:
        model: a copy with calibrated probabilities.
        temperature: by which its logits were divided.
        least_confidence: below which its answers are marked; None: as the service sees fit.
    """

    model: keras.Model
    temperature: float
    least_confidence: float | None


def served_form(model: keras.Model, data: Dataset, temperature: float | None = None) -> ServedForm:
    """Calibrate a network, and choose the least confidence, on validation examples.

    A network that knows what is no digit is calibrated on held-out generated digits and on
    pictures of no digit, too.

    Args:
        model: a network that ends in a softmax of 10 or 11 classes, or a committee of such.
        data: digits with x_val and y_val.
        temperature: of its calibration; None: it is chosen.
    """
    images, labels = data.arrays["x_val"], data.arrays["y_val"]
    knows_no_digit = not data.classes and model.output_shape[-1] == CLASSES + 1
    if knows_no_digit:
        others = held_out()
        none = np.full(len(others.non_digits), NO_DIGIT, labels.dtype)
        images = np.concatenate([images, others.images, others.non_digits])
        labels = np.concatenate([labels, others.labels, none])
    if temperature is None:
        model, temperature = calibrated(model, images, labels)
    else:
        model = with_temperature(model, temperature)
    if not knows_no_digit:
        return ServedForm(model, temperature, None)
    least = min(
        np.quantile(confidences(predict(model, data.arrays["x_val"])), MOST_MARKED),
        np.quantile(confidences(predict(model, others.images)), MOST_MARKED_HANDS),
    )
    return ServedForm(model, temperature, float(least))


@dataclass(frozen=True)
class AnswersOnPeople:
    """How a network does on held-out generated digits and on what is no digit.

    Attributes:
        correct: of each generated digit, whether it is read correctly, (n,) of bool.
        marked: of each generated digit, whether its answer is marked as uncertain, (n,) of bool.
        marked_non_digits: of each picture of no digit, likewise, (m,) of bool.
    """

    correct: np.ndarray
    marked: np.ndarray
    marked_non_digits: np.ndarray

    def metrics(self) -> dict[str, float]:
        """The shares, by metric name."""
        return {
            "hands_accuracy": float(self.correct.mean()),
            "hands_marked": float(self.marked.mean()),
            "hands_wrong_unmarked": float((~self.correct & ~self.marked).mean()),
            "non_digits_marked": float(self.marked_non_digits.mean()),
        }


def on_people(
    hands: tuple[np.ndarray, np.ndarray],
    non_digits: tuple[np.ndarray, np.ndarray],
    least_confidence: float | None,
) -> AnswersOnPeople:
    """Judge answers to the pictures of `held_out`.

    Args:
        hands: probabilities (n, 10) and digit scores (n,) of the generated digits.
        non_digits: probabilities (m, 10) and digit scores (m,) of the pictures of no digit.
        least_confidence: below which an answer is marked; None: SURE.
    """
    least = SURE if least_confidence is None else least_confidence
    (probabilities, scores), (others, other_scores) = hands, non_digits
    return AnswersOnPeople(
        correct=probabilities.argmax(axis=1) == held_out().labels,
        marked=scores * probabilities.max(axis=1) < least,
        marked_non_digits=other_scores * others.max(axis=1) < least,
    )


def judged(form: ServedForm) -> AnswersOnPeople:
    """The same for a network."""
    others = held_out()
    outputs = [predict(form.model, images) for images in (others.images, others.non_digits)]
    hands, non_digits = ((digit_probabilities(o), digit_scores(o)) for o in outputs)
    return on_people(hands, non_digits, form.least_confidence)
