"""The lecture's first principles, measured: perceptron, recursion, losses, descent, chain rule."""

from __future__ import annotations

import timeit
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ann_models.figures import first_principles as figures
from ann_models.findings import Findings
from ann_models.scratch import backpropagation as chain_rule
from ann_models.scratch import gradient_descent as optimisers
from ann_models.scratch import losses as formulas
from ann_models.scratch import perceptron as rosenblatt
from ann_models.scratch import recursion as recursive
from ann_models.scratch.backpropagation import RELU, SIGMOID, TANH

if TYPE_CHECKING:
    from ann_models.datasets import Dataset
    from ann_models.entry import Variant
    from ann_models.training.trainer import Training

LONG = 0.05  # seconds, beside which the machine's other work is little
GATES = ("AND", "OR", "XOR")  # the columns of the data set "gates"


def perceptron(variant: Variant, data: Dataset, training: Training | None) -> Findings:
    """One neuron learns AND and OR; XOR never passes three of four (row 1)."""
    x, gates = data.arrays["x_train"], dict(zip(GATES, data.arrays["y_train"].T, strict=True))
    histories = {
        gate: rosenblatt.learn(x, y, variant.epochs, np.random.default_rng(4))
        for gate, y in gates.items()
    }
    accuracy = {gate: _accuracy(histories[gate], x, y) for gate, y in gates.items()}
    return Findings(
        metrics={
            "and_accuracy": accuracy["AND"][-1],
            "or_accuracy": accuracy["OR"][-1],
            "xor_best_accuracy": accuracy["XOR"].max(),
        }
        | {f"{gate.lower()}_epochs": len(accuracy[gate]) for gate in GATES},
        curves={f"{gate.lower()}_mistakes": histories[gate].errors for gate in GATES}
        | {f"{gate.lower()}_accuracy": accuracy[gate] for gate in GATES},
        figures={
            "decision_lines": figures.decision_lines(
                x, {gate: (y, histories[gate].weights) for gate, y in gates.items()}
            ),
            "mistakes": figures.errors_per_epoch(
                {gate: history.errors for gate, history in histories.items()}
            ),
        },
        tables={f"{gate.lower()}_weights": _weights(histories[gate]) for gate in GATES},
    )


def xor_kernel(variant: Variant, data: Dataset, training: Training | None) -> Findings:
    """With the added feature x₁·x₂ the same rule separates XOR (row 3)."""
    x, y = rosenblatt.lift(data.arrays["x_train"]), data.arrays["y_train"][:, 0]
    history = rosenblatt.learn(x, y, variant.epochs, np.random.default_rng(4))
    accuracy = _accuracy(history, x, y)
    return Findings(
        metrics={"train_accuracy": accuracy[-1], "epochs": len(accuracy)},
        curves={"train_accuracy": accuracy, "mistakes": history.errors},
        figures={
            "lifted_space": figures.lifted_space(x, y, history.weights[-1]),
            "mistakes": figures.errors_per_epoch({"XOR with $x_1x_2$": history.errors}),
        },
        tables={"weights": _weights(history)},
    )


def relu_shapes(variant: Variant, data: Dataset, training: Training | None) -> Findings:
    """One ReLU, shifted, scaled and flipped (row 6)."""
    x, h = np.linspace(-1.5, 1.5, 301), RELU.value
    shapes = {
        "h(x)": h(x),
        "h(x - 0.5)": h(x - 0.5),
        "h(-2x)": h(-2 * x),
        "-h(-2x - 1)": -h(-2 * x - 1),
    }
    return Findings(figures={"relu_shapes": figures.relu_shapes(x, shapes)})


