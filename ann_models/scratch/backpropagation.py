"""Backpropagation: the chain rule with memory, for any stack of dense layers (row 14)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ann_models.errors import InvalidData


class Activation(NamedTuple):
    """A nonlinearity g and its derivative, both taken at the weighted sum a."""

    name: str
    value: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]


def _sigmoid(a: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * a))  # 1/(1 + e⁻ᵃ) without overflow


LINEAR = Activation("linear", lambda a: a, np.ones_like)
RELU = Activation("relu", lambda a: np.maximum(0, a), lambda a: np.where(a > 0, 1.0, 0.0))
SIGMOID = Activation("sigmoid", _sigmoid, lambda a: _sigmoid(a) * (1 - _sigmoid(a)))
TANH = Activation("tanh", np.tanh, lambda a: 1 - np.tanh(a) ** 2)


class Dense(NamedTuple):
    """z ↦ g(a) with a = z·W + b: weights (inputs, units), bias (units,)."""

    weights: np.ndarray
    bias: np.ndarray
    activation: Activation


class Gradient(NamedTuple):
    """∂ℓ/∂W and ∂ℓ/∂b of one layer, shaped like its weights and bias."""

    weights: np.ndarray
    bias: np.ndarray


Stack = Sequence[Dense]
Memory = list[tuple[np.ndarray, np.ndarray]]
OutputGradient = Callable[[np.ndarray], np.ndarray]  # ŷ ↦ ∂ℓ/∂ŷ


def glorot(sizes: Sequence[int], activations: Sequence[Activation], seed: int) -> list[Dense]:
    """A stack with `sizes` = inputs, units, units, … (uniform, Glorot & Bengio 2010)."""
    rng = np.random.default_rng(seed)
    return [
        Dense(
            rng.uniform(-1, 1, (inputs, units)) * np.sqrt(6 / (inputs + units)),
            np.zeros(units),
            activation,
        )
        for inputs, units, activation in zip(sizes[:-1], sizes[1:], activations, strict=True)
    ]


def forward(stack: Stack, x: np.ndarray) -> tuple[np.ndarray, Memory]:
    """The output ŷ for inputs x (examples, inputs), and what each layer saw on the way.

    Returns:
        ŷ (examples, units of the last layer); the memory, one pair a layer: its input z and its
        weighted sum a.

    Raises:
        InvalidData: x does not have as many columns as the first layer has inputs.
    """
    if x.ndim != 2 or x.shape[1] != len(stack[0].weights):
        raise InvalidData(
            f"inputs have shape {x.shape}, the first layer takes (examples, "
            f"{len(stack[0].weights)}): reshape the inputs or rebuild the stack"
        )
    z, memory = x, []
    for layer in stack:
        a = z @ layer.weights + layer.bias
        memory.append((z, a))
        z = layer.activation.value(a)
    return z, memory


def backward(stack: Stack, memory: Memory, output_gradient: np.ndarray) -> list[Gradient]:
    """∂ℓ/∂W and ∂ℓ/∂b of every layer, from ∂ℓ/∂ŷ and the forward pass's memory (lecture 6.3.3)."""
    gradients = []
    upstream = output_gradient
    for layer, (z, a) in zip(reversed(stack), reversed(memory), strict=True):
        delta = upstream * layer.activation.derivative(a)  # ∂ℓ/∂a
        gradients.append(Gradient(z.T @ delta, delta.sum(axis=0)))
        upstream = delta @ layer.weights.T  # ∂ℓ/∂z, which the layer below starts from
    return gradients[::-1]


def with_memory(stack: Stack, x: np.ndarray, output_gradient: OutputGradient) -> list[Gradient]:
    """Backpropagation: one pass forward, one back; 3·depth matrix products."""
    y_hat, memory = forward(stack, x)
    return backward(stack, memory, output_gradient(y_hat))


def without_memory(stack: Stack, x: np.ndarray, output_gradient: OutputGradient) -> list[Gradient]:
    """The same chain rule as plain recursion: what is needed is computed again each time.

    As with naive and memoised Fibonacci numbers (row 11) the values are equal, but the cost is
    depth³/3 + 5·depth²/2 + depth/6 matrix products instead of 3·depth. Were z, a and delta
    remembered for each layer k, this would be backpropagation again.
    """

    def z(k: int) -> np.ndarray:
        return x if k == 0 else stack[k - 1].activation.value(a(k))

    def a(k: int) -> np.ndarray:
        return z(k - 1) @ stack[k - 1].weights + stack[k - 1].bias

    def upstream(k: int) -> np.ndarray:
        return output_gradient(z(k)) if k == len(stack) else delta(k + 1) @ stack[k].weights.T

    def delta(k: int) -> np.ndarray:
        return upstream(k) * stack[k - 1].activation.derivative(a(k))

    def gradient(k: int) -> Gradient:
        delta_k = delta(k)
        return Gradient(z(k - 1).T @ delta_k, delta_k.sum(axis=0))

    return [gradient(k) for k in range(1, len(stack) + 1)]


def central_differences(loss: Callable[[np.ndarray], float], w: np.ndarray) -> np.ndarray:
    """∂ℓ/∂wᵢ ≈ (ℓ(w + h·eᵢ) − ℓ(w − h·eᵢ))/2h for each entry of the vector w."""
    h = 1e-5  # between the error of the formula, ∝ h², and that of float64's rounding, ∝ 1/h
    return np.array([(loss(w + h * e) - loss(w - h * e)) / (2 * h) for e in np.eye(len(w))])


def flatten(layers: Sequence[Dense] | Sequence[Gradient]) -> np.ndarray:
    """All weights and biases, or all their gradients, as one vector (parameters,)."""
    return np.concatenate([part.ravel() for layer in layers for part in (layer[0], layer[1])])


def unflatten(stack: Stack, w: np.ndarray) -> list[Dense]:
    """The stack with its weights and biases taken from the vector w (parameters,)."""
    sizes = [part.size for layer in stack for part in layer[:2]]
    parts = iter(np.split(w, np.cumsum(sizes)[:-1]))
    return [
        layer._replace(weights=next(parts).reshape(layer.weights.shape), bias=next(parts))
        for layer in stack
    ]


def relative_errors(gradient: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """|g − r| / max(|g|, |r|) for each partial derivative; 0 where both are 0."""
    scale = np.maximum(np.abs(gradient), np.abs(reference))
    return np.abs(gradient - reference) / np.where(scale > 0, scale, 1)


def matrix_products(compute: Callable[[np.ndarray], object], x: np.ndarray) -> int:
    """How many matrix products `compute(x)` takes that x has a part in."""
    count = 0

    class Counted(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):  # type: ignore
            nonlocal count
            count += ufunc is np.matmul
            plain = [np.asarray(value) for value in inputs]
            return np.asarray(getattr(ufunc, method)(*plain, **kwargs)).view(Counted)

    compute(x.view(Counted))
    return count
