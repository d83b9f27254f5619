"""The promotion rule: may the challenger replace the champion?

A pure function of what is known of the two models. Its reasons are stored with the decision. To add
a requirement, add a function to SANITY_CHECKS (what every model must be), COMPARISON_CHECKS (what a
champion's successor must be), HANDWRITING_CHECKS (likewise, of digits alone) or SHADOW_CHECKS
(likewise, on recent requests to the service).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ann_models.evaluation import Z_95, mcnemar, wilson_interval
from pipelines.candidate import Candidate, People, ShadowResult

AGREES, DISAGREES, TOO_FEW = "agrees", "disagrees", "too few requests"  # in shadow mode


@dataclass(frozen=True)
class Policy:
    """Every threshold of the promotion rule.

    Attributes:
        min_accuracy: the 95 % interval of the validation accuracy must lie above it; chance is 0.1.
        max_onnx_difference: between the probabilities of ONNX Runtime and of Keras.
        max_onnx_ms: for one image in ONNX Runtime on one thread.
        significance: two-sided level of the exact McNemar tests.
        max_relative_time: an equally good challenger must take at most this share of the champion's
            time for an image.
        max_extra_errors: as a share of the validation digits, by which a challenger that is
            significantly better on held-out corrections may exceed the champion's errors.
        calibration_margin: by which the expected calibration error may exceed the champion's, on
            top of the sampling error.
        robustness_margin: by which the mean accuracy on corrupted digits may fall short of the
            champion's.
        min_agreement: share of shadow requests to be answered like the champion, or as corrected.
        min_shadow_requests: below this number no agreement is required.
        marking_margin: by which the share of pictures of no digit that are marked as uncertain may
            fall short of the champion's.
        least_marking: from this share on a champion counts as having learned what is no digit.
    """

    min_accuracy: float = 0.5
    max_onnx_difference: float = 1e-5
    max_onnx_ms: float = 1.0
    significance: float = 0.05
    max_relative_time: float = 0.8
    max_extra_errors: float = 0.002
    calibration_margin: float = 0.002
    robustness_margin: float = 0.01
    min_agreement: float = 0.8
    min_shadow_requests: int = 100
    marking_margin: float = 0.02
    least_marking: float = 0.5


@dataclass(frozen=True)
class Reason:
    """The result of one check: passed or not, a sentence, and the numbers in it."""

    passed: bool
    message: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """The gate's decision: the challenger is promoted if every check passed."""

    reasons: tuple[Reason, ...]

    @property
    def promote(self) -> bool:
        """Whether the challenger becomes champion."""
        return all(reason.passed for reason in self.reasons)

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers of all reasons."""
        return {name: n for reason in self.reasons for name, n in reason.numbers.items()}

    @property
    def summary(self) -> str:
        """The sentence that decided: the first one against it, or else the last one."""
        failed = (reason for reason in self.reasons if not reason.passed)
        return next(failed, self.reasons[-1]).message


def decide(
    challenger: Candidate, champion: Candidate | None, policy: Policy | None = None
) -> Decision:
    """The promotion rule.

    1. The sanity checks, of the challenger alone: the first that fails refuses it.
    2. Without a champion, a sane challenger is promoted.
    3. Against a champion, every comparison check must pass, on the same validation pictures, of
       digits every handwriting check, and every shadow check if both answered recent requests.
    """
    policy = policy or Policy()
    reasons: list[Reason] = []
    for check in SANITY_CHECKS:
        reasons.append(check(challenger, policy))
        if not reasons[-1].passed:
            return Decision(tuple(reasons))
    if champion is None:
        return Decision((*reasons, Reason(True, "There is no champion to compare it with.")))
    if champion.validation_digest != challenger.validation_digest:
        return Decision((*reasons, _different_digits(challenger, champion)))
    checks = (
        *(SHADOW_CHECKS if challenger.shadow else ()),
        *(HANDWRITING_CHECKS if challenger.examples == "digits" else ()),
        *COMPARISON_CHECKS,
    )
    compared = [check(challenger, champion, policy) for check in checks]
    return Decision((*reasons, *compared))


def _finite_weights(challenger: Candidate, policy: Policy) -> Reason:
    if challenger.weights_finite:
        return Reason(True, "All weights are finite numbers.")
    return Reason(False, "Some weights are NaN or infinite: the training diverged.")


def _right_shape(challenger: Candidate, policy: Policy) -> Reason:
    found = challenger.probabilities.shape
    expected = len(challenger.labels), challenger.classes
    verdict = "as required" if found == expected else f"not {expected}"
    return Reason(found == expected, f"Its answers have the shape {found}, {verdict}.")


def _proper_probabilities(challenger: Candidate, policy: Policy) -> Reason:
    p = challenger.probabilities
    if not np.isfinite(p).all():
        bad = np.count_nonzero(~np.isfinite(p).all(axis=1))
        return Reason(False, f"{bad} of {len(p)} answers contain NaN or infinite numbers.")
    lowest, error = float(p.min()), float(np.abs(p.sum(axis=1) - 1).max())
    proper = lowest >= 0 and error <= 1e-4
    return Reason(
        proper,
        f"Its answers are {'' if proper else 'not '}probabilities: the lowest is {lowest:.2g}, "
        f"each row sums to 1 within {error:.1g}.",
    )


def _accurate(challenger: Candidate, policy: Policy) -> Reason:
    correct, n = int(challenger.correct.sum()), len(challenger.labels)
    low, high = wilson_interval(correct, n)
    return Reason(
        low > policy.min_accuracy,
        f"It classifies {correct:,} of {n:,} validation {challenger.examples} correctly: "
        f"{correct / n:.2%}, 95 % interval {low:.2%} to {high:.2%}; "
        f"more than {policy.min_accuracy:.0%} is required.",
        {"val_accuracy": correct / n, "val_errors": n - correct},
    )


def _onnx_agrees(challenger: Candidate, policy: Policy) -> Reason:
    difference = challenger.onnx_difference
    return Reason(
        difference <= policy.max_onnx_difference,
        f"Its ONNX form differs from Keras by at most {difference:.1e}; "
        f"{policy.max_onnx_difference:.0e} is allowed.",
        {"onnx_difference": difference},
    )


def _fast_enough(challenger: Candidate, policy: Policy) -> Reason:
    return Reason(
        challenger.onnx_ms <= policy.max_onnx_ms,
        f"It takes {challenger.onnx_ms:.4f} ms an image; {policy.max_onnx_ms:g} is allowed.",
        {"onnx_ms": challenger.onnx_ms},
    )


def _different_digits(challenger: Candidate, champion: Candidate) -> Reason:
    return Reason(
        False,
        f"The two were evaluated on different validation {challenger.examples}: "
        f"{challenger.data_source} {challenger.validation_digest[:12]} and {champion.data_source} "
        f"{champion.validation_digest[:12]}; a paired test needs the same ones.",
    )


def shadow_verdict(shadow: ShadowResult, policy: Policy | None = None) -> str:
    """What shadow mode says of a challenger, beside the gate's decision on everything."""
    policy = policy or Policy()
    if shadow.requests < policy.min_shadow_requests:
        return TOO_FEW
    return AGREES if shadow.agreed >= policy.min_agreement * shadow.requests else DISAGREES


