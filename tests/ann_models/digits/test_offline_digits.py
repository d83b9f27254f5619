import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from ann_models import datasets
from ann_models.digits import offline_digits


@pytest.fixture(scope="module")
def images_and_labels():
    return offline_digits.load()


def test_all_of_scikit_learns_digits_come_in_mnists_form(images_and_labels):
    images, labels = images_and_labels
    assert (images.shape, images.dtype) == ((1797, 28, 28), np.float32)
    assert (labels.shape, labels.dtype) == ((1797,), np.int32)
    assert (images.min(), images.max()) == (0, 1)
    assert np.bincount(labels).min() > 170


def test_what_all_callers_share_cannot_be_changed(images_and_labels):
    for array, again in zip(images_and_labels, offline_digits.load(), strict=True):
        assert array is again
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_each_fills_the_box_and_is_centred_like_mnists(images_and_labels):
    images, _ = images_and_labels
    heights, widths = (
        np.array([np.ptp(np.flatnonzero(image.any(axis=axis))) + 1 for image in images])
        for axis in (1, 0)
    )
    assert np.maximum(heights, widths).max() == 20
    assert np.maximum(heights, widths).min() >= 18
    mass = images.sum(axis=(1, 2))
    for axis in (1, 2):
        centre = images.sum(axis=axis) @ np.arange(28) / mass
        assert np.abs(centre - 14).max() <= 0.5 + 1e-5


def test_they_are_inked_about_as_much_as_mnists(images_and_labels, mnist):
    assert images_and_labels[0].mean() == pytest.approx(mnist.arrays["x_train"].mean(), rel=0.25)


def test_they_can_be_distinguished():
    """By the nearest class mean alone; guessing would get one in ten."""
    arrays = datasets.digits("offline-digits").arrays
    means = np.stack([arrays["x_train"][arrays["y_train"] == k].mean(axis=0) for k in range(10)])
    distance = ((arrays["x_test"][:, None] - means) ** 2).sum(axis=(2, 3))
    assert np.mean(distance.argmin(axis=1) == arrays["y_test"]) > 0.85


@given(
    arrays_of.arrays(np.float32, (5, 4), elements=st.floats(0.125, 1, width=16)),
    st.tuples(*[st.integers(0, 3)] * 4),
)
def test_where_the_ink_lies_in_the_picture_does_not_matter(ink, margins):
    top, bottom, left, right = margins
    moved = np.pad(ink, ((top, bottom), (left, right)))
    np.testing.assert_array_equal(offline_digits.mnist_form(moved), offline_digits.mnist_form(ink))


@pytest.mark.parametrize(("heavy", "rows"), [(slice(18, 20), (0, 19)), (slice(0, 2), (8, 27))])
def test_a_digit_that_is_heavy_at_one_end_stays_within_the_picture(heavy, rows):
    ink = np.zeros((20, 20))
    ink[:, 10] = 0.01
    ink[heavy] = 1
    found = np.flatnonzero(offline_digits.mnist_form(ink).any(axis=1))
    assert (found[0], found[-1]) == rows
