"""Which corrections are trained on: honest ones, a few at a time; no flood, no burst, no copy."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ann_models.datasets import Dataset
from pipelines.feedback.corrections import (
    ACCEPTED,
    CONTRADICTED,
    COPY,
    DAY,
    DISPUTED,
    REFUSED_DAY,
    TOO_MANY,
    Evidence,
    Policy,
    add_to_training,
    judge,
    split,
    used,
)
from pipelines.feedback.requests import Corrections

MONDAY = 20_000 * DAY


def corrections(digits, times=None, images=None) -> Corrections:
    """Corrections of images that are all different, a minute apart."""
    n = len(digits)
    if images is None:
        images = np.random.default_rng(n).random((n, 28, 28)).astype(np.float32)
    if times is None:
        times = MONDAY + 60.0 * np.arange(n)
    return Corrections(images, np.array(digits, np.int32), np.array(times, np.float64))


def evidence(champion, neighbours, copies=None, shared=20, errors=100) -> Evidence:
    n = len(champion)
    copied = np.zeros(n, bool) if copies is None else np.array(copies)
    return Evidence(np.array(champion), np.array(neighbours), copied, shared, errors)


def honest(n: int) -> tuple[Corrections, Evidence]:
    """A champion that was always wrong, and neighbours that agree with the users."""
    digits = np.arange(n) % 10
    return corrections(digits), evidence((digits + 1) % 10, digits)


def poisoned(n: int) -> tuple[Corrections, Evidence]:
    """A champion that was always right, and users who always give the next digit."""
    digits = np.arange(n) % 10
    return corrections((digits + 1) % 10), evidence(digits, digits)


def test_honest_corrections_are_accepted():
    judgement = judge(*honest(60))
    assert judgement.counts == {ACCEPTED: 60}
    assert not judgement.refusals


def test_users_who_confirm_the_champion_are_accepted():
    digits = np.arange(60) % 10
    assert judge(corrections(digits), evidence(digits, digits)).accepted.all()


def test_an_ambiguous_digit_is_accepted_although_the_champion_was_sure():
    found, known = honest(30)
    unsure = replace(known, neighbours=np.full(30, -1))
    assert judge(found, unsure).accepted.all()


def test_a_flood_of_wrong_corrections_is_refused_with_its_reason():
    judgement = judge(*poisoned(40))
    assert judgement.counts == {REFUSED_DAY: 40}
    (sentence,) = judgement.refusals
    assert "corrections of 2024-10-04 are refused: 40 of 40 are contradicted" in sentence
    assert "of honest ones at most 29% are" in sentence


def test_a_flood_takes_its_day_with_it_and_no_other():
    good, good_evidence = honest(40)
    bad, bad_evidence = poisoned(40)
    bad_images = 1 - bad.images
    found = Corrections(
        np.concatenate([good.images, bad_images]),
        np.concatenate([good.digits, bad.digits]),
        np.concatenate([good.times, bad.times + DAY]),
    )
    known = evidence(
        np.concatenate([good_evidence.champion, bad_evidence.champion]),
        np.concatenate([good_evidence.neighbours, bad_evidence.neighbours]),
    )
    judgement = judge(found, known)
    assert judgement.verdicts == (ACCEPTED,) * 40 + (REFUSED_DAY,) * 40


def test_a_few_wrong_corrections_are_not_used_and_the_others_of_the_day_are():
    found, known = honest(60)
    known.champion[:5] = known.neighbours[:5] = (found.digits[:5] + 1) % 10
    judgement = judge(found, known)
    assert judgement.verdicts == (CONTRADICTED,) * 5 + (ACCEPTED,) * 55


def test_an_image_with_two_digits_is_not_trained_on():
    found, known = honest(60)
    found.images[1] = found.images[0]
    judgement = judge(found, known)
    assert judgement.verdicts[:3] == (DISPUTED, DISPUTED, ACCEPTED)


def test_a_near_copy_with_another_digit_is_disputed_too():
    found, known = honest(60)
    found.images[1] = np.roll(np.rint(15 * found.images[0]) / 15, 1, axis=1)
    judgement = judge(found, known)
    assert judgement.verdicts[:3] == (DISPUTED, DISPUTED, ACCEPTED)


def test_a_day_of_disputes_is_refused():
    images = np.repeat(np.random.default_rng(0).random((20, 28, 28)).astype(np.float32), 2, axis=0)
    digits = np.arange(40) % 10
    judgement = judge(corrections(digits, images=images), evidence(digits, np.full(40, -1)))
    assert judgement.counts == {REFUSED_DAY: 40}
    assert "or by each other" in judgement.refusals[0]


def test_a_burst_of_one_digit_is_refused():
    found = corrections(np.full(30, 7))
    judgement = judge(found, evidence(np.full(30, 1), np.full(30, -1)))
    assert judgement.counts == {REFUSED_DAY: 30}
    assert "30 of 30 give the digit 7" in judgement.refusals[0]


def test_three_corrections_of_one_digit_are_no_burst():
    found = corrections(np.full(3, 7))
    assert judge(found, evidence(np.full(3, 1), np.full(3, -1))).accepted.all()


def test_copies_of_validation_and_test_digits_are_not_trained_on():
    found, known = honest(30)
    copies = np.arange(30) < 4
    judgement = judge(found, replace(known, copies=copies))
    assert judgement.verdicts == (COPY,) * 4 + (ACCEPTED,) * 26


def test_of_one_hour_only_so_many_are_taken_and_the_first_come_first():
    digits = np.arange(150) % 10
    times = MONDAY + 10.0 * np.arange(150)[::-1]
    judgement = judge(
        corrections(digits, times), evidence((digits + 1) % 10, digits), Policy(max_per_hour=100)
    )
    assert judgement.verdicts == (TOO_MANY,) * 50 + (ACCEPTED,) * 100


def test_no_corrections_are_no_problem():
    judgement = judge(corrections([]), evidence([], []))
    assert judgement.accepted.shape == (0,)
    assert not judgement.refusals


# --- properties -----------------------------------------------------------------------------------

DIGIT = st.integers(0, 9)
ROWS = st.lists(
    st.tuples(DIGIT, DIGIT, st.integers(-1, 9), st.booleans(), st.integers(0, 3 * DAY)),
    max_size=60,
)


def made_of(rows) -> tuple[Corrections, Evidence]:
    said, champion, neighbours, copies, times = (list(c) for c in zip(*rows, strict=True))
    return (
        corrections(said, MONDAY + np.array(times, float)),
        evidence(champion, neighbours, copies),
    )


@settings(deadline=None)
@given(ROWS.filter(bool))
def test_whatever_comes_no_copy_and_nothing_contradicted_is_accepted(rows):
    found, known = made_of(rows)
    accepted = judge(found, known).accepted
    contradicted = (known.champion == known.neighbours) & (known.champion != found.digits)
    assert not (accepted & (known.copies | contradicted)).any()


@settings(deadline=None)
@given(ROWS.filter(bool), st.randoms(use_true_random=False))
def test_the_order_of_the_corrections_does_not_matter(rows, random):
    found, known = made_of(rows)
    order = list(range(len(rows)))
    random.shuffle(order)
    mixed = evidence(known.champion[order], known.neighbours[order], known.copies[order])
    policy = Policy(max_per_hour=10**6)  # of two at the same moment the first is taken
    before = judge(found, known, policy).verdicts
    assert judge(found.select(order), mixed, policy).verdicts == tuple(before[i] for i in order)


@given(st.integers(20, 200), st.floats(0.8, 1.0))
@settings(deadline=None)
def test_a_day_that_is_mostly_wrong_is_not_trained_on(n, share):
    found, known = honest(n)
    wrong = np.arange(n) < np.ceil(share * n)
    given = np.where(wrong, (found.digits + 1) % 10, found.digits)
    champion = np.where(wrong, found.digits, (found.digits + 1) % 10)
    poison = Corrections(found.images, given.astype(np.int32), found.times)
    assert not judge(poison, replace(known, champion=champion)).accepted.any()


def test_honest_days_are_hardly_ever_refused():
    """Neighbours share as many of the champion's errors as they do on validation digits."""
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        found, known = honest(50)
        shared = rng.random(50) < 0.2
        neighbours = np.where(shared, known.champion, known.neighbours)
        refused += bool(judge(found, replace(known, neighbours=neighbours)).refusals)
    assert refused <= 1


