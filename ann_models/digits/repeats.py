"""Pictures that a data set holds more than once: none is both learned and tested."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

Part = tuple[np.ndarray, np.ndarray]  # images uint8 (n, side, side), labels (n,)


def without_repeats(
    train: Part, test: Part | None, classes: tuple[str, ...]
) -> tuple[Part, list[str]]:
    """The training pictures without what makes a measure of them worthless.

    Left out are those that are in the test part as well, those with several classes, which teach
    nothing, and all but the first of equal ones, which a split would put on both sides. The test
    part stays as it is, so that numbers on it can be compared.

    Returns:
        What is left, and a sentence on each kind that was found.
    """
    images, labels = train
    keys = _keys(images)
    tested = set() if test is None else set(_keys(test[0]))
    in_test = np.array([key in tested for key in keys], bool)
    unclear = _with_several_classes(keys, labels) & ~in_test
    again = np.ones(len(keys), bool)
    again[np.unique(keys, return_index=True)[1]] = False  # the first of each
    again &= ~in_test & ~unclear
    notes = []
    if in_test.any():
        notes.append(f"{in_test.sum():,} training pictures are in the test, too, and left out.")
    if unclear.any():
        named = dict.fromkeys(classes[label] for label in labels[keys == keys[unclear.argmax()]])
        notes.append(
            f"{unclear.sum():,} training pictures are left out, because equal ones are in several "
            f"classes: the first one in {' and '.join(named)}."
        )
    if again.any():
        notes.append(f"{again.sum():,} training pictures repeat others and are left out.")
    if test and (count := int(_with_several_classes(_keys(test[0]), test[1]).sum())):
        notes.append(f"{count:,} test pictures have an equal one in another class; they stay.")
    keep = ~(in_test | unclear | again)
    return (images[keep], labels[keep]), notes


def _keys(images: np.ndarray) -> NDArray[np.object_]:
    """A digest of each picture, equal for equal ones, (n,)."""
    digests = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]
    return np.array(digests, object)


def _with_several_classes(keys: NDArray[np.object_], labels: np.ndarray) -> NDArray[np.bool_]:
    found: dict[bytes, set[int]] = {}
    for key, label in zip(keys, labels, strict=True):
        found.setdefault(key, set()).add(int(label))
    return np.array([len(found[key]) > 1 for key in keys], bool)