def _agrees_on_requests(challenger: Candidate, champion: Candidate, policy: Policy) -> Reason:
    shadow = challenger.shadow
    assert shadow is not None
    if shadow_verdict(shadow, policy) == TOO_FEW:
        return Reason(
            True,
            f"There were {shadow.requests} shadow requests; agreement with the champion is "
            f"required from {policy.min_shadow_requests} on.",
        )
    agreement = shadow.agreed / shadow.requests
    return Reason(
        shadow_verdict(shadow, policy) == AGREES,
        f"It answers {shadow.agreed:,} of {shadow.requests:,} shadow requests like the champion, "
        f"or as a person corrected it: {agreement:.1%}; {policy.min_agreement:.0%} is required.",
        {"shadow_agreement": agreement},
    )


def _calibrated_as_well(challenger: Candidate, champion: Candidate, policy: Policy) -> Reason:
    error, champions = challenger.calibration_error, champion.calibration_error
    accuracy, n = challenger.correct.mean(), len(challenger.correct)
    sampling_error = float(Z_95 * np.sqrt(accuracy * (1 - accuracy) / n))
    more = policy.calibration_margin + sampling_error
    return Reason(
        error <= champions + more,
        f"Its expected calibration error is {error:.2%}, the champion's {champions:.2%}; "
        f"{more:.2%} more is allowed.",
        {"calibration_error": error},
    )


def _as_robust(challenger: Candidate, champion: Candidate, policy: Policy) -> Reason:
    shared = sorted(challenger.robustness.keys() & champion.robustness.keys())
    if not shared:
        return Reason(
            True, f"The two were not evaluated on the same corrupted {challenger.examples}."
        )
    mine, theirs = (
        float(np.mean([model.robustness[name] for name in shared]))
        for model in (challenger, champion)
    )
    worst = min(shared, key=lambda name: challenger.robustness[name] - champion.robustness[name])
    found, best = challenger.robustness[worst], champion.robustness[worst]
    loss = "It is worse under none of the corruptions."
    if found < best:
        loss = f"The largest loss is under {worst}: {found:.2%}, the champion {best:.2%}."
    return Reason(
        mine >= theirs - policy.robustness_margin,
        f"Its mean accuracy on corrupted {challenger.examples} is {mine:.2%}, the champion's "
        f"{theirs:.2%}; {policy.robustness_margin:.0%} less is allowed. {loss}",
        {"robustness": mine},
    )


def _reads_people_as_well(challenger: Candidate, champion: Candidate, policy: Policy) -> Reason:
    if not (both := _on_people(challenger, champion)):
        return Reason(True, "Other handwriting than MNIST's was not evaluated on both.")
    mine, theirs, gained, lost = both
    p_value = mcnemar(gained, lost)
    worse = p_value < policy.significance and lost > gained
    share = float(mine.correct.mean())
    return Reason(
        not worse,
        f"Of {len(mine.correct)} digits of other hands it reads {share:.2%}, the champion "
        f"{theirs.correct.mean():.2%}; it alone reads {gained}, the champion alone {lost}: "
        f"p = {p_value:.2g}, {'significantly worse' if worse else 'not worse'}.",
        {"hands_accuracy": share},
    )


