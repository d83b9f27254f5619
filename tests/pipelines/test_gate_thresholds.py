"""Each threshold of the gate, at its boundary."""

import numpy as np
import pytest

from ann_models.evaluation import mcnemar, wilson_interval
from pipelines.gate import Policy, decide
from tests.support.candidates import LABELS, SOUND, answers, candidate, people, seen


def test_the_policy_moves_the_thresholds():
    champion, challenger = candidate(range(50)), candidate(range(45))
    assert decide(challenger, champion, Policy(significance=0.1)).promote
    assert not decide(challenger, None, Policy(min_accuracy=0.95)).promote


EPSILON = 1e-9


def accuracy_bound() -> float:
    return wilson_interval(950, 1000)[0]


def extra_calibration_error() -> float:
    """By how much a confidence of 0.9 at an accuracy of 0.98 exceeds the champion's error."""
    challenger, champion = answers(LABELS, 0.9), candidate(range(50))
    return challenger.calibration_error - champion.calibration_error


SOUND_EXCEPT = {"noise": 0.9, "shift": 0.78}


@pytest.mark.parametrize(
    ("challenger", "champion", "passes", "fails"),
    [
        (
            candidate(range(50)),
            None,
            Policy(min_accuracy=accuracy_bound() - EPSILON),
            Policy(min_accuracy=accuracy_bound()),
        ),
        (
            candidate(onnx_difference=1e-6),
            None,
            Policy(max_onnx_difference=1e-6),
            Policy(max_onnx_difference=0.9e-6),
        ),
        (candidate(onnx_ms=0.5), None, Policy(max_onnx_ms=0.5), Policy(max_onnx_ms=0.499)),
        (
            candidate(range(45)),
            candidate(range(50)),
            Policy(significance=0.0625 + EPSILON),
            Policy(significance=0.0625),
        ),
        (
            candidate(range(50), onnx_ms=0.01),
            candidate(range(50), onnx_ms=0.02),
            Policy(max_relative_time=0.5),
            Policy(max_relative_time=0.5 - EPSILON),
        ),
        (
            answers(LABELS, 0.9),
            candidate(range(50)),
            Policy(calibration_margin=extra_calibration_error() + EPSILON),
            Policy(calibration_margin=extra_calibration_error() - EPSILON),
        ),
        (
            candidate(range(20), robustness=SOUND_EXCEPT),
            candidate(range(50), robustness=SOUND),
            Policy(robustness_margin=0.01 + EPSILON),
            Policy(robustness_margin=0.01 - EPSILON),
        ),
        (
            candidate(range(20), shadow=seen(200, 160)),
            candidate(range(50)),
            Policy(min_agreement=0.8),
            Policy(min_agreement=0.8 + EPSILON),
        ),
        (
            candidate(range(20), shadow=seen(100, 0)),
            candidate(range(50)),
            Policy(min_shadow_requests=101),
            Policy(min_shadow_requests=100),
        ),
        (
            candidate(range(32), onnx_ms=0.2, shadow=seen(gained=10, lost=1)),
            candidate(range(30)),
            Policy(max_extra_errors=0.002),
            Policy(max_extra_errors=0.0019),
        ),
        (
            candidate(range(2, 34), onnx_ms=0.2, shadow=seen(gained=10, lost=1)),
            candidate(range(30)),
            Policy(max_extra_errors=0.002),
            Policy(max_extra_errors=0.0019),
        ),
        (
            candidate(range(20), people=people(10, marked=0.5)),
            candidate(range(50), people=people(10, marked=0.75)),
            Policy(marking_margin=0.25),
            Policy(marking_margin=0.24),
        ),
        (
            candidate(range(20), people=people(10, marked=0.25)),
            candidate(range(50), people=people(10, marked=0.75)),
            Policy(least_marking=0.75 + EPSILON),
            Policy(least_marking=0.75),
        ),
        (
            candidate(range(20), robustness={"noise": 0.5}),
            candidate(range(50), robustness={"noise": 0.75}),
            Policy(robustness_margin=0.25),
            Policy(robustness_margin=0.24),
        ),
        (
            candidate(range(11), people=people(10), onnx_ms=0.2),
            candidate(range(10), people=people(15)),
            Policy(significance=0.0625 + EPSILON),
            Policy(significance=0.0625),
        ),
    ],
    ids=[
        "accuracy",
        "ONNX difference",
        "ONNX time",
        "significance",
        "relative time",
        "calibration",
        "robustness",
        "agreement",
        "shadow requests",
        "extra errors",
        "extra errors, some elsewhere",
        "marking",
        "least marking",
        "exactly the margin of robustness",
        "significance on other hands",
    ],
)
def test_a_threshold_is_where_the_policy_says(challenger, champion, passes, fails):
    assert decide(challenger, champion, passes).promote
    assert not decide(challenger, champion, fails).promote


@pytest.mark.parametrize(("shift", "promoted"), [(0.9e-4, True), (1.1e-4, False)])
def test_probabilities_must_sum_to_one_within_a_ten_thousandth(shift, promoted):
    probabilities = candidate().probabilities.astype(np.float64)
    probabilities[7, LABELS[7]] += shift
    assert decide(candidate(probabilities=probabilities), None).promote == promoted


def test_a_challenger_with_as_many_errors_elsewhere_is_promoted_if_it_is_faster():
    challenger = candidate(range(50, 100), onnx_ms=0.001)
    assert decide(challenger, candidate(range(50))).promote


def test_held_out_corrections_must_be_significant_themselves():
    challenger = candidate(range(30), onnx_ms=0.2, shadow=seen(gained=6, lost=0))
    p_value = mcnemar(6, 0)
    assert decide(challenger, candidate(range(30)), Policy(significance=p_value + 1e-9)).promote
    assert not decide(challenger, candidate(range(30)), Policy(significance=p_value)).promote
