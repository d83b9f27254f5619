"""What a set repeats is left out of its training part, and counted; its test part stays."""

import numpy as np

from ann_models.digits.repeats import without_repeats

X = np.random.default_rng(0).integers(0, 256, (6, 28, 28), np.uint8)
Y = np.array([0, 1, 0, 1, 0, 1])
CLASSES = ("bar", "ring")


def test_a_set_without_repeats_stays_as_it_is():
    (images, labels), notes = without_repeats((X[:4], Y[:4]), (X[4:], Y[4:]), CLASSES)
    np.testing.assert_array_equal(images, X[:4])
    np.testing.assert_array_equal(labels, Y[:4])
    assert notes == []


def test_of_equal_pictures_the_first_one_stays():
    which = np.array([0, 1, 0, 2, 1, 0])
    (images, labels), notes = without_repeats((X[which], Y[which]), None, CLASSES)
    np.testing.assert_array_equal(images, X[:3])
    assert labels.tolist() == [0, 1, 0]
    assert notes == ["3 training pictures repeat others and are left out."]


def test_equal_pictures_of_several_classes_are_all_left_out():
    which = np.array([0, 1, 2, 1, 3, 3])
    (images, _), notes = without_repeats((X[which], np.array([0, 1, 0, 0, 1, 1])), None, CLASSES)
    np.testing.assert_array_equal(images, X[[0, 2, 3]])
    assert notes == [
        "2 training pictures are left out, because equal ones are in several classes: the first "
        "one in ring and bar.",
        "1 training pictures repeat others and are left out.",
    ]


def test_each_picture_counts_for_one_reason():
    """One that is in the test, too, whatever its class there and in the training."""
    train = X[[0, 0, 1, 2]], np.array([0, 1, 1, 0])
    (images, labels), notes = without_repeats(train, (X[:2], np.array([0, 0])), CLASSES)
    np.testing.assert_array_equal(images, X[2:3])
    assert labels.tolist() == [0]
    assert notes == ["3 training pictures are in the test, too, and left out."]


def test_test_pictures_of_several_classes_are_counted_and_stay():
    test = X[[3, 3, 4]], np.array([0, 1, 0])
    (images, _), notes = without_repeats((X[:3], Y[:3]), test, CLASSES)
    assert len(images) == 3
    assert notes == ["2 test pictures have an equal one in another class; they stay."]
