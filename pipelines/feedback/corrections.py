"""Which corrections are trained on? A pure function of them and of two independent classifiers.

The rule, for the corrections of each UTC day together:

- A correction is *contradicted* if the champion, asked again, and all five nearest training digits
  agree on another digit (nearest neighbours against flipped labels: Paudice, Muñoz-González and
  Lupu 2018). It is *disputed* if the same image, or a near copy of it, was also given another
  digit. Neither is used.
- Users mostly correct errors, and on real errors of the champion the neighbours sometimes err as it
  does. How often is known from its errors on the validation digits. If a day has significantly more
  contradicted and disputed corrections than that (exact one-sided binomial test against the
  upper end of that share's 95 % interval), the day is refused as a flood.
- If significantly more than half of a day's corrections give one digit, it is refused as a burst.
- Copies of validation and test digits are not trained on, nor what exceeds the hourly limit.

What is accepted is capped: repeated a few times at most, and a small share of the training set.
Every fifth accepted image, chosen by its content, is held out permanently to measure the effect.
Near copies of one drawing are in the same part, and held-out ones count once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from ann_models.datasets import Dataset
from ann_models.digits.neighbours import near_copies
from ann_models.evaluation import wilson_interval
from pipelines.feedback.requests import Corrections

ACCEPTED, CONTRADICTED, DISPUTED = "accepted", "contradicted", "disputed"
COPY, TOO_MANY, REFUSED_DAY = "copy of a held-out digit", "over the hourly limit", "refused day"
HELD_OUT_ONE_IN = 5  # accepted images
HOUR, DAY = 3600, 86_400  # seconds


@dataclass(frozen=True)
class Policy:
    """Every threshold of the rule.

    Attributes:
        max_per_hour: corrections of one hour that are accepted.
        max_repeats: how often a correction may be in the training data.
        max_share: of the training digits' number, for all corrections and their repeats.
        significance: level of each test of a day.
        max_digit_share: of a day's corrections that may give one digit.
    """

    max_per_hour: int = 100
    max_repeats: int = 10
    max_share: float = 0.05
    significance: float = 0.001
    max_digit_share: float = 0.5


@dataclass(frozen=True, eq=False)
class Evidence:
    """What other classifiers say about the corrected images.

    Attributes:
        champion: the champion's answer, (n,).
        neighbours: the label of all nearest training digits, −1 if they differ, (n,).
        copies: whether it is a copy of a validation or test digit, (n,) of bool.
        shared_errors: of the champion's errors on the validation digits, how many the neighbours
            make as well.
        errors: how many errors the champion makes there.
    """

    champion: np.ndarray
    neighbours: np.ndarray
    copies: np.ndarray
    shared_errors: int
    errors: int


@dataclass(frozen=True, eq=False)
class Judgement:
    """The verdict on each correction, and why days were refused.

    Attributes:
        verdicts: one of the constants above for each correction.
        refusals: a sentence for each refused day.
    """

    verdicts: tuple[str, ...]
    refusals: tuple[str, ...]

    @property
    def accepted(self) -> NDArray[np.bool_]:
        """Which corrections may be used, (n,)."""
        return np.array([verdict == ACCEPTED for verdict in self.verdicts], bool)

    @property
    def counts(self) -> dict[str, int]:
        """How many corrections got each verdict."""
        return dict(Counter(self.verdicts))


def judge(found: Corrections, evidence: Evidence, policy: Policy | None = None) -> Judgement:
    """Decide on every correction; the order in which they are given does not matter."""
    policy = policy or Policy()
    disputed = _disputed(found)
    both_agree = evidence.champion == evidence.neighbours
    contradicted = both_agree & (evidence.champion != found.digits)
    allowed = wilson_interval(evidence.shared_errors, max(evidence.errors, 1))[1]

    refusals: dict[int, str] = {}
    days = (found.times // DAY).astype(int)
    for day in np.unique(days):
        which = days == day
        suspects = int((contradicted | disputed)[which].sum())
        digits = np.bincount(found.digits[which])
        if sentence := _flood(suspects, int(which.sum()), allowed, policy) or _burst(
            digits, policy
        ):
            date = datetime.fromtimestamp(int(day) * DAY, UTC).date()
            refusals[int(day)] = f"The corrections of {date} are refused: {sentence}"

    rules = [  # the first that applies
        (np.isin(days, list(refusals)), REFUSED_DAY),
        (evidence.copies, COPY),
        (disputed, DISPUTED),
        (contradicted, CONTRADICTED),
    ]
    good = ~np.any([which for which, _ in rules], axis=0)
    late = np.zeros(len(found), bool)
    late[good] = _over_the_limit(found.times[good], policy.max_per_hour)
    rules.append((late, TOO_MANY))
    verdicts = [
        next((verdict for which, verdict in rules if which[i]), ACCEPTED) for i in range(len(found))
    ]
    return Judgement(tuple(verdicts), tuple(refusals.values()))


def _disputed(found: Corrections) -> NDArray[np.bool_]:
    """Which are near copies of each other with different digits, (n,)."""
    groups = near_copies(found.images)
    answers = np.unique(np.stack([groups, found.digits], axis=1), axis=0)[:, 0]
    several, count = np.unique(answers, return_counts=True)
    return np.isin(groups, several[count > 1])


def _flood(suspects: int, total: int, allowed: float, policy: Policy) -> str:
    p_value = _more_than(suspects, total, allowed)
    if p_value >= policy.significance:
        return ""
    return (
        f"{suspects} of {total} are contradicted by the champion and the training digits, or by "
        f"each other; of honest ones at most {allowed:.0%} are (p = {p_value:.1g})."
    )


def _burst(digits: np.ndarray, policy: Policy) -> str:
    most, n = int(digits.max()), int(digits.sum())
    p_value = _more_than(most, n, policy.max_digit_share)
    if p_value >= policy.significance:
        return ""
    return f"{most} of {n} give the digit {digits.argmax()} (p = {p_value:.1g})."


def _more_than(successes: int, trials: int, share: float) -> float:
    """P-value of the exact one-sided binomial test that the share is no larger than that."""
    from scipy.stats import binom

    return float(binom.sf(successes - 1, trials, share))


def _over_the_limit(times: np.ndarray, most: int) -> NDArray[np.bool_]:
    """Which come after the first `most` of their hour."""
    taken: Counter[int] = Counter()
    late = np.zeros(len(times), bool)
    for i in np.argsort(times, kind="stable"):
        hour = int(times[i] // HOUR)
        taken[hour] += 1
        late[i] = taken[hour] > most
    return late


def split(accepted: Corrections) -> tuple[Corrections, Corrections]:
    """Those to train on, and those held out: of near copies, which count once, the oldest.

    The oldest of near copies decides for all, so that later ones do not move an image to the other
    part.
    """
    keys = np.array(accepted.keys, str)
    order = np.lexsort((keys, accepted.times))
    oldest = np.empty_like(order)
    oldest[order] = order[near_copies(accepted.images[order])]
    held_out = np.array([int(key[:8], 16) % HELD_OUT_ONE_IN == 0 for key in keys[oldest]], bool)
    counts = oldest == np.arange(len(keys))
    return accepted.select(~held_out), accepted.select(held_out & counts)


def used(examples: int, count: int, policy: Policy | None = None) -> tuple[int, int]:
    """Of so many corrections, how many join so many training examples, and how often each."""
    policy = policy or Policy()
    room = int(policy.max_share * examples)
    taken = min(count, room)
    return taken, min(policy.max_repeats, room // taken) if taken else 0


def add_to_training(
    data: Dataset, training: Corrections, policy: Policy | None = None
) -> tuple[Dataset, int]:
    """The digits with corrections among their training part, and how often each is repeated.

    Validation and test digits stay as they are. Of more corrections than the largest share allows
    the newest are taken.
    """
    count, repeats = used(len(data.arrays["x_train"]), len(training), policy)
    if not count:
        return data, 0
    newest = training.select(np.sort(np.argsort(-training.times, kind="stable")[:count]))
    arrays = {
        "x_train": _appended(data.arrays["x_train"], [newest.images] * repeats),
        "y_train": _appended(data.arrays["y_train"], [newest.digits] * repeats),
    }
    return Dataset(f"{data.name}_corrected", data.source, data.arrays | arrays), repeats


def _appended(array: np.ndarray, more: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([array, *more]).astype(array.dtype)
