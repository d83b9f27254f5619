import numpy as np
import pytest

from serving.model.uncertainty import FAINT, NO_DIGIT, uncertainty


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