def recursion(variant: Variant, data: Dataset, training: Training | None) -> Findings:
    """What memory saves: calls and seconds of Fibonacci numbers, naive and memoised (row 11)."""
    sizes = range(2, 31, 4)
    methods = {
        "factorial": recursive.factorial,
        "naive": recursive.naive_fibonacci,
        "memoised": recursive.memoised_fibonacci,
    }
    calls = {name: [_calls(method, n) for n in sizes] for name, method in methods.items()}
    seconds = {
        name: [_seconds(partial(method, n, Counter())) for n in sizes]
        for name, method in methods.items()
    }
    fibonacci = ("naive", "memoised")
    return Findings(
        metrics={f"{name}_calls": calls[name][-1] for name in fibonacci}
        | {f"{name}_seconds": seconds[name][-1] for name in fibonacci},
        figures={
            "recursion": figures.growth(
                "The Fibonacci number $F_n$ by recursion, with and without memory",
                "n",
                sizes,
                {
                    "calls": {name: calls[name] for name in fibonacci},
                    "seconds": {name: seconds[name] for name in fibonacci},
                },
            )
        },
        tables={
            "recursion": {
                "n": list(sizes),
                **{f"{name}_calls": list(values) for name, values in calls.items()},
                **{f"{name}_seconds": list(values) for name, values in seconds.items()},
            }
        },
    )


def losses(variant: Variant, data: Dataset, training: Training | None) -> Findings:
    """The formulas of squared loss and cross entropy agree with Keras's losses (row 12)."""
    import keras

    rng = np.random.default_rng(12)
    values, targets = rng.normal(size=(2, 1000, 1))
    probabilities = rng.uniform(size=(1000, 1))
    probabilities[:2, 0] = 0, 1  # the formula alone would take log 0 here
    classes = rng.integers(0, 2, size=(1000, 1)).astype(float)
    distributions = rng.dirichlet(np.ones(10), size=1000)
    one_hot = np.eye(10)[rng.integers(0, 10, size=1000)]
    cases = {
        "squared_loss": (
            formulas.squared_loss,
            keras.losses.MeanSquaredError,
            values,
            targets,
        ),
        "binary_cross_entropy": (
            formulas.binary_cross_entropy,
            keras.losses.BinaryCrossentropy,
            probabilities,
            classes,
        ),
        "categorical_cross_entropy": (
            formulas.categorical_cross_entropy,
            keras.losses.CategoricalCrossentropy,
            distributions,
            one_hot,
        ),
    }
    ours = {name: formula(h, y) for name, (formula, _, h, y) in cases.items()}
    theirs = {
        name: float(loss(dtype="float64")(y, h))  # by default Keras rounds to float32
        for name, (_, loss, h, y) in cases.items()
    }
    difference = {name: abs(ours[name] - theirs[name]) for name in cases}
    errors, p = np.linspace(-2, 2, 201), np.linspace(0.005, 0.995, 199)
    return Findings(
        metrics={f"{name}_difference": value for name, value in difference.items()}
        | {"largest_difference": max(difference.values())},
        figures={
            "loss_curves": figures.loss_curves(
                errors,
                _curve(formulas.squared_loss, errors, 0),
                p,
                {y: _curve(formulas.binary_cross_entropy, p, y) for y in (0, 1)},
            )
        },
        tables={
            "agreement": {
                "loss": list(ours),
                "numpy": list(ours.values()),
                "keras": list(theirs.values()),
                "difference": list(difference.values()),
            }
        },
    )


