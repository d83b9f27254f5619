"""Is the answer to be taken with care, and why?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from serving.protocols.digits import SIDE

# The limits leave out fewer than one MNIST digit in a thousand.
SURE = 0.8  # least confidence, where a model does not say its own
LEAST_INK = 18.0  # sum of the squared pixels
MOST_FILLED = 300  # pixels with any ink at all
NEIGHBOURS = 0.45  # correlation of a pixel with the one below; noise and speckles have less

FAINT, NO_DIGIT = "faint", "not one digit"


def uncertainty(
    image: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    digit_score: float = 1.0,
    least_confidence: float = SURE,
) -> str | None:
    """Return why an answer is uncertain; None if it is not.

    The network is not sure, or the image is nothing like the digits it has seen: a network is sure
    of many images that are no digits at all, such as noise, a blank or a full page.

    Args:
        image: (28, 28) in [0, 1].
        probabilities: (10,), of the digits, given that it is one.
        digit_score: the probability that it is one digit; 1 if the model has no such answer.
        least_confidence: the least product of the two of an answer that is certain.

    Returns:
        "faint", "not one digit", or a text such as "not sure between 1 and 7".
    """
    pixels = image.ravel()
    ink = pixels.dot(pixels)
    if ink < LEAST_INK:
        return FAINT
    if (
        np.count_nonzero(pixels) > MOST_FILLED
        or pixels[SIDE:].dot(pixels[:-SIDE]) < NEIGHBOURS * ink
    ):
        return NO_DIGIT
    if digit_score * probabilities[probabilities.argmax()] >= least_confidence:
        return None
    second, first = probabilities.argsort()[-2:].tolist()
    if 1 - digit_score > digit_score * probabilities[second]:
        return NO_DIGIT
    return f"not sure between {min(first, second)} and {max(first, second)}"


def uncertainty_between(
    labels: Sequence[str], probabilities: NDArray[np.float32], least_confidence: float = SURE
) -> str | None:
    """The same of other pictures than digits, whose usual look is not known: is the network sure?

    Args:
        labels: the names of the classes.
        probabilities: (classes,).
        least_confidence: the least highest probability of an answer that is certain.
    """
    if probabilities.max() >= least_confidence:
        return None
    second, first = sorted(probabilities.argsort()[-2:])
    return f"not sure between {labels[second]} and {labels[first]}"


def reasons(
    images: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    digit_scores: NDArray[np.float32],
    least_confidence: float,
    labels: Sequence[str] = (),
) -> list[str | None]:
    """The same for n answers: images (n, 28, 28), probabilities (n, 10), digit_scores (n,).

    With labels, of a model of other pictures: probabilities (n, classes).
    """
    if labels:
        return [uncertainty_between(labels, row, least_confidence) for row in probabilities]
    return [
        uncertainty(image, row, float(score), least_confidence)
        for image, row, score in zip(images, probabilities, digit_scores, strict=True)
    ]
