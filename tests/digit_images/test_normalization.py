import numpy as np
import pytest
from scipy import ndimage

from digit_images.normalization import (
    PEN,
    already_in_mnist_form,
    is_mnist_form,
    mnist_form,
    normalize,
    with_usual_pen,
)


def bar(width: int, side: int = 120, height: int = 80) -> np.ndarray:
    paper = np.zeros((side, side), np.float32)
    paper[20 : 20 + height, 40 : 40 + width] = 1
    return paper


def test_the_longer_side_fills_twenty_pixels_and_the_aspect_ratio_is_kept():
    rows, columns = np.nonzero(mnist_form(bar(40)))
    assert np.ptp(rows) + 1 == 20
    assert np.ptp(columns) + 1 == 10


def test_the_centre_of_mass_lies_on_pixel_fourteen():
    lopsided = bar(10)
    lopsided[90:100, 40:90] = 1
    centre = ndimage.center_of_mass(mnist_form(lopsided))
    np.testing.assert_allclose(centre, 14, atol=0.51)


@pytest.mark.parametrize("width", [1, 40])
def test_hairlines_become_wider_and_fat_strokes_narrower(width):
    changed = with_usual_pen(bar(width))[60].sum()
    low, high = (pen * 80 / 20 for pen in PEN)
    assert low - 2 <= changed <= high + 8


def test_a_usual_pen_is_left_alone():
    np.testing.assert_array_equal(with_usual_pen(bar(10)), bar(10))


def test_a_normalized_digit_is_in_mnists_form_and_recognised_enlarged():
    digit = normalize(bar(10))
    assert (digit.shape, digit.dtype) == ((28, 28), np.float32)
    assert is_mnist_form(digit)
    enlarged = np.kron(digit, np.ones((4, 4), np.float32))
    np.testing.assert_allclose(already_in_mnist_form(enlarged), digit, atol=1e-6)


def test_a_digit_moved_by_two_pixels_is_not_in_mnists_form():
    assert not is_mnist_form(np.roll(normalize(bar(10)), 2, axis=0))
    assert not is_mnist_form(np.zeros((28, 28), np.float32))