def gradient_descent(variant: Variant, data: Dataset, training: Training | None) -> Findings:
    """ω ← ω − α∇ℓ beside momentum and Adam: `variant.epochs` full-batch steps each (row 13)."""
    x, y = data.arrays["x_train"].astype(float), data.arrays["y_train"][:, 0].astype(float)
    x_with_1 = np.column_stack([np.ones(len(x)), x])  # ω₀ is the bias

    def loss(w: np.ndarray) -> float:
        return formulas.binary_cross_entropy(SIGMOID.value(x_with_1 @ w), y)

    def gradient(w: np.ndarray) -> np.ndarray:
        return x_with_1.T @ (SIGMOID.value(x_with_1 @ w) - y) / len(y)

    updates = {
        "gradient_descent": optimisers.plain,
        "momentum": optimisers.momentum,
        "adam": optimisers.adam,
    }
    start = np.array([0.0, -1.0, -1.0])
    paths = {
        name: optimisers.descend(update, gradient, start, variant.epochs)
        for name, update in updates.items()
    }
    by_step = {name: np.array([loss(w) for w in path]) for name, path in paths.items()}
    w1, w2 = (_around(np.concatenate([path[:, i] for path in paths.values()])) for i in (1, 2))
    return Findings(
        metrics={f"{name}_train_loss": values[-1] for name, values in by_step.items()},
        curves={f"{name}_train_loss": values[1:] for name, values in by_step.items()},
        figures={
            "descent_paths": figures.descent_paths(
                w1,
                w2,
                _loss_surface(x, y, w1, w2),
                {name: path[:, 1:] for name, path in paths.items()},
            ),
            "loss_by_step": figures.loss_by_step(by_step),
        },
        tables={
            "weights": {
                "optimiser": list(paths),
                **{f"w{i}": [float(path[-1, i]) for path in paths.values()] for i in range(3)},
            }
        },
    )


def backpropagation(variant: Variant, data: Dataset, training: Training | None) -> Findings:
    """Backpropagation is right, and its memory is what makes it cheap (row 14)."""
    x, y = (data.arrays[key].astype(float) for key in ("x_train", "y_train"))
    networks = {
        "2-2-1": chain_rule.glorot([2, 2, 1], [SIGMOID, SIGMOID], seed=14),
        "2-8-8-8-1": chain_rule.glorot([2, 8, 8, 8, 1], [TANH, TANH, TANH, SIGMOID], seed=14),
    }
    ours = {name: _by_backpropagation(network, x, y) for name, network in networks.items()}
    references = {
        name: {
            "central_differences": _by_central_differences(network, x, y),
            "gradient_tape": _by_gradient_tape(network, x, y),
        }
        for name, network in networks.items()
    }
    depths = (1, 2, 4, 8, 12, 16, 20, 24)
    products, seconds = _cost_against_depth(depths, x, y)
    return Findings(
        metrics={
            f"{method}_relative_error": max(
                chain_rule.relative_errors(ours[name], references[name][method]).max()
                for name in networks
            )
            for method in ("central_differences", "gradient_tape")
        }
        | {f"{method}_products": counts[-1] for method, counts in products.items()}
        | {f"{method}_seconds": times[-1] for method, times in seconds.items()},
        figures={
            f"gradient_check_{name}": figures.gradient_check(name, ours[name], references[name])
            for name in networks
        }
        | {
            "cost_against_depth": figures.growth(
                "One gradient by the chain rule, with and without memory",
                "layers",
                depths,
                {"matrix products": products, "seconds": seconds},
            )
        },
        tables={
            "cost_against_depth": {
                "layers": list(depths),
                **{f"{method}_products": list(counts) for method, counts in products.items()},
                **{f"{method}_seconds": list(times) for method, times in seconds.items()},
            }
        },
    )