# --- into the training data -----------------------------------------------------------------------


def digits_of(n: int) -> Dataset:
    rng = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for part, size in (("train", n), ("val", 20), ("test", 20)):
        arrays[f"x_{part}"] = rng.random((size, 28, 28)).astype(np.float32)
        arrays[f"y_{part}"] = (np.arange(size) % 10).astype(np.int32)
    return Dataset("digits", "mnist", arrays)


@pytest.mark.parametrize(
    ("n", "repeats", "added"), [(0, 0, 0), (1, 10, 10), (10, 5, 50), (40, 1, 40), (200, 1, 50)]
)
def test_corrections_are_repeated_within_their_share(n, repeats, added):
    data = digits_of(1000)
    after, times = add_to_training(data, corrections(np.arange(n) % 10))
    assert times == repeats
    assert len(after.arrays["x_train"]) == 1000 + added
    assert len(after.arrays["y_train"]) == 1000 + added


@pytest.mark.parametrize(
    ("examples", "count", "joining"),
    [(1000, 0, (0, 0)), (19, 5, (0, 0)), (20, 5, (1, 1)), (1000, 20, (20, 2)), (1000, 60, (50, 1))],
)
def test_a_twentieth_may_join_and_what_does_not_join_is_never_repeated(examples, count, joining):
    assert used(examples, count) == joining


