"""Rosenblatt's perceptron: one neuron, a step, a rule that learns from errors (rows 1 and 3)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ann_models.errors import InvalidData


class History(NamedTuple):
    """What the rule did, epoch by epoch.

    Attributes:
        weights: (epochs + 1, features + 1): ω₀, ω₁, … before the first and after each epoch.
        errors: (epochs,): points that were classified wrongly before their update.
    """

    weights: np.ndarray
    errors: np.ndarray


def predict(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The neuron fires, ŷ = 1, where a = ω₀ + ω₁x₁ + … is positive (lecture 2.1).

    Args:
        weights: (features + 1,), the bias ω₀ first.
        x: (points, features).

    Returns:
        (points,) of 0 and 1.
    """
    return (weights[0] + x @ weights[1:] > 0).astype(int)


def accuracy(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """The share of points (points, features) whose class (points,) the neuron gives."""
    return float(np.mean(predict(weights, x) == y))


def learn(x: np.ndarray, y: np.ndarray, max_epochs: int, rng: np.random.Generator) -> History:
    """ω ← ω + (y − ŷ)·(1, x), point by point, until an epoch has no errors (row 1).

    The first weights and each epoch's order of the points are random. Separable points need at
    most (R/γ)² + 2‖ω‖/γ corrections, with R the longest (1, x), γ the margin and ω the first
    weights (Rosenblatt 1958; Novikoff 1962); with others only `max_epochs` ends it.

    Args:
        x: (points, features).
        y: (points,) of 0 and 1.
        max_epochs: passes over the points, at least one.
        rng: draws the first weights and the orders.

    Raises:
        InvalidData: a class other than 0 and 1, or not one class a point.
    """
    if y.shape != x.shape[:1] or not np.isin(y, (0, 1)).all():
        raise InvalidData(
            f"the perceptron needs one class, 0 or 1, for each of its {len(x)} points; "
            f"found shape {y.shape} with values {np.unique(y)[:5]}: pass one column of 0 and 1"
        )
    path, errors = [rng.normal(size=x.shape[1] + 1)], []
    for _ in range(max_epochs):
        weights, wrong = path[-1], 0
        for i in rng.permutation(len(x)):
            error = y[i] - predict(weights, x[i])
            weights = weights + error * np.array([1, *x[i]])
            wrong += int(error != 0)
        path.append(weights)
        errors.append(wrong)
        if wrong == 0:
            break
    return History(np.array(path), np.array(errors))


def lift(x: np.ndarray) -> np.ndarray:
    """(x₁, x₂) → (x₁, x₂, x₁·x₂), the added feature that makes XOR separable (lecture 2.3)."""
    return np.column_stack([x, x[:, 0] * x[:, 1]])
