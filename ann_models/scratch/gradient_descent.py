"""Ways down a loss surface: each optimiser is one pure update of its state (row 13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class State(NamedTuple):
    """The state of an optimiser.

    Attributes:
        w: the weights ω, (parameters,).
        m: the gradients so far, older ones fading: the direction of travel.
        s: the squared gradients so far, older ones fading: the scale of each coordinate.
        t: steps taken.
    """

    w: np.ndarray
    m: np.ndarray | float = 0.0
    s: np.ndarray | float = 0.0
    t: int = 0


Update = Callable[[State, np.ndarray], State]


def plain(state: State, gradient: np.ndarray, rate: float = 0.1) -> State:
    """Gradient descent: ω ← ω − α∇ℓ (lecture 6.3.3)."""
    return state._replace(w=state.w - rate * gradient, t=state.t + 1)


def momentum(state: State, gradient: np.ndarray, rate: float = 0.1, beta: float = 0.9) -> State:
    """Momentum: m ← βm + ∇ℓ, ω ← ω − αm (Polyak 1964)."""
    m = beta * state.m + gradient
    return state._replace(w=state.w - rate * m, m=m, t=state.t + 1)


def adam(
    state: State,
    gradient: np.ndarray,
    rate: float = 0.1,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-7,
) -> State:
    """Adam: ω ← ω − α·m̂/(√ŝ + ε), both means freed of their start at zero (Kingma & Ba 2015)."""
    t = state.t + 1
    m = beta1 * state.m + (1 - beta1) * gradient
    s = beta2 * state.s + (1 - beta2) * gradient**2
    m_hat, s_hat = m / (1 - beta1**t), s / (1 - beta2**t)
    return State(state.w - rate * m_hat / (np.sqrt(s_hat) + epsilon), m, s, t)


def descend(
    update: Update, gradient: Callable[[np.ndarray], np.ndarray], start: np.ndarray, steps: int
) -> np.ndarray:
    """The path of ω, shape (steps + 1, parameters), from `start` on."""
    states = [State(start)]
    for _ in range(steps):
        states.append(update(states[-1], gradient(states[-1].w)))
    return np.array([state.w for state in states])
