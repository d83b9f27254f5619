"""Other hands than MNIST's: what networks learn from besides it, and what they are judged on.

MNIST's writers, Americans of the 1990s, seldom wrote a 7 with a bar, a 1 with a flag, or a 9 with
a curled tail. Generated handwriting and scikit-learn's digits (from Turkey) have these; pictures of
no digit teach a network to say so. Training and evaluation have different writers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from ann_models.datasets import Dataset
from ann_models.digits.handwriting import write
from ann_models.digits.handwriting.letters import NO_DIGIT
from ann_models.digits.non_digits import non_digits
from ann_models.entry import OtherHands
from ann_models.errors import InvalidData

TRAINING_SEED, HELD_OUT_SEED = 0, 1_000
HELD_OUT_DIGITS, HELD_OUT_NON_DIGITS = 2_000, 1_120
BANK = 4_000  # digits of which pairs, turned and mirrored ones are made


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Digits of generated writers that no network was trained on, and pictures of no digit.

    Attributes:
        images: float32 (n, 28, 28).
        labels: int32 (n,).
        non_digits: float32 (m, 28, 28).
        kinds: int32 (m,), the index of each one's kind in `non_digits.KINDS`.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int32]
    non_digits: NDArray[np.float32]
    kinds: NDArray[np.int32]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all of them."""
        return Dataset("held_out", "generated", vars(self)).digest


def other_hands(data: Dataset, settings: OtherHands) -> Dataset:
    """What is learned from besides the training digits, as a data set of its own.

    Args:
        data: digits with x_train and y_train, of some of which non-digits are made.
        settings: how much of what.

    Returns:
        x_train uint8 (n, 28, 28), ink 255; y_train int32 (n,), NO_DIGIT for what is none.
    """
    hands = write(settings.generated, TRAINING_SEED)
    images, labels = [hands.images], [hands.labels]
    if settings.copies and data.source != "offline-digits":  # else its test digits were learned
        from ann_models.digits import offline_digits

        real, classes = offline_digits.load()
        images += [real] * settings.copies
        labels += [classes] * settings.copies
    if settings.non_digits:
        bank = [data.arrays["x_train"][:BANK], hands.images[:BANK]]
        classes = np.concatenate([data.arrays["y_train"][:BANK], hands.labels[:BANK]])
        made, _ = non_digits(settings.non_digits, TRAINING_SEED, np.concatenate(bank), classes)
        images.append(made)
        labels.append(np.full(len(made), NO_DIGIT, np.int32))
    arrays: dict[str, np.ndarray] = {
        "x_train": np.rint(np.concatenate(images) * 255).astype(np.uint8),
        "y_train": np.concatenate(labels),
    }
    return Dataset("other_hands", "generated", arrays)


def joined(data: Dataset, others: Dataset) -> Dataset:
    """The digits with other hands among their training examples; the other splits stay.

    Args:
        data: digits as `datasets.digits` gives them.
        others: what `other_hands` made.

    Raises:
        InvalidData: the digits' pixels are not whole 255ths.
    """
    own = data.arrays["x_train"]
    small = np.rint(own * 255).astype(np.uint8)
    if not np.array_equal(small[:100] / np.float32(255), own[:100]):
        small = own  # scikit-learn's digits, enlarged
    x = others.arrays["x_train"]
    if small.dtype != x.dtype:
        x = x / np.float32(255)
    if x.shape[1:] != small.shape[1:]:
        raise InvalidData(f"images of {x.shape[1:]} cannot join images of {small.shape[1:]}.")
    more = {
        "x_train": np.concatenate([small, x]),
        "y_train": np.concatenate([data.arrays["y_train"], others.arrays["y_train"]]),
    }
    return Dataset(f"{data.name}_and_other_hands", data.source, data.arrays | more)


@lru_cache(maxsize=1)
def held_out() -> HeldOut:
    """The digits and pictures that networks are judged on; the same in every run."""
    hands = write(HELD_OUT_DIGITS, HELD_OUT_SEED)
    images, kinds = non_digits(HELD_OUT_NON_DIGITS, HELD_OUT_SEED, hands.images, hands.labels)
    return HeldOut(hands.images, hands.labels, images, kinds)
