"""May the challenger replace the champion? A pure function of predictions, with its reasons.

To add a requirement, add a function to FLOOR (what any model must be), to CONTEST (what a
champion's successor must be) or to MIRROR (what it must be where people's requests were put to
both).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ann_models.evaluation import Z_95, expected_calibration_error, wilson_interval

CLASSES = 10


@dataclass(frozen=True)
class Policy:
    """Every threshold of the gate.

    Attributes:
        least_accuracy: validation accuracy whose 95 % interval must lie above this; chance is 0.1.
        largest_difference: allowed between the probabilities of ONNX Runtime and of Keras.
        most_onnx_ms: an image may take in ONNX Runtime on one thread.
        significance: two-sided level of the exact McNemar test.
        clearly_faster: share of the champion's time that an equally good challenger may take.
        largest_loss: more mistakes, as a share of the validation digits, that a challenger may make
            if it is significantly better on held-out corrections.
        calibration_margin: by which its expected calibration error may be above the champion's,
            besides what chance can do.
        robustness_margin: by which its mean accuracy on corrupted digits may be below the
            champion's.
        least_agreement: share of mirrored requests that it must answer as the champion does, or
            as a person corrected it.
        least_mirrored: mirrored requests from which that is required.
        marking_margin: by which the share of pictures of no digit that it marks as uncertain may
            be below the champion's.
    """

    least_accuracy: float = 0.5
    largest_difference: float = 1e-5
    most_onnx_ms: float = 1.0
    significance: float = 0.05
    clearly_faster: float = 0.8
    largest_loss: float = 0.002
    calibration_margin: float = 0.002
    robustness_margin: float = 0.01
    least_agreement: float = 0.8
    least_mirrored: int = 100
    marking_margin: float = 0.02


@dataclass(frozen=True)
class Traffic:
    """How a challenger does beside the champion on what people sent to the service.

    Attributes:
        mirrored: recent requests that both answered.
        agreed: those on which it names the champion's digit, or the one that a person named.
        only_challenger_right: held-out corrections on which it alone names the person's digit.
        only_champion_right: held-out corrections on which the champion alone does.
    """

    mirrored: int
    agreed: int
    only_challenger_right: int
    only_champion_right: int


@dataclass(frozen=True, eq=False)
class People:
    """How a model does on generated handwriting of held-out writers, and on what is no digit.

    Attributes:
        correct: of each generated digit, whether it names the right one, (n,) of bool.
        marked: of each generated digit, whether its answer is marked as uncertain, (n,) of bool.
        marked_non_digits: of each picture of no digit, likewise, (m,) of bool.
        digest: SHA-256 of the pictures: only models that saw the same are compared.
    """

    correct: np.ndarray
    marked: np.ndarray
    marked_non_digits: np.ndarray
    digest: str


@dataclass(frozen=True, eq=False)
class Candidate:
    """A trained model as the gate sees it.

    Attributes:
        probabilities: its answers to the validation digits, (n, 10).
        labels: the digits' true classes, (n,).
        data_source: where its training and validation digits come from, such as "mnist".
        validation_digest: SHA-256 of the validation digits and labels.
        onnx_ms: milliseconds for one image in ONNX Runtime on one thread.
        onnx_difference: largest absolute difference of its ONNX form's probabilities from Keras's.
        weights_finite: whether every weight is a finite number.
        robustness: accuracy on validation digits under each corruption, by its name; empty if it
            was registered before that was measured.
        traffic: how it does on what people sent, if that was tried.
        people: how it does on other handwriting than MNIST's; None if it was registered before
            that was measured.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    data_source: str
    validation_digest: str
    onnx_ms: float
    onnx_difference: float
    weights_finite: bool
    robustness: Mapping[str, float] = field(default_factory=dict)
    traffic: Traffic | None = None
    people: People | None = None

    @property
    def right(self) -> np.ndarray:
        """Which digits it names rightly, (n,) of bool."""
        return self.probabilities.argmax(axis=1) == self.labels

    @property
    def calibration_error(self) -> float:
        """Its expected calibration error on the validation digits."""
        return expected_calibration_error(self.probabilities, self.labels)


