"""Ink in MNIST's form: the pen's width, a box of 20 pixels, its centre of mass on pixel 14."""

import numpy as np
import pytest
from scipy import ndimage

from digit_images.normalization import (
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
    digit = mnist_form(bar(40))
    rows, columns = np.nonzero(digit)
    assert (rows.min(), rows.max()) == (4, 23)
    assert (columns.min(), columns.max()) == (10, 19)
    np.testing.assert_allclose(digit[4:24, 10:20], 1, atol=1e-6)


def test_a_digit_of_twenty_pixels_keeps_every_one_of_them():
    pattern = np.random.default_rng(0).uniform(0.5, 1, (20, 20)).astype(np.float32)
    digit = mnist_form(np.pad(pattern, ((3, 40), (30, 1))))
    np.testing.assert_array_equal(digit[digit > 0].reshape(20, 20), pattern)


def test_grey_levels_of_a_larger_digit_come_from_averaging():
    fine = np.random.default_rng(0).uniform(0.5, 1, (40, 40)).astype(np.float32)
    means = fine.reshape(20, 2, 20, 2).mean(axis=(1, 3))
    digit = mnist_form(fine)
    np.testing.assert_allclose(digit[digit > 0].reshape(20, 20), means, atol=1e-6)


def test_a_small_digit_is_enlarged_and_stays_between_paper_and_ink():
    digit = mnist_form(bar(4, height=10))
    assert np.ptp(np.nonzero(digit)[0]) + 1 == 20
    assert digit.min() >= 0 and digit.max() == 1


def test_a_hairline_is_at_least_a_pixel_wide():
    assert np.count_nonzero(mnist_form(bar(1)).any(axis=0)) == 1


@pytest.mark.parametrize(("heavy", "rows"), [(slice(20, 30), (8, 27)), (slice(90, 100), (0, 19))])
def test_a_digit_that_is_heavy_at_one_end_stays_within_the_picture(heavy, rows):
    ink = bar(1)
    ink[heavy, 10:110] = 1
    ink[20:100] = np.repeat(ink[20:100, :], 1, axis=0)
    tall = np.zeros((400, 120), np.float32)
    tall[40:360:4], tall[41:360:4], tall[42:360:4], tall[43:360:4] = (ink[20:100],) * 4
    found = np.nonzero(mnist_form(tall))[0]
    assert (found.min(), found.max()) == rows


def test_the_centre_of_mass_lies_on_pixel_fourteen():
    lopsided = bar(10)
    lopsided[90:100, 40:90] = 1
    centre = ndimage.center_of_mass(mnist_form(lopsided))
    np.testing.assert_allclose(centre, 14, atol=0.51)


@pytest.mark.parametrize(("width", "usual"), [(1, 7), (40, 20)])
def test_hairlines_become_wider_and_fat_strokes_narrower(width, usual):
    """A bar of 80 pixels has 4 pixels to each of the 20×20 box's; its outline widens the pen."""
    assert with_usual_pen(bar(width)).sum(axis=1).max() == usual


def test_a_grey_rim_counts_as_ink_only_from_one_half():
    ink = (bar(16) + 1.5 * bar(10)) / 2.5
    np.testing.assert_array_equal(with_usual_pen(ink), ink[20:100, 40:56])


def test_a_stroke_is_not_narrowed_until_nothing_is_left():
    blot = np.ones((40, 40), np.float32)
    blot[1:, 3:] = 0
    assert with_usual_pen(blot).any()


def test_a_usual_pen_is_left_alone_and_the_margins_go():
    np.testing.assert_array_equal(with_usual_pen(bar(10)), bar(10)[20:100, 40:50])


def test_a_normalized_digit_is_in_mnists_form_and_recognised_enlarged():
    digit = normalize(bar(10))
    assert (digit.shape, digit.dtype) == ((28, 28), np.float32)
    assert is_mnist_form(digit)
    enlarged = np.kron(digit, np.ones((4, 4), np.float32))
    np.testing.assert_allclose(already_in_mnist_form(enlarged), digit, atol=1e-6)


def test_a_digit_moved_by_two_pixels_is_not_in_mnists_form():
    for axis in (0, 1):
        assert not is_mnist_form(np.roll(normalize(bar(10)), 2, axis=axis))
    assert not is_mnist_form(np.zeros((28, 28), np.float32))


def test_a_digit_without_full_ink_or_with_ink_in_the_first_row_is_not_either():
    digit = normalize(bar(10))
    full = digit / digit.max()
    assert is_mnist_form(np.float32(0.91) * full)
    assert not is_mnist_form(np.float32(0.9) * full)
    touching = digit.copy()
    touching[0, 14] = 0.5
    assert not is_mnist_form(touching)


def test_a_digit_of_another_size_is_not_either():
    small = np.zeros((28, 28), np.float32)
    small[6:24, 12:17] = 1
    assert not is_mnist_form(small)


def test_what_enlarging_leaves_around_a_digit_does_not_hide_its_form():
    enlarged = np.kron(normalize(bar(10)), np.ones((2, 2), np.float32))
    found = already_in_mnist_form(np.maximum(enlarged, 0.15))
    assert found is not None and found[0].max() == 0
    assert already_in_mnist_form(np.maximum(enlarged, 0.17)) is None


@pytest.mark.parametrize("shape", [(28, 56), (56, 28), (20, 20)])
def test_only_a_square_picture_that_is_large_enough_can_be_in_it(shape):
    assert already_in_mnist_form(np.ones(shape, np.float32)) is None


def test_a_picture_of_28_pixels_can_be_in_it():
    digit = normalize(bar(10))
    np.testing.assert_array_equal(already_in_mnist_form(digit), digit)
