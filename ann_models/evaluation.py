"""How good are predictions? Arrays in, numbers out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ann_models.errors import InvalidData

if TYPE_CHECKING:
    import keras

CLASSES = 10
SMALLEST = 1e-30  # probability of a digit, so that their sum is never 0
EPSILON = 1e-7  # Keras's distance of a probability from 0 and 1
WORTH_A_GRAPH = 10  # batches from which tracing pays for itself
SPREAD = "spread/"  # before the name of a measure: its standard deviation over the seeds
Z_95 = 1.959964  # the normal distribution's 97.5 % quantile


def predict(model: keras.Model, x: np.ndarray, batch: int = 1000) -> np.ndarray:
    """The model's inference outputs (n, outputs) for x (n, …).

    Keras's own `predict` costs tens of milliseconds before the first answer, which small inputs
    are spared; many batches go through a graph, which is faster than direct calls.
    """
    return predict_each([model], [x], batch)[0][0]


def predict_each(
    models: Sequence[keras.Model], inputs: Sequence[np.ndarray], batch: int = 1000
) -> list[list[np.ndarray]]:
    """By input, each model's inference outputs (n, outputs) for it.

    Args:
        models: of one architecture, so that all share one graph, which is traced once.
        inputs: each (n, …), all alike but for n.
        batch: how many rows are answered at once.
    """
    graph = None
    if any(len(x) >= WORTH_A_GRAPH * batch for x in inputs):
        graph = _graph(models[0], inputs[0])

    def outputs(model: keras.Model, x: np.ndarray) -> np.ndarray:
        def answer(part: np.ndarray) -> np.ndarray:
            return model(part, training=False)

        if graph and len(x) >= WORTH_A_GRAPH * batch:
            answer = partial(graph, *_weights(model))
        starts = range(0, max(len(x), 1), batch)
        return np.concatenate([np.asarray(answer(x[s : s + batch])) for s in starts])

    return [[outputs(model, x) for model in models] for x in inputs]


def _graph(model: keras.Model, x: np.ndarray) -> Callable[..., Any]:
    """The model's outputs as a graph of its weights and of x."""
    import tensorflow as tf

    def answer(trainable: list[Any], others: list[Any], part: Any) -> Any:
        return model.stateless_call(trainable, others, part, training=False)[0]

    weights = [[tf.TensorSpec(w.shape, w.dtype) for w in part] for part in _weights(model)]
    shape = tf.TensorSpec([None, *x.shape[1:]], x.dtype)
    return tf.function(answer, input_signature=[*weights, shape], autograph=False)


def _weights(model: keras.Model) -> tuple[list[Any], list[Any]]:
    """A model's trainable and other variables' values, as tensors."""
    import tensorflow as tf

    parts = (model.trainable_variables, model.non_trainable_variables)
    trainable, others = ([tf.convert_to_tensor(v) for v in part] for part in parts)
    return trainable, others


def digit_probabilities(outputs: np.ndarray) -> np.ndarray:
    """The probabilities (n, 10) of the ten digits, given that it is one.

    Args:
        outputs: (n, 10), or (n, 11) of a network that knows what is no digit.
    """
    if outputs.shape[1] != CLASSES + 1:
        return outputs
    digits = np.maximum(outputs[:, :CLASSES], SMALLEST)
    return digits / digits.sum(axis=1, keepdims=True)


def digit_scores(outputs: np.ndarray) -> np.ndarray:
    """The probability (n,) that a picture is one digit; 1 from a network that knows no other."""
    if outputs.shape[1] != CLASSES + 1:
        return np.ones(len(outputs), np.float32)
    return outputs[:, :CLASSES].sum(axis=1)


def confidences(outputs: np.ndarray) -> np.ndarray:
    """The probability (n,) of the likeliest digit, by which answers are marked as uncertain."""
    return digit_scores(outputs) * digit_probabilities(outputs).max(axis=1)


def named_classes(outputs: np.ndarray) -> np.ndarray:
    """The class (n,) that each row of outputs names.

    Args:
        outputs: (n, classes), of which the largest counts, or (n, 1): class 1 above 0.5.
    """
    if outputs.shape[1] == 1:
        return (outputs[:, 0] > 0.5).astype(np.int32)
    return outputs.argmax(axis=1)


