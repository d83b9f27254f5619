"""Loss functions and their gradients with respect to the predictions, from the formulas (row 12).

Predictions h and targets y have one shape. As in Keras, probabilities are kept EPSILON away from
0 and 1, so that a confident mistake costs much but not infinitely much.
"""

from __future__ import annotations

import numpy as np

from ann_models.errors import InvalidData

EPSILON = 1e-7


def squared_loss(h: np.ndarray, y: np.ndarray) -> float:
    """1/m Σ (h − y)², for regression (lecture 6.3.2)."""
    _require_same_shape(h, y)
    return float(np.mean((h - y) ** 2))


def squared_loss_gradient(h: np.ndarray, y: np.ndarray) -> np.ndarray:
    """∂ℓ/∂h = 2(h − y)/m."""
    _require_same_shape(h, y)
    return 2 * (h - y) / h.size


def binary_cross_entropy(h: np.ndarray, y: np.ndarray) -> float:
    """−1/m Σ y·log h + (1 − y)·log(1 − h), for classes 0 and 1 (lecture 6.3.2)."""
    _require_same_shape(h, y)
    h = np.clip(h, EPSILON, 1 - EPSILON)
    return float(-np.mean(y * np.log(h) + (1 - y) * np.log(1 - h)))


def binary_cross_entropy_gradient(h: np.ndarray, y: np.ndarray) -> np.ndarray:
    """∂ℓ/∂h = (h − y)/(h(1 − h))/m."""
    _require_same_shape(h, y)
    h = np.clip(h, EPSILON, 1 - EPSILON)
    return (h - y) / (h * (1 - h)) / h.size


def categorical_cross_entropy(h: np.ndarray, y: np.ndarray) -> float:
    """−1/m Σᵢ Σₖ yᵢₖ·log hᵢₖ, rows of h (m, classes) summing to one, y one-hot (row 12)."""
    _require_same_shape(h, y)
    return float(-np.sum(y * np.log(np.clip(h, EPSILON, 1 - EPSILON))) / len(h))


def categorical_cross_entropy_gradient(h: np.ndarray, y: np.ndarray) -> np.ndarray:
    """∂ℓ/∂h = −(y/h)/m."""
    _require_same_shape(h, y)
    return -y / np.clip(h, EPSILON, 1 - EPSILON) / len(h)


def _require_same_shape(h: np.ndarray, y: np.ndarray) -> None:
    if h.shape != y.shape:  # broadcasting (m, 1) against (m,) would average m² differences
        raise InvalidData(
            f"predictions have shape {h.shape} and targets {y.shape}: reshape one to the other"
        )
