"""Corrupted digits: the same each time, still pictures, and each changed as its name says."""

import numpy as np
import pytest

from ann_models.datasets import digits
from ann_models.digits.corruptions import CORRUPTIONS, corrupted

IMAGES = digits("offline-digits").arrays["x_val"][:40]


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_corrupted_digits_are_pictures_and_the_same_each_time(name):
    once = corrupted(IMAGES, name)
    assert once.shape == IMAGES.shape
    assert once.dtype == np.float32
    assert once.min() >= 0
    assert once.max() <= 1
    assert once.any(axis=(1, 2)).all()
    np.testing.assert_array_equal(once, corrupted(IMAGES, name))
    assert (once != IMAGES).any(axis=(1, 2)).all()


def ink(images: np.ndarray) -> np.ndarray:
    return images.sum(axis=(1, 2))


def centre(images: np.ndarray) -> np.ndarray:
    places = np.arange(28)
    by_axis = [(images.sum(axis=axis) * places).sum(axis=1) / ink(images) for axis in (2, 1)]
    return np.stack(by_axis, axis=1)


def test_a_shift_moves_the_centre_of_mass_by_three_pixels():
    moved = np.linalg.norm(centre(corrupted(IMAGES, "shift")) - centre(IMAGES), axis=1)
    assert np.median(moved) == pytest.approx(3, abs=0.1)


def test_thick_strokes_have_more_ink_and_thin_ones_less():
    assert (ink(corrupted(IMAGES, "thick")) > ink(IMAGES)).all()
    assert (ink(corrupted(IMAGES, "thin")) < ink(IMAGES)).all()


def test_inverting_twice_changes_nothing():
    twice = corrupted(corrupted(IMAGES, "inversion"), "inversion")
    np.testing.assert_allclose(twice, IMAGES, atol=1e-6)


def test_a_turn_keeps_the_ink_and_half_of_the_scaled_digits_grow():
    assert np.median(ink(corrupted(IMAGES, "rotation")) / ink(IMAGES)) == pytest.approx(1, abs=0.03)
    grown = ink(corrupted(IMAGES, "scale")) > ink(IMAGES)
    assert 0.25 < grown.mean() < 0.75


def test_strokes_on_a_screen_are_of_one_width_without_grey():
    drawn = corrupted(IMAGES, "screen")
    grey = ((drawn > 0.1) & (drawn < 0.9)).sum() / (drawn > 0.1).sum()
    assert 0.9 < drawn.max() <= 1
    assert grey < 0.75
