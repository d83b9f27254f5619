"""Who may replace the champion: sane models that answer validation digits better or faster."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ann_models.evaluation import mcnemar
from pipelines.gate import decide
from tests.support.candidates import LABELS, against, answers, candidate


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
    [(range(2, 34), "2 more"), (range(4, 32), "2 fewer"), (range(2, 32), "as many")],
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


def test_the_sentence_that_decided_is_the_summary():
    assert decide(candidate(), None).summary == "There is no champion to compare it with."
    refused = decide(candidate(range(50)), candidate(range(20)))
    assert "significantly worse" in refused.summary
    badly_calibrated = decide(answers(LABELS, 0.5), candidate(range(50)))
    assert "calibration error" in badly_calibrated.summary