def test_too_many_corrections_make_room_for_the_newest():
    found = corrections(np.arange(200) % 10)
    after, _ = add_to_training(digits_of(1000), found)
    np.testing.assert_array_equal(after.arrays["x_train"][1000:], found.images[150:])


def test_validation_and_test_digits_stay_as_they_are():
    data = digits_of(1000)
    after, _ = add_to_training(data, corrections(np.arange(30) % 10))
    for part in ("x_val", "y_val", "x_test", "y_test"):
        np.testing.assert_array_equal(after.arrays[part], data.arrays[part])
    assert after.arrays["x_train"].dtype == np.float32
    assert after.arrays["y_train"].dtype == np.int32
    assert after.source == "mnist"


def test_a_fifth_is_held_out_permanently():
    found = corrections(np.arange(500) % 10)
    training, held_out = split(found)
    assert len(training) + len(held_out) == 500
    assert 60 <= len(held_out) <= 140
    again = split(found.select(np.arange(250)))[1]
    assert set(again.keys) <= set(held_out.keys)
    assert not set(training.keys) & set(held_out.keys)


def drawn_thrice(n: int) -> Corrections:
    """Each image as it is, then rounded, then moved by a pixel."""
    drawn = np.random.default_rng(0).random((n, 20, 20)).astype(np.float32)
    images = np.pad(drawn, ((0, 0), (4, 4), (4, 4)))
    every = np.concatenate([images, np.rint(15 * images) / 15, np.roll(images, 1, axis=2)])
    return corrections(np.tile(np.arange(n) % 10, 3), images=every)


def test_near_copies_are_in_one_part_and_held_out_ones_count_once():
    found = drawn_thrice(100)
    training, held_out = split(found)
    first = split(found.select(np.arange(100)))
    assert held_out.keys == first[1].keys
    assert len(training) == 3 * len(first[0])
    assert set(first[0].keys) <= set(training.keys)