def accuracy(outputs: np.ndarray, labels: np.ndarray) -> float:
    """The share of rows of outputs (n, classes) or (n, 1) that name the right label.

    Raises:
        InvalidData: outputs and labels differ in number.
    """
    _require_pairs(outputs, labels)
    return float(np.mean(named_classes(outputs) == labels.ravel()))


def cross_entropies(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """−log p(label) of each example, (n,), from probabilities (n, classes), labels (n,).

    As in Keras, probabilities are kept EPSILON away from zero. The mean is the loss.

    Raises:
        InvalidData: probabilities and labels differ in number.
    """
    _require_pairs(probabilities, labels)
    named = probabilities[np.arange(len(labels)), labels.ravel()]
    return -np.log(np.clip(named, EPSILON, 1.0))


def confusion_matrix(labels: np.ndarray, named: np.ndarray, classes: int = 10) -> np.ndarray:
    """Counts (classes, classes): how often the row's class was taken for the column's."""
    pairs = labels.astype(np.int64) * classes + named
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def worst_errors(probabilities: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Indices of at most `count` wrongly named examples, the largest loss first."""
    losses = cross_entropies(probabilities, labels)
    wrong = np.flatnonzero(named_classes(probabilities) != labels)
    return wrong[np.argsort(-losses[wrong], kind="stable")][:count]


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % score interval of a proportion (Wilson 1927).

    Raises:
        InvalidData: no trials, or more successes than trials.
    """
    from scipy.stats import binomtest

    if not 0 <= successes <= trials or trials == 0:
        raise InvalidData(f"{successes} successes in {trials} trials are not a proportion.")
    interval = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar(only_first_correct: int, only_second_correct: int) -> float:
    """Two-sided p-value that two classifiers err equally often (McNemar 1947), exact form.

    Only the examples that exactly one of the two classifies correctly count: under the null
    hypothesis each of them is a fair coin's toss.
    """
    from scipy.stats import binomtest

    tosses = only_first_correct + only_second_correct
    return float(binomtest(only_first_correct, tosses).pvalue) if tosses else 1.0


def expected_calibration_error(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = 15
) -> float:
    """How far confidence and accuracy are apart on average (Guo et al. 2017), in [0, 1].

    Args:
        probabilities: (n, classes).
        labels: (n,).
        bins: equal parts of (0, 1] in which the confidences are gathered.

    Raises:
        InvalidData: probabilities and labels differ in number.
    """
    _require_pairs(probabilities, labels)
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = named_classes(probabilities) == labels
    which = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(which, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def spread(name: str, values: Sequence[float] | np.ndarray) -> dict[str, float]:
    """Metrics of one value a seed: the mean as `name`, the standard deviation as `spread/name`.

    MLflow's UI keeps what has a prefix in a section of its own, apart from the means. The standard
    deviation is the sample's (n − 1), which a single value does not have.
    """
    v = np.asarray(values, np.float64)
    if len(v) == 1:
        return {name: float(v[0])}
    return {name: float(v.mean()), f"{SPREAD}{name}": float(v.std(ddof=1))}


def deviation(metrics: Mapping[str, float], name: str) -> float | None:
    """The standard deviation over the seeds, if there are several; in runs of old, too."""
    return metrics.get(f"{SPREAD}{name}", metrics.get(f"{name}_std"))


def angle_between(a: np.ndarray, b: np.ndarray) -> float:
    """The angle in degrees, 0 to 180, between two vectors, e.g. the normals of two lines.

    2·atan(‖u − v‖ / ‖u + v‖) of their unit vectors, exact for small angles too (Kahan 2006).

    Raises:
        InvalidData: a vector without a direction.
    """
    if not a.any() or not b.any():
        raise InvalidData(f"No angle between {a.tolist()} and {b.tolist()}: one of them is zero.")
    u, v = (vector / np.linalg.norm(vector) for vector in (np.float64(a), np.float64(b)))
    return float(np.degrees(2 * np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v))))


def roughness(x: np.ndarray, y: np.ndarray) -> float:
    """∫ y″(x)² dx of a curve on evenly spaced x (Green & Silverman 1994): zero for a line."""
    step = float(x[1] - x[0])
    return float(np.sum((np.diff(y, 2) / step**2) ** 2) * step)


def _require_pairs(outputs: np.ndarray, labels: np.ndarray) -> None:
    if len(outputs) != labels.size:
        raise InvalidData(
            f"{len(outputs)} predictions and {labels.size} labels do not pair up; "
            "both must come from the same examples."
        )