@dataclass(frozen=True)
class Reason:
    """One finding: a sentence for or against the challenger, and the numbers behind it."""

    in_favour: bool
    sentence: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """The gate's answer; it promotes if no reason speaks against it."""

    reasons: tuple[Reason, ...]

    @property
    def promote(self) -> bool:
        """Whether the challenger becomes champion."""
        return all(reason.in_favour for reason in self.reasons)

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers of all reasons."""
        return {name: n for reason in self.reasons for name, n in reason.numbers.items()}


def decide(
    challenger: Candidate, champion: Candidate | None, policy: Policy | None = None
) -> Decision:
    """Judge a challenger against the champion, or against the floor alone if there is none.

    The floor ends at the first reason against: what follows would rest on it.
    """
    policy = policy or Policy()
    reasons: list[Reason] = []
    for check in FLOOR:
        reasons.append(check(challenger, policy))
        if not reasons[-1].in_favour:
            return Decision(tuple(reasons))
    if champion is None:
        reasons.append(Reason(True, "There is no champion to beat."))
    elif champion.validation_digest != challenger.validation_digest:
        reasons.append(_other_digits(challenger, champion))
    else:
        contest = (*MIRROR, *CONTEST) if challenger.traffic else CONTEST
        reasons.extend(check(challenger, champion, policy) for check in contest)
    return Decision(tuple(reasons))


def _finite_weights(challenger: Candidate, policy: Policy) -> Reason:
    if challenger.weights_finite:
        return Reason(True, "All weights are finite numbers.")
    return Reason(False, "Some weights are NaN or infinite: the training diverged.")


def _right_shape(challenger: Candidate, policy: Policy) -> Reason:
    found, expected = challenger.probabilities.shape, (len(challenger.labels), CLASSES)
    verdict = "as it must" if found == expected else f"not {expected}"
    return Reason(found == expected, f"Its answers have the shape {found}, {verdict}.")


def _proper_probabilities(challenger: Candidate, policy: Policy) -> Reason:
    p = challenger.probabilities
    if not np.isfinite(p).all():
        bad = np.count_nonzero(~np.isfinite(p).all(axis=1))
        return Reason(False, f"{bad} of {len(p)} answers hold NaN or infinite numbers.")
    lowest, error = float(p.min()), float(np.abs(p.sum(axis=1) - 1).max())
    proper = lowest >= 0 and error <= 1e-4
    return Reason(
        proper,
        f"Its answers are {'' if proper else 'not '}probabilities: the lowest is {lowest:.2g}, "
        f"each row sums to 1 within {error:.1g}.",
    )


def _beats_chance(challenger: Candidate, policy: Policy) -> Reason:
    right, n = int(challenger.right.sum()), len(challenger.labels)
    low, high = wilson_interval(right, n)
    return Reason(
        low > policy.least_accuracy,
        f"It names {right} of {n} validation digits rightly: {right / n:.2%}, 95 % interval "
        f"{low:.2%} to {high:.2%}; the least is {policy.least_accuracy:.0%}.",
        {"val_accuracy": right / n, "val_mistakes": n - right},
    )


def _onnx_agrees(challenger: Candidate, policy: Policy) -> Reason:
    difference = challenger.onnx_difference
    return Reason(
        difference <= policy.largest_difference,
        f"Its ONNX form differs from Keras by at most {difference:.1e}; "
        f"{policy.largest_difference:.0e} is allowed.",
        {"onnx_difference": difference},
    )


def _fast_enough(challenger: Candidate, policy: Policy) -> Reason:
    return Reason(
        challenger.onnx_ms <= policy.most_onnx_ms,
        f"It takes {challenger.onnx_ms:.4f} ms an image; {policy.most_onnx_ms:g} is the most.",
        {"onnx_ms": challenger.onnx_ms},
    )


def _other_digits(challenger: Candidate, champion: Candidate) -> Reason:
    return Reason(
        False,
        f"The two were judged on different validation digits: {challenger.data_source} "
        f"{challenger.validation_digest[:12]} against {champion.data_source} "
        f"{champion.validation_digest[:12]}; a paired test needs the same.",
    )


def _agrees_on_traffic(challenger: Candidate, champion: Candidate, policy: Policy) -> Reason:
    traffic = challenger.traffic
    assert traffic is not None
    if traffic.mirrored < policy.least_mirrored:
        return Reason(
            True,
            f"It saw {traffic.mirrored} mirrored requests; from {policy.least_mirrored} on it must "
            "agree with the champion's answers.",
        )
    agreement = traffic.agreed / traffic.mirrored
    return Reason(
        agreement >= policy.least_agreement,
        f"It answers {traffic.agreed} of {traffic.mirrored} mirrored requests as the champion "
        f"does, or as a person corrected it: {agreement:.1%}; {policy.least_agreement:.0%} is "
        "required.",
        {"shadow_agreement": agreement},
    )


def _calibrated_as_well(challenger: Candidate, champion: Candidate, policy: Policy) -> Reason:
    error, champions = challenger.calibration_error, champion.calibration_error
    share = challenger.right.mean()
    chance = Z_95 * np.sqrt(share * (1 - share) / len(challenger.right))  # of so few digits
    more = policy.calibration_margin + float(chance)
    return Reason(
        error <= champions + more,
        f"Its confidence is off by {error:.2%} on average (expected calibration error), the "
        f"champion's by {champions:.2%}; {more:.2%} more is allowed.",
        {"calibration_error": error},
    )


def _as_robust(challenger: Candidate, champion: Candidate, policy: Policy) -> Reason:
    shared = sorted(challenger.robustness.keys() & champion.robustness.keys())
    if not shared:
        return Reason(True, "Corrupted digits were not put to both.")
    mine, theirs = (
        float(np.mean([model.robustness[name] for name in shared]))
        for model in (challenger, champion)
    )
    worst = min(shared, key=lambda name: challenger.robustness[name] - champion.robustness[name])
    return Reason(
        mine >= theirs - policy.robustness_margin,
        f"On corrupted digits it is right in {mine:.2%}, the champion in {theirs:.2%}; "
        f"{policy.robustness_margin:.0%} less is allowed. Beside the champion it is weakest under "
        f"{worst}: {challenger.robustness[worst]:.2%} against {champion.robustness[worst]:.2%}.",
        {"robustness": mine},
    )


def _reads_people_as_well(challenger: Candidate, champion: Candidate, policy: Policy) -> Reason:
    both = _same_people(challenger, champion)
    if both is None:
        return Reason(True, "Other handwriting than MNIST's was not evaluated on both.")
    gained, lost = _discordant(*(people.correct for people in both))
    p_value = mcnemar(gained, lost)
    worse = p_value < policy.significance and lost > gained
    share = float(both[0].correct.mean())
    return Reason(
        not worse,
        f"Of {len(both[0].correct)} digits of other hands it reads {share:.2%}, the champion "
        f"{both[1].correct.mean():.2%}; it alone is right on {gained}, the champion alone on "
        f"{lost}: p = {p_value:.2g}, {'significantly worse' if worse else 'not worse'}.",
        {"hands_accuracy": share},
    )


def _marks_what_is_no_digit(challenger: Candidate, champion: Candidate, policy: Policy) -> Reason:
    both = _same_people(challenger, champion)
    if both is None:
        return Reason(True, "Pictures of no digit were not evaluated on both.")
    mine, theirs = (float(people.marked_non_digits.mean()) for people in both)
    return Reason(
        mine >= theirs - policy.marking_margin,
        f"It marks {mine:.1%} of the pictures of no digit as uncertain, the champion "
        f"{theirs:.1%}; {policy.marking_margin:.0%} less is allowed.",
        {"non_digits_marked": mine},
    )


def _same_people(challenger: Candidate, champion: Candidate) -> tuple[People, People] | None:
    mine, theirs = challenger.people, champion.people
    return (mine, theirs) if mine and theirs and mine.digest == theirs.digest else None


def _discordant(mine: np.ndarray, theirs: np.ndarray) -> tuple[int, int]:
    """On how many examples only the first is right, and only the second."""
    return int(np.count_nonzero(mine & ~theirs)), int(np.count_nonzero(theirs & ~mine))


def _better_or_clearly_faster(challenger: Candidate, champion: Candidate, policy: Policy) -> Reason:
    gained = int(np.count_nonzero(challenger.right & ~champion.right))
    lost = int(np.count_nonzero(champion.right & ~challenger.right))
    p_value = mcnemar(gained, lost)
    finding = (
        f"On {gained} digits the challenger alone is right, on {lost} the champion alone: "
        f"p = {p_value:.2g} (exact McNemar test, level {policy.significance})"
    )
    numbers = {
        "only_challenger_right": gained,
        "only_champion_right": lost,
        "p_value": p_value,
        "champion_onnx_ms": champion.onnx_ms,
    }
    if p_value < policy.significance:
        in_favour = gained > lost
        verdict = f"significantly {'better' if in_favour else 'worse'}."
        return Reason(in_favour, f"{finding}, {verdict}", numbers)
    most_lost = policy.largest_loss * len(challenger.labels)
    better = _better_on_corrections(challenger, policy) or _better_on_people(
        challenger, champion, policy
    )
    if better and lost - gained <= most_lost:
        return Reason(True, f"{finding}, no significant difference; {better}", numbers)
    limit = policy.clearly_faster * champion.onnx_ms
    in_favour = gained >= lost and challenger.onnx_ms <= limit
    more = f"{lost - gained} more" if lost > gained else f"{gained - lost} fewer"
    verdict = (
        f"no significant difference, so it must make no more mistakes (it makes {more}) and "
        f"take at most {limit:.4f} ms an image (it takes {challenger.onnx_ms:.4f})."
    )
    return Reason(in_favour, f"{finding}, {verdict}", numbers)


def _better_on_corrections(challenger: Candidate, policy: Policy) -> str:
    """That it is significantly better on the corrections that nobody trained on, if it is."""
    if challenger.traffic is None:
        return ""
    gained, lost = challenger.traffic.only_challenger_right, challenger.traffic.only_champion_right
    p_value = mcnemar(gained, lost)
    if p_value >= policy.significance or gained <= lost:
        return ""
    return (
        f"of people's corrections that neither was trained on it alone names {gained} rightly, the "
        f"champion alone {lost} (p = {p_value:.2g}): significantly better."
    )


def _better_on_people(challenger: Candidate, champion: Candidate, policy: Policy) -> str:
    """That it reads other handwriting than MNIST's significantly better, if it does."""
    both = _same_people(challenger, champion)
    if both is None:
        return ""
    gained, lost = _discordant(*(people.correct for people in both))
    p_value = mcnemar(gained, lost)
    if p_value >= policy.significance or gained <= lost:
        return ""
    return (
        f"of the digits of other hands it alone reads {gained}, the champion alone {lost} "
        f"(p = {p_value:.2g}): significantly better."
    )


def mcnemar(only_first_right: int, only_second_right: int) -> float:
    """Two-sided p-value that two classifiers err equally often (McNemar 1947), exact form.

    Only the examples on which exactly one of the two is right count: if both err equally often,
    each is a fair coin's toss.
    """
    from scipy.stats import binomtest

    tosses = only_first_right + only_second_right
    return float(binomtest(only_first_right, tosses).pvalue) if tosses else 1.0


FLOOR: tuple[Callable[[Candidate, Policy], Reason], ...] = (
    _finite_weights,
    _right_shape,
    _proper_probabilities,
    _beats_chance,
    _onnx_agrees,
    _fast_enough,
)
MIRROR: tuple[Callable[[Candidate, Candidate, Policy], Reason], ...] = (_agrees_on_traffic,)
CONTEST: tuple[Callable[[Candidate, Candidate, Policy], Reason], ...] = (
    _calibrated_as_well,
    _as_robust,
    _reads_people_as_well,
    _marks_what_is_no_digit,
    _better_or_clearly_faster,
)
