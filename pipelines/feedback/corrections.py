"""Which corrections may teach? A pure function of them and of what two witnesses say.

The rule, for the corrections of each UTC day together:

- A correction is *contradicted* if the champion, asked again, and all five nearest training digits
  agree on another digit (nearest neighbours against flipped labels: Paudice, Muñoz-González and
  Lupu 2018). It is *disputed* if the same image was also given another digit. Neither ever teaches.
- People mostly correct mistakes, and on honest mistakes of the champion the neighbours sometimes
  err likewise. How often is known from its mistakes on the validation digits. If a day has
  significantly more contradicted and disputed corrections than that (exact one-sided binomial test
  against the upper end of that share's 95 % interval), the day is refused as a flood.
- If significantly more than half of a day's corrections name one digit, it is refused as a burst.
- Copies of validation and test digits never teach, nor what exceeds the hourly limit.

What is accepted is capped: repeated a few times at most, and a small share of the training set.
Every fifth accepted image, chosen by its content, is kept from training for good: by these the
effect is measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from ann_models.datasets import Dataset
from ann_models.evaluation import wilson_interval
from pipelines.feedback.requests import Corrections

ACCEPTED, CONTRADICTED, DISPUTED = "accepted", "contradicted", "disputed"
COPY, TOO_MANY, REFUSED_DAY = "copy of a held-out digit", "over the hourly limit", "refused day"
ONE_IN = 5  # accepted images kept from training
HOUR, DAY = 3600, 86_400  # seconds


@dataclass(frozen=True)
class Policy:
    """Every threshold of the rule.

    Attributes:
        most_an_hour: corrections of one hour that are taken.
        most_repeats: how often a correction may be in the training data.
        largest_share: of the training digits' number, for all corrections and their repeats.
        significance: level of each test of a day.
        largest_digit_share: of a day's corrections that may name one digit.
    """

    most_an_hour: int = 100
    most_repeats: int = 10
    largest_share: float = 0.05
    significance: float = 0.001
    largest_digit_share: float = 0.5


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of corrections besides what they say.

    Attributes:
        champion: the digit that the champion names, (n,).
        neighbours: the digit that all nearest training digits bear, −1 if they differ, (n,).
        copies: whether it is a copy of a validation or test digit, (n,) of bool.
        shared_mistakes: of the champion's mistakes on the validation digits, how many the
            neighbours make likewise.
        mistakes: how many mistakes the champion makes there.
    """

    champion: np.ndarray
    neighbours: np.ndarray
    copies: np.ndarray
    shared_mistakes: int
    mistakes: int


@dataclass(frozen=True, eq=False)
class Judgement:
    """The verdict on each correction, and why days were refused.

    Attributes:
        verdicts: one of the words above for each correction.
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
    keys = found.keys
    said = Counter(keys)  # image and digit together are unique: twice is two digits for one image
    disputed = np.array([said[key] > 1 for key in keys], bool)
    witnesses_agree = evidence.champion == evidence.neighbours
    contradicted = witnesses_agree & (evidence.champion != found.digits)
    allowed = wilson_interval(evidence.shared_mistakes, max(evidence.mistakes, 1))[1]

    refusals: dict[int, str] = {}
    days = (found.times // DAY).astype(int)
    for day in np.unique(days):
        which = days == day
        suspects = int((contradicted | disputed)[which].sum())
        digits = np.bincount(found.digits[which], minlength=10)
        if sentence := _flood(suspects, int(which.sum()), allowed, policy) or _burst(
            digits, policy
        ):
            date = datetime.fromtimestamp(int(day) * DAY, UTC).date()
            refusals[int(day)] = f"The corrections of {date} are refused: {sentence}"

    late = _over_the_limit(found.times, policy.most_an_hour)
    rules = (  # the first that applies
        (np.isin(days, list(refusals)), REFUSED_DAY),
        (evidence.copies, COPY),
        (disputed, DISPUTED),
        (contradicted, CONTRADICTED),
        (late, TOO_MANY),
    )
    verdicts = [
        next((word for which, word in rules if which[i]), ACCEPTED) for i in range(len(found))
    ]
    return Judgement(tuple(verdicts), tuple(refusals.values()))


def _flood(suspects: int, all_of_them: int, allowed: float, policy: Policy) -> str:
    p_value = _more_than(suspects, all_of_them, allowed)
    if p_value >= policy.significance:
        return ""
    return (
        f"{suspects} of {all_of_them} are contradicted by the champion and the training digits, or "
        f"by each other; honest ones are in {allowed:.0%} of cases at most (p = {p_value:.1g})."
    )


def _burst(digits: np.ndarray, policy: Policy) -> str:
    most, n = int(digits.max()), int(digits.sum())
    p_value = _more_than(most, n, policy.largest_digit_share)
    if p_value >= policy.significance:
        return ""
    return f"{most} of {n} name the digit {digits.argmax()} (p = {p_value:.1g})."


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
    """Those to train with, and those kept to measure with; an image is always on one side."""
    kept = np.array([int(key[:8], 16) % ONE_IN == 0 for key in accepted.keys], bool)
    return accepted.chosen(~kept), accepted.chosen(kept)


def joined(data: Dataset, taught: Corrections, policy: Policy | None = None) -> tuple[Dataset, int]:
    """The digits with corrections among their training part, and how often each is repeated.

    Validation and test digits stay as they are. Of more corrections than the largest share allows
    the newest are taken.
    """
    policy = policy or Policy()
    room = int(policy.largest_share * len(data.arrays["x_train"]))
    newest = taught.chosen(np.sort(np.argsort(-taught.times, kind="stable")[:room]))
    if not len(newest):
        return data, 0
    repeats = min(policy.most_repeats, room // len(newest))
    arrays = {
        "x_train": _appended(data.arrays["x_train"], [newest.images] * repeats),
        "y_train": _appended(data.arrays["y_train"], [newest.digits] * repeats),
    }
    return Dataset("digits_corrected", data.source, data.arrays | arrays), repeats


def _appended(array: np.ndarray, more: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([array, *more]).astype(array.dtype)