def _marks_what_is_no_digit(challenger: Candidate, champion: Candidate, policy: Policy) -> Reason:
    if not (both := _on_people(challenger, champion)):
        return Reason(True, "Pictures of no digit were not evaluated on both.")
    mine, theirs = (float(people.marked_non_digits.mean()) for people in both[:2])
    if theirs < policy.least_marking:
        return Reason(
            True,
            f"The champion marks {theirs:.1%} of the pictures of no digit as uncertain: it has not "
            "learned them, so the challenger need not mark as many.",
            {"non_digits_marked": mine},
        )
    return Reason(
        mine >= theirs - policy.marking_margin,
        f"It marks {mine:.1%} of the pictures of no digit as uncertain, the champion "
        f"{theirs:.1%}; {policy.marking_margin:.0%} less is allowed.",
        {"non_digits_marked": mine},
    )


def _on_people(
    challenger: Candidate, champion: Candidate
) -> tuple[People, People, int, int] | None:
    """Both on the same pictures, and how many digits only the first and only the second reads."""
    mine, theirs = challenger.people, champion.people
    if not mine or not theirs or mine.digest != theirs.digest:
        return None
    gained, lost = mine.correct & ~theirs.correct, theirs.correct & ~mine.correct
    return mine, theirs, int(gained.sum()), int(lost.sum())


def _better_or_clearly_faster(challenger: Candidate, champion: Candidate, policy: Policy) -> Reason:
    gained = int(np.count_nonzero(challenger.correct & ~champion.correct))
    lost = int(np.count_nonzero(champion.correct & ~challenger.correct))
    p_value = mcnemar(gained, lost)
    finding = (
        f"It alone classifies {gained} {challenger.examples} correctly, the champion alone {lost}: "
        f"p = {p_value:.2g} (exact McNemar test, level {policy.significance})"
    )
    numbers = {
        "only_challenger_right": gained,
        "only_champion_right": lost,
        "p_value": p_value,
        "champion_onnx_ms": champion.onnx_ms,
    }
    if p_value < policy.significance:
        verdict = "better" if gained > lost else "worse"
        return Reason(gained > lost, f"{finding}, significantly {verdict}.", numbers)
    max_extra_errors = policy.max_extra_errors * len(challenger.labels)
    better = _better_on_corrections(challenger, policy) or _better_on_people(
        challenger, champion, policy
    )
    if better and lost - gained <= max_extra_errors:
        return Reason(True, f"{finding}, no significant difference; {better}", numbers)
    limit = policy.max_relative_time * champion.onnx_ms
    if gained == lost:
        more = "as many"
    else:
        more = f"{lost - gained} more" if lost > gained else f"{gained - lost} fewer"
    return Reason(
        gained >= lost and challenger.onnx_ms <= limit,
        f"{finding}, no significant difference, so it may make no more errors (it makes {more}) "
        f"and take at most {limit:.4f} ms an image (it takes {challenger.onnx_ms:.4f}).",
        numbers,
    )


def _better_on_corrections(challenger: Candidate, policy: Policy) -> str:
    """The sentence that it is significantly better on held-out corrections; "" if it is not."""
    shadow = challenger.shadow
    if shadow is None:
        return ""
    gained, lost = shadow.only_challenger_correct, shadow.only_champion_correct
    p_value = mcnemar(gained, lost)
    if p_value >= policy.significance or gained <= lost:
        return ""
    return (
        f"of the held-out corrections it alone classifies {gained} correctly, the champion alone "
        f"{lost} (p = {p_value:.2g}): significantly better."
    )


def _better_on_people(challenger: Candidate, champion: Candidate, policy: Policy) -> str:
    """That it reads other handwriting than MNIST's significantly better, if it does."""
    if not (both := _on_people(challenger, champion)):
        return ""
    gained, lost = both[2:]
    if (p_value := mcnemar(gained, lost)) >= policy.significance or gained <= lost:
        return ""
    return (
        f"of the digits of other hands it alone reads {gained}, the champion alone {lost} "
        f"(p = {p_value:.2g}): significantly better."
    )


SANITY_CHECKS: tuple[Callable[[Candidate, Policy], Reason], ...] = (
    _finite_weights,
    _right_shape,
    _proper_probabilities,
    _accurate,
    _onnx_agrees,
    _fast_enough,
)
SHADOW_CHECKS: tuple[Callable[[Candidate, Candidate, Policy], Reason], ...] = (_agrees_on_requests,)
HANDWRITING_CHECKS: tuple[Callable[[Candidate, Candidate, Policy], Reason], ...] = (
    _reads_people_as_well,
    _marks_what_is_no_digit,
)
COMPARISON_CHECKS: tuple[Callable[[Candidate, Candidate, Policy], Reason], ...] = (
    _calibrated_as_well,
    _as_robust,
    _better_or_clearly_faster,
)
