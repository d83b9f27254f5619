"""Other people's hands: generated, real, and pictures of what is no digit."""

import numpy as np
import pytest

from ann_models import datasets
from ann_models.datasets import Dataset
from ann_models.digits import people
from ann_models.digits.non_digits import KINDS
from ann_models.digits.people import NO_DIGIT, joined, other_hands
from ann_models.entry import OtherHands
from ann_models.errors import InvalidData


@pytest.fixture(scope="module")
def mnist_like() -> Dataset:
    """Scikit-learn's digits in whole 255ths, as if they were MNIST's."""
    arrays = datasets.digits("offline-digits").arrays
    whole = {
        name: np.rint(array * 255) / np.float32(255) if name.startswith("x") else array
        for name, array in arrays.items()
    }
    return Dataset("digits", "mnist", whole)


def test_other_hands_are_generated_real_and_none(mnist_like):
    made = other_hands(mnist_like, OtherHands(generated=50, copies=2, non_digits=26)).arrays
    assert made["x_train"].dtype == np.uint8
    assert made["x_train"].shape == (50 + 2 * 1797 + 26, 28, 28)
    assert np.count_nonzero(made["y_train"] == NO_DIGIT) == 26
    assert set(made["y_train"]) == set(range(11))
    real = datasets.digits("offline-digits").arrays["x_train"]
    found = {image.tobytes() for image in made["x_train"]}
    assert {image.tobytes() for image in np.rint(real * 255).astype(np.uint8)} <= found


def test_scikit_learns_digits_are_not_learned_where_they_are_the_test(mnist_like):
    offline = datasets.digits("offline-digits")
    made = other_hands(offline, OtherHands(generated=20, copies=2, non_digits=0))
    assert len(made.arrays["x_train"]) == 20


def test_the_same_settings_give_the_same_digest(mnist_like):
    few = OtherHands(generated=30, copies=0, non_digits=13)
    assert other_hands(mnist_like, few).digest == other_hands(mnist_like, few).digest


def test_joined_digits_keep_their_other_splits(mnist_like):
    others = other_hands(mnist_like, OtherHands(generated=30, copies=0, non_digits=13))
    both = joined(mnist_like, others)
    assert both.arrays["x_train"].dtype == np.uint8
    assert len(both.arrays["x_train"]) == len(mnist_like.arrays["x_train"]) + 43
    np.testing.assert_array_equal(
        both.arrays["x_train"][:5] / np.float32(255), mnist_like.arrays["x_train"][:5]
    )
    for split in ("val", "test"):
        np.testing.assert_array_equal(both.arrays[f"x_{split}"], mnist_like.arrays[f"x_{split}"])
    assert both.source == "mnist"


def test_images_of_another_size_cannot_join(mnist_like):
    others = Dataset("other_hands", "generated", {"x_train": np.zeros((2, 8, 8), np.uint8)})
    with pytest.raises(InvalidData, match=r"\(8, 8\) cannot join images of \(28, 28\)"):
        joined(mnist_like, others)


def test_what_joins_keeps_its_labels_behind_the_digits_own(mnist_like):
    x, y = np.full((2, 28, 28), 255, np.uint8), np.array([7, NO_DIGIT], np.int32)
    found = joined(mnist_like, Dataset("hands", "generated", {"x_train": x, "y_train": y})).arrays
    assert found["y_train"][-2:].tolist() == [7, NO_DIGIT]
    np.testing.assert_array_equal(found["y_train"][:-2], mnist_like.arrays["y_train"])
    np.testing.assert_array_equal(found["x_train"][-2:], x)
    offline = datasets.digits("offline-digits")
    more = joined(offline, Dataset("hands", "generated", {"x_train": x, "y_train": y})).arrays
    assert more["x_train"][-1].max() == 1


def test_digits_that_are_no_whole_255ths_stay_as_they_are():
    offline = datasets.digits("offline-digits")
    both = joined(offline, other_hands(offline, OtherHands(20, 0, 13)))
    np.testing.assert_array_equal(both.arrays["x_train"][:9], offline.arrays["x_train"][:9])
    assert both.arrays["x_train"].max() <= 1


def test_held_out_writers_are_others_than_those_learned_from(mnist_like):
    found = people.held_out()
    assert set(found.kinds) == set(range(len(KINDS)))
    assert len(found.labels) == people.HELD_OUT_DIGITS
    learned = other_hands(mnist_like, OtherHands(2_000, 0, 0)).arrays["x_train"]
    seen = {image.tobytes() for image in learned}
    assert not seen & {image.tobytes() for image in np.rint(found.images * 255).astype(np.uint8)}
    assert len(found.digest) == 64


def test_what_networks_are_judged_on_never_changes():
    """Networks of earlier runs are compared by it."""
    found = people.held_out()
    assert found.images.sum(axis=(1, 2)).mean() == pytest.approx(85.93, rel=5e-4)
    assert found.non_digits.sum(axis=(1, 2)).mean() == pytest.approx(123.89, rel=5e-4)
