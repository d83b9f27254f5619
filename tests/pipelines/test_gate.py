"""Who may replace the champion, and what the gate says about it."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ann_models.evaluation import mcnemar, wilson_interval
from pipelines.candidate import Candidate, People, ShadowResult
from pipelines.gate import Policy, decide
from pipelines.tracking import tags

LABELS = np.arange(1000) % 10


def candidate(wrong: range | list[int] = range(0), **changes: object) -> Candidate:
    """A model that misclassifies the digits at the places `wrong`, with honest confidence."""
    named = LABELS.copy()
    named[list(wrong)] = (named[list(wrong)] + 1) % 10
    return replace(answers(named, 1 - len(wrong) / len(LABELS)), **changes)


def answers(named: np.ndarray, confidence: float) -> Candidate:
    """A sane model that answers these digits, always with the same confidence."""
    probabilities = np.full((len(LABELS), 10), (1 - confidence) / 9, np.float32)
    probabilities[np.arange(len(LABELS)), named] = confidence
    return Candidate(
        probabilities=probabilities,
        labels=LABELS,
        data_source="mnist",
        validation_digest="d" * 64,
        onnx_ms=0.02,
        onnx_difference=1e-7,
        weights_finite=True,
    )


def against(decision) -> str:
    (message,) = [reason.message for reason in decision.reasons if not reason.passed]
    return message


def test_the_first_model_becomes_champion_if_it_is_sane():
    decision = decide(candidate(range(30)), champion=None)
    assert decision.promote
    assert decision.numbers["val_accuracy"] == 0.97
    assert decision.numbers["val_errors"] == 30
    assert (
        "classifies 970 of 1,000 validation digits correctly: 97.00%" in decision.reasons[3].message
    )
    assert decision.reasons[-1].message == "There is no champion to compare it with."


def test_of_other_pictures_nothing_is_said_of_digits():
    refused = candidate(range(600), data_source="letters")
    champion, challenger = (candidate(range(n), data_source="letters") for n in (50, 20))
    elsewhere = candidate(data_source="letters", validation_digest="e" * 64)
    for decision in (
        decide(refused, None),
        decide(challenger, champion),
        decide(replace(challenger, robustness={"blur": 0.9}), champion),
        decide(*(replace(c, robustness={"blur": 0.9}) for c in (challenger, champion))),
        decide(elsewhere, champion),
    ):
        assert not [r.message for r in decision.reasons if re.search("digit|hand", r.message)]
    assert "980 of 1,000 validation pictures" in decide(challenger, champion).reasons[3].message


def broken(index: tuple[int, ...], value: float) -> np.ndarray:
    probabilities = candidate().probabilities.copy()
    probabilities[index] = value
    return probabilities


def negative() -> np.ndarray:
    """Answers that sum to one, one of them below zero."""
    probabilities = candidate().probabilities.copy()
    probabilities[7, :3] = -0.2, 0.1, 0.1
    return probabilities


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (candidate(weights_finite=False), "Some weights are NaN or infinite"),
        (candidate(probabilities=np.full((1000, 9), 1 / 9)), r"\(1000, 9\), not \(1000, 10\)"),
        (candidate(probabilities=np.full((999, 10), 0.1)), r"\(999, 10\), not \(1000, 10\)"),
        (candidate(probabilities=np.full(1000, 0.1)), r"\(1000,\), not \(1000, 10\)"),
        (
            candidate(probabilities=broken((7,), np.nan)),
            "1 of 1000 answers contain NaN",
        ),
        (
            candidate(probabilities=broken((7, 0), np.inf)),
            "1 of 1000 answers contain NaN",
        ),
        (candidate(probabilities=broken((7, 0), -0.2)), "not probabilities: the lowest is -0.2"),
        (candidate(probabilities=negative()), "not probabilities: the lowest is -0.2"),
        (candidate(probabilities=broken((7, 0), 0.5)), "not probabilities: .* within 0.5"),
        (candidate(range(480)), r"classifies 520 of 1,000 .* 95 % interval 48.90% to 55.08%"),
        (
            candidate(onnx_difference=2e-5),
            "differs from Keras by at most 2.0e-05; 1e-05 is allowed",
        ),
        (candidate(onnx_ms=1.2), "takes 1.2000 ms an image; 1 is allowed"),
        (candidate(onnx_difference=np.nan), "differs from Keras by at most nan"),
    ],
)
@pytest.mark.parametrize("champion", [None, candidate(range(300))])
def test_what_fails_a_sanity_check_is_refused_whatever_the_champion_is(bad, message, champion):
    decision = decide(bad, champion)
    assert not decision.promote
    assert re.search(message, against(decision))


def test_a_significantly_better_challenger_is_promoted_even_if_it_is_slower():
    decision = decide(candidate(range(20), onnx_ms=0.2), candidate(range(50)))
    assert decision.promote
    assert decision.numbers["only_challenger_right"] == 30
    assert decision.numbers["only_champion_right"] == 0
    assert "significantly better" in decision.reasons[-1].message


def test_a_worse_challenger_is_refused_with_its_reasons_even_if_it_is_faster():
    decision = decide(candidate(range(50), onnx_ms=0.001), candidate(range(20)))
    assert not decision.promote
    assert "the champion alone 30: p = 1.9e-09" in against(decision)
    assert "significantly worse" in against(decision)


def test_a_few_errors_fewer_are_not_enough():
    decision = decide(candidate(range(45)), candidate(range(50)))
    assert not decision.promote
    assert decision.numbers["p_value"] == 0.0625
    assert "no significant difference" in against(decision)


def test_an_equal_but_slower_challenger_is_refused():
    assert not decide(candidate(range(50), onnx_ms=0.03), candidate(range(50))).promote


def test_an_equal_challenger_is_promoted_only_if_it_is_clearly_faster():
    champion = candidate(range(50), onnx_ms=0.020)
    assert decide(candidate(range(50), onnx_ms=0.016), champion).promote
    almost = decide(candidate(range(50), onnx_ms=0.017), champion)
    assert "take at most 0.0160 ms an image (it takes 0.0170)" in against(almost)


@pytest.mark.parametrize(
    ("wrong", "makes"),
    [(range(2, 34), "2 more"), (range(4, 32), "2 fewer"), (range(2, 32), "0 fewer")],
)
def test_the_reason_says_by_how_many_errors_the_two_differ(wrong, makes):
    decision = decide(candidate(wrong, onnx_ms=0.2), candidate(range(30)))
    assert f"(it makes {makes})" in against(decision)


def test_speed_does_not_buy_errors():
    decision = decide(candidate(range(51), onnx_ms=0.001), candidate(range(50)))
    assert "no more errors (it makes 1 more)" in against(decision)


def test_models_evaluated_on_different_digits_are_not_compared():
    champion = candidate(range(50), validation_digest="e" * 64)
    decision = decide(candidate(), champion)
    assert "different validation digits: mnist dddddddddddd and mnist eeeeeeeeeeee" in against(
        decision
    )


def test_the_policy_moves_the_thresholds():
    champion, challenger = candidate(range(50)), candidate(range(45))
    assert decide(challenger, champion, Policy(significance=0.1)).promote
    assert not decide(challenger, None, Policy(min_accuracy=0.95)).promote


ERRORS = st.lists(st.integers(0, 999), max_size=300, unique=True)
CANDIDATES = st.builds(candidate, ERRORS, onnx_ms=st.floats(0.001, 2))


@given(CANDIDATES, CANDIDATES)
def test_two_models_never_both_replace_each_other(one, other):
    assert not (decide(one, other).promote and decide(other, one).promote)


@given(CANDIDATES)
def test_a_model_never_replaces_its_equal(model):
    assert not decide(model, model).promote


@given(CANDIDATES, CANDIDATES)
def test_a_promoted_model_makes_no_more_errors(challenger, champion):
    if decide(challenger, champion).promote:
        assert challenger.correct.sum() >= champion.correct.sum()


@given(st.integers(0, 500), st.integers(0, 500))
def test_mcnemar_does_not_care_who_is_called_first(gained, lost):
    assert mcnemar(gained, lost) == pytest.approx(mcnemar(lost, gained))
    assert 0 <= mcnemar(gained, lost) <= 1


@pytest.mark.parametrize(
    ("gained", "lost", "p_value"),
    [(0, 0, 1.0), (1, 0, 1.0), (5, 0, 2 / 2**5), (5, 1, 2 * 7 / 2**6), (10, 10, 1.0)],
)
def test_mcnemar_counts_the_fair_coins_tosses(gained, lost, p_value):
    assert mcnemar(gained, lost) == pytest.approx(p_value)


# Confidence and corruptions


@pytest.mark.parametrize(("confidence", "promoted"), [(0.98, True), (0.975, True), (0.9, False)])
def test_a_better_but_badly_calibrated_model_is_refused(confidence, promoted):
    named = LABELS.copy()
    named[:20] = (named[:20] + 1) % 10
    decision = decide(answers(named, confidence), candidate(range(50)))
    assert decision.promote == promoted
    if not promoted:
        assert "expected calibration error is 8.00%, the champion's" in against(decision)
        assert decision.numbers["calibration_error"] == pytest.approx(0.08, abs=1e-6)


SOUND = {"noise": 0.9, "shift": 0.8}


def test_a_better_but_less_robust_model_is_refused():
    challenger = candidate(range(20), robustness={"noise": 0.9, "shift": 0.7})
    decision = decide(challenger, candidate(range(50), robustness=SOUND))
    assert not decision.promote
    assert "is 80.00%, the champion's 85.00%; 1% less is allowed" in against(decision)
    assert "largest loss is under shift: 70.00%, the champion 80.00%" in against(decision)


@pytest.mark.parametrize(
    "robustness",
    [{"noise": 0.88, "shift": 0.81}, {}, {"blur": 0.1}],
    ids=["within the margin", "not measured", "another corruption"],
)
def test_robustness_is_compared_where_both_have_it(robustness):
    challenger = candidate(range(20), robustness=robustness)
    assert decide(challenger, candidate(range(50), robustness=SOUND)).promote


# Shadow mode


def seen(requests=0, agreed=0, gained=0, lost=0) -> ShadowResult:
    return ShadowResult(requests, agreed, gained, lost)


def test_a_better_challenger_that_answers_recent_requests_differently_is_refused():
    decision = decide(candidate(range(20), shadow=seen(200, 150)), candidate(range(50)))
    assert not decision.promote
    assert "answers 150 of 200 shadow requests like the champion" in against(decision)
    assert "75.0%; 80% is required" in against(decision)
    assert decision.numbers["shadow_agreement"] == 0.75


def test_the_corruption_with_the_largest_loss_is_named():
    champion = candidate(range(50), robustness={"noise": 0.3, "shift": 0.9})
    decision = decide(candidate(range(20), robustness={"noise": 0.3, "shift": 0.6}), champion)
    assert "The largest loss is under shift: 60.00%, the champion 90.00%." in against(decision)


def test_a_hundred_recent_requests_are_enough_for_a_verdict():
    decision = decide(candidate(range(20), shadow=seen(100, 0)), candidate(range(50)))
    assert "answers 0 of 100 shadow requests" in against(decision)


@pytest.mark.parametrize("shadow", [None, seen(99, 0), seen(200, 160)])
def test_agreement_is_required_only_on_enough_requests(shadow):
    decision = decide(candidate(range(20), shadow=shadow), candidate(range(50)))
    assert decision.promote


def test_no_better_on_validation_but_better_on_corrections_is_promoted_although_it_is_slower():
    challenger = candidate(range(31), onnx_ms=0.2, shadow=seen(gained=10, lost=1))
    decision = decide(challenger, candidate(range(30)))
    assert decision.promote
    assert "it alone classifies 10 correctly, the champion alone 1" in decision.reasons[-1].message


@pytest.mark.parametrize(
    ("wrong", "shadow", "message"),
    [
        (range(30), seen(gained=5, lost=0), "no significant difference"),
        (range(30), seen(gained=1, lost=10), "no significant difference"),
        (range(33), seen(gained=30), "no significant difference, .* 3 more"),
        (range(50), seen(gained=30), "significantly worse"),
    ],
    ids=["too few corrections", "worse on them", "three more errors", "much worse"],
)
def test_corrections_buy_no_worse_answers_to_the_validation_digits(wrong, shadow, message):
    decision = decide(candidate(wrong, onnx_ms=0.2, shadow=shadow), candidate(range(30)))
    assert not decision.promote
    assert re.search(message, against(decision))


# Each threshold, at its boundary


def people(wrong: int, marked: float = 0.97, digest: str = "h") -> People:
    """Answers to 500 digits of other hands, the first `wrong` of them wrong, and to 100 others."""
    return People(
        correct=np.arange(500) >= wrong,
        marked=np.zeros(500, bool),
        marked_non_digits=np.arange(100) < 100 * marked,
        digest=digest,
    )


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


def test_the_sentence_that_decided_is_the_summary():
    assert decide(candidate(), None).summary == "There is no champion to compare it with."
    refused = decide(candidate(range(50)), candidate(range(20)))
    assert "significantly worse" in refused.summary
    badly_calibrated = decide(answers(LABELS, 0.5), candidate(range(50)))
    assert "calibration error" in badly_calibrated.summary


def test_every_number_of_the_gate_is_a_known_tag():
    champion = candidate(range(50), robustness=SOUND)
    decision = decide(
        candidate(range(20), robustness=SOUND, shadow=seen(200, 200), people=people(10)),
        replace(champion, people=people(10)),
        Policy(),
    )
    assert set(decision.numbers) == set(tags.GATE_NUMBERS)


# Other hands than MNIST's, and what is no digit


def test_who_reads_mnist_better_and_people_worse_is_refused():
    champion = candidate(range(60), people=people(10))
    decision = decide(candidate(range(10), people=people(60)), champion)
    assert not decision.promote
    assert "reads 88.00%, the champion 98.00%" in against(decision)
    assert "significantly worse" in against(decision)
    assert decision.numbers["hands_accuracy"] == 0.88


def test_other_handwriting_is_the_reason_though_other_checks_fail_too():
    champion = candidate(range(20), people=people(10))
    decision = decide(candidate(range(50), people=people(60, marked=0.5)), champion)
    assert sum(not reason.passed for reason in decision.reasons) == 3
    assert "digits of other hands" in decision.summary


def test_a_few_more_errors_on_other_hands_are_chance():
    champion = candidate(range(60), people=people(10))
    assert decide(candidate(range(10), people=people(13)), champion).promote


def test_who_reads_people_better_and_mnist_as_well_is_promoted():
    champion = candidate(range(10), people=people(60))
    decision = decide(candidate(range(12), people=people(10), onnx_ms=0.1), champion)
    assert decision.promote
    assert "of the digits of other hands it alone reads 50" in decision.reasons[-1].message


def test_better_on_people_does_not_outweigh_significantly_worse_on_mnist():
    champion = candidate(range(10), people=people(60))
    assert not decide(candidate(range(60), people=people(10)), champion).promote


def test_who_takes_more_pictures_of_no_digit_for_digits_is_refused():
    champion = candidate(range(60), people=people(10, marked=0.97))
    decision = decide(candidate(range(10), people=people(10, marked=0.9)), champion)
    assert "marks 90.0% of the pictures of no digit as uncertain, the champion 97.0%" in against(
        decision
    )
    assert decide(candidate(range(10), people=people(10, marked=0.96)), champion).promote


def test_a_champion_that_has_not_learned_what_is_no_digit_asks_for_no_marking():
    champion = candidate(range(60), people=people(10, marked=0.49))
    assert decide(candidate(range(10), people=people(10, marked=0)), champion).promote
    champion = candidate(range(60), people=people(10, marked=0.5))
    assert not decide(candidate(range(10), people=people(10, marked=0)), champion).promote


def test_a_few_more_digits_of_other_hands_are_no_reason_to_promote():
    champion = candidate(range(10), people=people(13))
    assert not decide(candidate(range(12), people=people(10), onnx_ms=0.1), champion).promote


@pytest.mark.parametrize("champions", [None, people(0, digest="other pictures")])
def test_without_the_same_pictures_other_hands_do_not_count(champions):
    champion = candidate(range(60), people=champions)
    assert decide(candidate(range(10), people=people(400)), champion).promote
