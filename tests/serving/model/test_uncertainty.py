"""An answer is uncertain where the network is not sure, or the image is nothing like a digit."""

import numpy as np
import pytest

from serving.model.uncertainty import (
    FAINT,
    MOST_FILLED,
    NO_DIGIT,
    reasons,
    uncertainty,
    uncertainty_between,
)


def a_one() -> np.ndarray:
    image = np.zeros((28, 28), np.float32)
    image[4:24, 12:15] = 1
    return image


def probabilities(**shares: float) -> np.ndarray:
    """Of the ten digits: `seven=0.6, one=0.4` as `_7=0.6, _1=0.4`."""
    found = np.zeros(10, np.float32)
    for name, share in shares.items():
        found[int(name[1:])] = share
    return found


def test_a_sure_answer_is_certain():
    assert uncertainty(a_one(), probabilities(_1=0.95, _7=0.05)) is None


def test_two_likely_digits_are_both_named_in_their_order():
    assert uncertainty(a_one(), probabilities(_7=0.6, _1=0.4)) == "not sure between 1 and 7"
    assert uncertainty(a_one(), probabilities(_1=0.6, _7=0.4)) == "not sure between 1 and 7"


def test_what_is_likelier_no_digit_than_the_second_digit_is_not_one():
    assert uncertainty(a_one(), probabilities(_1=0.9, _7=0.1), digit_score=0.3) == NO_DIGIT


def test_a_sure_digit_with_a_low_score_is_not_certain():
    assert uncertainty(a_one(), probabilities(_1=1.0), digit_score=0.79) == NO_DIGIT
    assert uncertainty(a_one(), probabilities(_1=1.0), digit_score=0.81) is None


@pytest.mark.parametrize("least, certain", [(0.6, True), (0.7, False)])
def test_the_model_says_how_sure_is_sure_enough(least, certain):
    answer = uncertainty(a_one(), probabilities(_1=0.65, _7=0.35), 1.0, least)
    assert (answer is None) == certain


def test_faint_ink_is_faint_and_noise_is_no_digit():
    sure = probabilities(_1=1.0)
    assert uncertainty(0.4 * a_one(), sure) == FAINT
    noise = np.random.default_rng(0).random((28, 28), np.float32)
    assert uncertainty(noise, sure) == NO_DIGIT
    assert uncertainty(np.ones((28, 28), np.float32), sure) == NO_DIGIT


# The limits


def columns(height: int, width: int, shade: float = 1.0) -> np.ndarray:
    image = np.zeros((28, 28), np.float32)
    image[:height, :width] = shade
    return image


@pytest.mark.parametrize(("pixels", "reason"), [(17, FAINT), (18, None), (19, None)])
def test_eighteen_black_pixels_are_ink_enough(pixels, reason):
    assert uncertainty(columns(pixels, 1), probabilities(_1=1.0)) == reason


def test_ink_is_the_sum_of_squares():
    assert uncertainty(columns(24, 3, shade=0.5), probabilities(_1=1.0)) is None  # 72 quarters
    assert uncertainty(columns(23, 3, shade=0.5), probabilities(_1=1.0)) == FAINT


def test_as_many_pixels_may_have_ink_as_the_limit():
    image = columns(15, 20)
    assert np.count_nonzero(image) == MOST_FILLED == 300
    assert uncertainty(image, probabilities(_1=1.0)) is None
    image[20, 20] = 0.01
    assert uncertainty(image, probabilities(_1=1.0)) == NO_DIGIT


def short_strokes(pairs: int, alone: int) -> np.ndarray:
    """Pixels in pairs, one above the other, and pixels alone."""
    image = np.zeros((28, 28), np.float32)
    image[0:2, :pairs] = 1
    image[5, :alone] = 1
    return image


@pytest.mark.parametrize(("pairs", "alone", "reason"), [(9, 2, None), (9, 3, NO_DIGIT)])
def test_ink_whose_pixels_have_too_few_below_them_is_no_digit(pairs, alone, reason):
    assert uncertainty(short_strokes(pairs, alone), probabilities(_1=1.0)) == reason


def test_pixels_side_by_side_are_not_one_above_the_other():
    image = np.zeros((28, 28), np.float32)
    image[[2, 10]] = 1
    assert uncertainty(image, probabilities(_1=1.0)) == NO_DIGIT


@pytest.mark.parametrize(("least", "certain"), [(0.5, True), (0.5001, False)])
def test_the_least_confidence_is_enough(least, certain):
    answer = uncertainty(a_one(), probabilities(_1=0.5, _7=0.25), least_confidence=least)
    assert (answer is None) == certain
    between = uncertainty_between("ab", np.float32([0.5, 0.25]), least)
    assert (between is None) == certain


def test_a_second_digit_as_likely_as_none_is_named():
    shares = probabilities(_1=0.5, _7=0.25)
    assert uncertainty(a_one(), shares, digit_score=0.8) == "not sure between 1 and 7"
    assert uncertainty(a_one(), shares, digit_score=0.79) == NO_DIGIT


def test_of_other_pictures_the_two_likeliest_classes_are_named_in_their_order():
    labels = ("coat", "bag", "shoe")
    for shares in ([0.5, 0.1, 0.4], [0.4, 0.1, 0.5]):
        row = np.array(shares, np.float32)
        assert uncertainty_between(labels, row) == "not sure between coat and shoe"
    assert uncertainty_between(labels, np.array([0.1, 0.85, 0.05])) is None


def test_reasons_are_in_the_order_of_the_images():
    images = np.stack([columns(3, 3), a_one(), a_one()])
    shares = np.stack([probabilities(_1=1.0), probabilities(_1=0.9), probabilities(_1=0.9)])
    scores = np.array([1, 1, 0.1])
    assert reasons(images, shares, scores, 0.8) == [FAINT, None, NO_DIGIT]
    assert reasons(images, shares, scores, 0.95)[1] is not None


def test_with_labels_the_look_of_an_image_says_nothing():
    images = np.zeros((2, 28, 28), np.float32)
    shares = np.array([[0.9, 0.1], [0.6, 0.4]], np.float32)
    found = reasons(images, shares, np.ones(2), 0.8, ("a", "b"))
    assert found == [None, "not sure between a and b"]