def test_the_order_does_not_decide_which_part_near_copies_are_in():
    found = drawn_thrice(100)
    mixed = found.select(np.random.default_rng(1).permutation(300))
    for part, other in zip(split(found), split(mixed), strict=True):
        assert sorted(part.keys) == sorted(other.keys)


def test_of_no_corrections_both_parts_are_empty():
    assert [len(part) for part in split(corrections([]))] == [0, 0]


# --- each threshold, at its boundary --------------------------------------------------------------


def test_the_hourly_limit_counts_each_hour_for_itself():
    digits = np.arange(12) % 10
    times = MONDAY + np.repeat([0.0, 3599.0, 3600.0], 4)
    judgement = judge(
        corrections(digits, times), evidence((digits + 1) % 10, digits), Policy(max_per_hour=8)
    )
    assert judgement.accepted.all()
    late = judge(
        corrections(digits, times), evidence((digits + 1) % 10, digits), Policy(max_per_hour=7)
    )
    assert late.verdicts == (ACCEPTED,) * 7 + (TOO_MANY,) + (ACCEPTED,) * 4


def test_refused_corrections_leave_the_hour_to_the_good_ones():
    digits = np.arange(12) % 10
    judgement = judge(
        corrections(digits, np.full(12, MONDAY)),
        evidence((digits + 1) % 10, digits, copies=np.arange(12) < 6),
        Policy(max_per_hour=6),
    )
    assert judgement.accepted.sum() == 6
    assert TOO_MANY not in judgement.verdicts


@pytest.mark.parametrize(("significance", "refused"), [(0.5**10, False), (0.5**10 + 1e-9, True)])
def test_a_burst_is_refused_below_its_level_only(significance, refused):
    """Ten of ten corrections give one digit: p = 2⁻¹⁰ if half of them may."""
    found = corrections(np.full(10, 7))
    known = evidence(np.full(10, 1), np.full(10, -1))
    judgement = judge(found, known, Policy(significance=significance))
    assert bool(judgement.refusals) == refused


def test_a_flood_is_counted_against_the_champions_own_share_of_shared_errors():
    digits = np.arange(20) % 10
    found = corrections(digits)
    champion = np.where(np.arange(20) < 8, (digits + 1) % 10, digits)  # 8 of 20 contradicted
    often = evidence(champion, champion, shared=60, errors=100)
    seldom = evidence(champion, champion, shared=1, errors=100)
    assert not judge(found, often).refusals
    assert judge(found, seldom).refusals


def test_a_champion_without_validation_errors_gives_no_evidence_of_a_flood():
    """The share of none that the neighbours make, too, is unknown: at most 79 % (95 %)."""
    digits = np.arange(60) % 10
    wrong = (digits + 1) % 10
    for contradicted, refused in ((30, False), (60, True)):
        champion = np.where(np.arange(60) < contradicted, wrong, digits)
        judgement = judge(corrections(digits), evidence(champion, champion, shared=0, errors=0))
        assert bool(judgement.refusals) == refused


def test_the_share_of_corrections_in_the_training_digits_is_exact():
    found = corrections(np.arange(60) % 10)
    after, repeats = add_to_training(digits_of(1000), found, Policy(max_share=0.06, max_repeats=9))
    assert (len(after.arrays["x_train"]), repeats) == (1060, 1)
    after, repeats = add_to_training(digits_of(1000), found, Policy(max_share=0.12, max_repeats=9))
    assert (len(after.arrays["x_train"]), repeats) == (1120, 2)
    after, repeats = add_to_training(digits_of(1000), found, Policy(max_share=0.9, max_repeats=3))
    assert (len(after.arrays["x_train"]), repeats) == (1180, 3)


def test_every_fifth_image_is_held_out_by_its_content():
    found = corrections(np.arange(500) % 10)
    held_out = split(found)[1]
    assert set(held_out.keys) == {key for key in found.keys if int(key[:8], 16) % 5 == 0}