def _by_backpropagation(network: chain_rule.Stack, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The cross entropy's gradient, (parameters,), from one pass forward and one back."""
    output_gradient = partial(formulas.binary_cross_entropy_gradient, y=y)
    return chain_rule.flatten(chain_rule.with_memory(network, x, output_gradient))


def _by_central_differences(network: chain_rule.Stack, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The same gradient from the loss alone."""

    def loss(w: np.ndarray) -> float:
        y_hat, _ = chain_rule.forward(chain_rule.unflatten(network, w), x)
        return formulas.binary_cross_entropy(y_hat, y)

    return chain_rule.central_differences(loss, chain_rule.flatten(network))


def _by_gradient_tape(network: chain_rule.Stack, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The same gradient from TensorFlow, for the same network in Keras."""
    import keras
    import tensorflow as tf

    model = keras.Sequential(
        [
            keras.layers.Dense(len(layer.bias), layer.activation.name, dtype="float64")
            for layer in network
        ]
    )
    model.build((None, x.shape[1]))
    model.set_weights([part for layer in network for part in (layer.weights, layer.bias)])
    with tf.GradientTape() as tape:
        loss = keras.losses.BinaryCrossentropy(dtype="float64")(y, model(x))
    gradients = tape.gradient(loss, model.trainable_variables)
    return np.concatenate([np.ravel(gradient) for gradient in gradients])


def _cost_against_depth(
    depths: Sequence[int], x: np.ndarray, y: np.ndarray
) -> tuple[dict[str, list[int]], dict[str, list[float]]]:
    """Matrix products and seconds of one gradient at each depth, with and without memory."""
    networks = [
        chain_rule.glorot(
            [x.shape[1], *[8] * (depth - 1), 1], [TANH] * (depth - 1) + [SIGMOID], seed=14
        )
        for depth in depths
    ]
    methods = {
        "without_memory": chain_rule.without_memory,
        "with_memory": chain_rule.with_memory,
    }

    output_gradient = partial(formulas.binary_cross_entropy_gradient, y=y)
    products = {
        name: [
            chain_rule.matrix_products(partial(method, network, output_gradient=output_gradient), x)
            for network in networks
        ]
        for name, method in methods.items()
    }
    seconds = {
        name: [_seconds(partial(method, network, x, output_gradient)) for network in networks]
        for name, method in methods.items()
    }
    return products, seconds


def _accuracy(history: rosenblatt.History, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The share of points classified correctly after each epoch, (epochs,)."""
    return np.array([rosenblatt.accuracy(weights, x, y) for weights in history.weights[1:]])


def _weights(history: rosenblatt.History) -> dict[str, list[object]]:
    """One row an epoch, the start as epoch 0."""
    return {
        "epoch": list(range(len(history.weights))),
        **{f"w{i}": column.tolist() for i, column in enumerate(history.weights.T)},
    }


def _calls(method: Callable[[int, Counter[int]], int], n: int) -> int:
    calls: Counter[int] = Counter()
    method(n, calls)
    return calls.total()


def _seconds(compute: Callable[[], object]) -> float:
    """The shortest of three runs: the rest is the machine's other work; one run, if it is long."""
    once = timeit.timeit(compute, number=1)
    return once if once > LONG else min(once, *timeit.repeat(compute, number=1, repeat=2))


def _curve(loss: Callable[[np.ndarray, np.ndarray], float], h: np.ndarray, y: float) -> np.ndarray:
    """The loss of each prediction alone, (predictions,)."""
    return np.array([loss(np.array([value]), np.array([y])) for value in h])


def _around(values: np.ndarray) -> np.ndarray:
    """A grid over the values' range and a tenth more on each side, (40,)."""
    margin = 0.1 * np.ptp(values)
    return np.linspace(values.min() - margin, values.max() + margin, 40)


def _loss_surface(x: np.ndarray, y: np.ndarray, w1: np.ndarray, w2: np.ndarray) -> np.ndarray:
    """The cross entropy over the grid (w2, w1), each point with its best bias, by bisection.

    The derivative by the bias, the mean of σ(a) − y, rises with the bias and is zero at the best.
    """
    inputs = np.stack(np.meshgrid(w1, w2), axis=-1) @ x.T  # (w2, w1, examples)
    high = np.abs(inputs).max(axis=-1, keepdims=True) + 10
    low = -high
    for _ in range(25):
        bias = (low + high) / 2
        too_high = np.mean(SIGMOID.value(inputs + bias) - y, axis=-1, keepdims=True) > 0
        low, high = np.where(too_high, low, bias), np.where(too_high, bias, high)
    a = inputs + (low + high) / 2
    return np.mean(np.logaddexp(0, a) - y * a, axis=-1)
