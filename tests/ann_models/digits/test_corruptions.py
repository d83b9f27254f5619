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


def test_the_corruptions_never_change():
    """Networks of earlier runs are compared by their accuracy under each."""
    squares = {name: (corrupted(IMAGES, name) ** 2).sum() / 40 for name in CORRUPTIONS}
    assert squares == pytest.approx(
        {
            "shift": 83.27,
            "rotation": 82.81,
            "scale": 94.80,
            "noise": 105.11,
            "blur": 66.98,
            "thick": 165.11,
            "thin": 51.40,
            "inversion": 630.63,
            "screen": 39.73,
        },
        rel=1e-3,
    )


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


def spread(images: np.ndarray) -> np.ndarray:
    """Covariance of each picture's ink around its centre, (n, 2, 2)."""
    places = np.stack(np.meshgrid(np.arange(28), np.arange(28), indexing="ij"), axis=-1)
    around = places - centre(images)[:, None, None]
    moments = np.einsum("nij,nijk,nijl->nkl", images, around, around)
    return moments / ink(images)[:, None, None]


BARS = np.zeros((40, 28, 28), np.float32)
BARS[:, 12:16, 6:22] = 1  # lying, in the middle


def test_a_turn_is_one_of_25_degrees_to_either_side_around_the_middle():
    turned = corrupted(BARS, "rotation")
    moments = spread(turned)
    angles = np.degrees(np.arctan2(2 * moments[:, 0, 1], moments[:, 1, 1] - moments[:, 0, 0])) / 2
    assert np.abs(angles) == pytest.approx(25, abs=0.5)
    assert {-1, 1} == set(np.sign(angles))
    np.testing.assert_allclose(centre(turned), 13.5, atol=0.1)


def test_another_size_is_a_quarter_larger_or_smaller_around_the_middle():
    scaled = corrupted(BARS, "scale")
    factors = np.sqrt(spread(scaled)[:, 1, 1] / spread(BARS)[:, 1, 1])
    assert np.abs(factors - 1) == pytest.approx(0.25, abs=0.02)
    assert 0.25 < (factors > 1).mean() < 0.75
    np.testing.assert_allclose(centre(scaled), 13.5, atol=0.1)


def test_noise_and_blur_are_as_strong_as_said():
    grey = np.full((4, 28, 28), 0.5, np.float32)
    noise = corrupted(grey, "noise") - grey
    assert noise.mean() == pytest.approx(0, abs=0.01)
    assert noise.std() == pytest.approx(0.236, abs=0.01)  # 0.25, cut at two standard deviations
    dot = np.zeros((1, 28, 28), np.float32)
    dot[0, 14, 14] = 1
    np.testing.assert_allclose(spread(corrupted(dot, "blur"))[0], 1.2**2 * np.eye(2), atol=0.02)


def test_strokes_on_a_screen_are_as_wide_as_the_brush_whatever_they_were():
    for rows in (slice(13, 15), slice(11, 17)):
        bar = np.zeros((1, 28, 28), np.float32)
        bar[0, rows, 4:24] = 1
        (drawn,) = corrupted(bar, "screen")
        assert drawn[:, 12:16].sum(axis=0) == pytest.approx(1.75, abs=0.4)
        assert centre(drawn[None])[0] == pytest.approx(13.5, abs=0.3)


def test_strokes_on_a_screen_are_of_one_width_without_grey():
    drawn = corrupted(IMAGES, "screen")
    grey = ((drawn > 0.1) & (drawn < 0.9)).sum() / (drawn > 0.1).sum()
    assert 0.9 < drawn.max() <= 1
    assert grey < 0.75
