"""Does what arrives still look like what was learned? Two samples in, findings out.

A measure has drifted if its change is both significant and large: with enough traffic every
difference is significant, and with little traffic every sample differs by chance. The tests share
one error rate by Bonferroni's correction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COMPONENTS = 20  # of the embedding; they hold 64 % of MNIST's variance
LEAST_VARIANCE = 1e-6  # of a component, as a share of the first one's
PERMUTATIONS = 999
FAMILY_LEVEL = 0.01  # probability of one significant test or more without any drift

# From which size on a significant change matters. Kolmogorov's distance is the largest gap between
# two distribution functions; 0.25 of the population stability index is the usual sign of a major
# shift (Siddiqi, "Credit risk scorecards", 2006); the energy coefficient is 0 for equal
# distributions and 1 for points far apart.
LEAST = {"ink": 0.15, "confidence": 0.15, "classes": 0.25, "embedding": 0.02}


@dataclass(frozen=True, eq=False)
class Sample:
    """Digits and what a model made of them.

    Attributes:
        images: (n, 28, 28) in [0, 1].
        probabilities: the model's answers, (n, classes).
    """

    images: np.ndarray
    probabilities: np.ndarray

    @property
    def ink(self) -> np.ndarray:
        """Mean of each image's pixels, (n,)."""
        return self.images.mean(axis=(1, 2))

    @property
    def confidence(self) -> np.ndarray:
        """Probability of each image's named digit, (n,)."""
        return self.probabilities.max(axis=1)

    @property
    def class_counts(self) -> NDArray[np.int64]:
        """How often each class is named, (classes,)."""
        return np.bincount(self.probabilities.argmax(axis=1), minlength=self.probabilities.shape[1])


@dataclass(frozen=True)
class Finding:
    """One measure's change.

    Attributes:
        size: how far the two samples are apart.
        least: the size from which it matters.
        p_value: the probability of such a size, or a larger one, without drift.
        level: below which p_value is significant.
    """

    size: float
    least: float
    p_value: float
    level: float

    @property
    def drifted(self) -> bool:
        """Whether the change is both large and significant."""
        return bool(self.size >= self.least and self.p_value < self.level)


class Embedding:
    """Principal components of digits (Pearson 1901), each scaled to variance 1."""

    def __init__(self, images: np.ndarray) -> None:
        """Fit to images (n, 28, 28)."""
        flat = images.reshape(len(images), -1).astype(np.float64)
        self._mean = flat.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(flat - self._mean, rowvar=False))
        kept = values > LEAST_VARIANCE * values[-1]  # few pictures have fewer components
        self._axes = (vectors[:, kept] / np.sqrt(values[kept]))[:, -COMPONENTS:]

    def __call__(self, images: np.ndarray) -> NDArray[np.float64]:
        """Images (n, 28, 28) → (n, COMPONENTS)."""
        return (images.reshape(len(images), -1) - self._mean) @ self._axes


def compare(
    recent: Sample, reference: Sample, embedding: Embedding, seed: int = 0
) -> dict[str, Finding]:
    """Compare recent traffic with digits that the model did not train on.

    Ink and confidence by the two-sample Kolmogorov–Smirnov test, the named digits by χ² and the
    population stability index, the embedding by the energy test.
    """
    from scipy.stats import chi2_contingency, ks_2samp

    found: dict[str, tuple[float, float]] = {}
    for name in ("ink", "confidence"):
        test = ks_2samp(getattr(recent, name), getattr(reference, name), method="asymp")
        found[name] = float(test.statistic), float(test.pvalue)
    counts = np.stack([recent.class_counts, reference.class_counts])
    counts = counts[:, counts.any(axis=0)]
    found["classes"] = stability_index(*counts), float(chi2_contingency(counts).pvalue)
    found["embedding"] = energy_test(embedding(recent.images), embedding(reference.images), seed)
    level = FAMILY_LEVEL / len(found)
    return {name: Finding(size, LEAST[name], p, level) for name, (size, p) in found.items()}


def drifted(findings: Mapping[str, Finding]) -> list[str]:
    """The measures that drifted, by name."""
    return [name for name, finding in findings.items() if finding.drifted]


def stability_index(counts: np.ndarray, reference: np.ndarray) -> float:
    """Population stability index Σ (p − q) ln(p / q) of two counts (k,); half an example each more.

    The added half keeps an empty class finite.
    """
    p, q = ((c + 0.5) / (c + 0.5).sum() for c in (counts, reference))
    return float(((p - q) * np.log(p / q)).sum())


def energy_test(x: np.ndarray, y: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """Are two samples of one distribution? Energy coefficient and p-value by permutation.

    The coefficient is (2E|X−Y| − E|X−X′| − E|Y−Y′|) / 2E|X−Y|, between 0 and 1 (Székely and Rizzo,
    "Energy statistics", 2013). The p-value counts the sample itself among the permutations, so that
    it is never 0 (Phipson and Smyth 2010).

    Args:
        x: (n, d).
        y: (m, d).
        seed: of the permutations.
    """
    from scipy.spatial.distance import cdist

    both = np.concatenate([x, y])
    distances = cdist(both, both)
    member = np.zeros((len(both), PERMUTATIONS + 1))
    member[: len(x), 0] = 1
    rng = np.random.default_rng(seed)
    for column in range(1, PERMUTATIONS + 1):
        member[rng.permutation(len(both))[: len(x)], column] = 1
    towards_x = distances @ member
    within_x = (member * towards_x).sum(axis=0)
    between = ((1 - member) * towards_x).sum(axis=0)
    within_y = distances.sum() - within_x - 2 * between
    n, m = len(x), len(y)
    mean_between = between / (n * m)
    apart = 2 * mean_between - within_x / n**2 - within_y / m**2
    if not mean_between[0]:  # all distances are 0
        return 0.0, 1.0
    coefficients = apart / (2 * mean_between)
    as_far = np.count_nonzero(coefficients >= coefficients[0] - 1e-12)
    return float(coefficients[0]), float(as_far / (PERMUTATIONS + 1))


def unusualness(
    images: np.ndarray, reference: np.ndarray, embedding: Embedding
) -> NDArray[np.float64]:
    """Mean distance of each image to the reference digits in the embedding, (n,)."""
    from scipy.spatial.distance import cdist

    return cdist(embedding(images), embedding(reference)).mean(axis=1)
