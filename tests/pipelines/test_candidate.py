"""What the gate knows of a trained model follows from its answers."""

from dataclasses import replace

import numpy as np
import pytest

from ann_models.evaluation import expected_calibration_error
from pipelines.candidate import Candidate


def candidate(probabilities: np.ndarray) -> Candidate:
    labels = np.array([0, 1, 1])
    return Candidate(probabilities, labels, "mnist", "digest", 0.1, 1e-7, True)


def test_the_likeliest_digit_is_its_answer():
    answers = np.array([[0.6, 0.4], [0.7, 0.3], [0.1, 0.9]])
    np.testing.assert_array_equal(candidate(answers).correct, [True, False, True])


def test_its_calibration_error_is_how_far_confidence_and_accuracy_differ():
    certain = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])  # two of three are correct
    assert candidate(certain).calibration_error == pytest.approx(1 / 3)


def test_what_was_not_measured_is_empty():
    found = candidate(np.eye(3)[:, :2])
    assert (found.robustness, found.shadow, found.people) == ({}, None, None)


def test_ten_digits_are_to_be_told_apart_where_nothing_else_is_said():
    assert candidate(np.eye(3)[:, :2]).classes == 10


def test_its_calibration_error_is_that_of_its_own_answers():
    answers = np.array([[0.6, 0.4], [0.7, 0.3], [0.1, 0.9]])
    found = candidate(answers)
    assert found.calibration_error == expected_calibration_error(answers, found.labels)
    assert found.calibration_error == pytest.approx((0.4 + 0.7 + 0.1) / 3)


def test_no_two_candidates_share_what_was_measured():
    one, other = candidate(np.eye(3)[:, :2]), candidate(np.eye(3)[:, :2])
    one.robustness["blur"] = 0.9
    assert other.robustness == {}


@pytest.mark.parametrize(
    ("data_source", "examples"),
    [("mnist", "digits"), ("offline-digits", "digits"), ("letters", "pictures")],
)
def test_digits_are_what_mnist_and_the_offline_digits_hold(data_source, examples):
    assert replace(candidate(np.eye(3)[:, :2]), data_source=data_source).examples == examples
