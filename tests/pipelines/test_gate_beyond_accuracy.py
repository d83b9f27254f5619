"""What the gate compares beyond validation digits: confidence, robustness, requests, hands."""

import re
from dataclasses import replace

import pytest

from pipelines.gate import Policy, decide
from pipelines.tracking import tags
from tests.support.candidates import LABELS, SOUND, against, answers, candidate, people, seen

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


@pytest.mark.parametrize("noise", [0.3, 0.4])
def test_no_corruption_is_named_where_nothing_is_lost(noise):
    champion = candidate(range(50), robustness={"noise": 0.3, "shift": 0.9})
    decision = decide(candidate(range(20), robustness={"noise": noise, "shift": 0.9}), champion)
    (said,) = [r.message for r in decision.reasons if "corrupted digits is" in r.message]
    assert said.endswith("1% less is allowed. It is worse under none of the corruptions.")


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
