"""One batch: predictions, loss, gradients, and the optimiser's step.

Everything here runs inside the compiled loop of `ann_models.training.loop`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from ann_models.digits.augmentation import augment
from ann_models.entry import Loss, Variant
from ann_models.training.batches import Sums
from ann_models.training.state import State


@dataclass(frozen=True, eq=False)
class Problem:
    """What training does not change.

    Attributes:
        variant: the settings.
        model: computes a network's outputs from given weights; its own are not used.
        data: x_train, y_train and, where they exist, x_val, y_val.
    """

    variant: Variant
    model: keras.Model
    data: Mapping[str, tf.Tensor]

    def size(self, split: str) -> int:
        """Examples in "train" or "val"; 0 where the data set has no such split."""
        name = f"x_{split}"
        return len(self.data[name]) if name in self.data else 0


def training_step(problem: Problem, state: State, indices: tf.Tensor, mask: tf.Tensor) -> Sums:
    """Take one gradient step of every replica and return the batch's sums before it.

    Args:
        problem: the constants of the training.
        state: changed in place: parameters, buffers, optimiser.
        indices: of the batch's training examples, (replicas, batch).
        mask: 1 for an example, 0 for padding, (batch,).
    """
    augmentation = problem.variant.augmentation

    def gradients(replica: Any) -> tuple[tf.Tensor, tf.Tensor, Any, Any]:
        parameters, buffers, chosen, seed = replica
        weights = state.layout.unflatten(parameters)
        x, y = examples(problem.data, "train", chosen)
        if augmentation:
            x = augment(x, augmentation, seed)
        with tf.GradientTape() as tape:  # outside vectorized_map XLA compiles at each call
            tape.watch(weights)
            outputs, buffers, penalties = problem.model.stateless_call(
                weights, buffers, x, training=True, return_losses=True
            )
            loss = mean_loss(problem.variant.loss, y, outputs, mask)
            loss += state.penalty_scale * sum(penalties)
        flattened = state.layout.flatten(tape.gradient(loss, weights))
        return loss, count_correct(problem.variant.loss, y, outputs, mask), flattened, buffers

    steps = tf.fill([state.replicas], tf.cast(state.optimizer.iterations, tf.int32))
    seeds = tf.stack([state.seeds, steps], axis=1)
    loss, correct, gradient, buffers = for_each_replica(
        gradients, (*_values(state), indices, seeds), state.replicas
    )
    apply_gradients(state, gradient)
    for variable, value in zip(state.buffers, buffers, strict=True):
        variable.assign(value)
    return Sums(loss * tf.reduce_sum(mask), correct)


def validation_step(problem: Problem, state: State, indices: tf.Tensor, mask: tf.Tensor) -> Sums:
    """Evaluate every replica on a batch of validation examples; nothing is changed.

    Args:
        problem: the constants of the training.
        state: whose networks are evaluated.
        indices: of the batch's validation examples, (replicas, batch).
        mask: 1 for an example, 0 for padding, (batch,).
    """

    def evaluate(replica: Any) -> tuple[tf.Tensor, tf.Tensor]:
        parameters, buffers, chosen = replica
        x, y = examples(problem.data, "val", chosen)
        outputs, _, penalties = problem.model.stateless_call(
            state.layout.unflatten(parameters), buffers, x, return_losses=True
        )
        loss = mean_loss(problem.variant.loss, y, outputs, mask)
        loss += state.penalty_scale * sum(penalties)
        return loss, count_correct(problem.variant.loss, y, outputs, mask)

    loss, correct = for_each_replica(evaluate, (*_values(state), indices), state.replicas)
    return Sums(loss * tf.reduce_sum(mask), correct)


def examples(
    data: Mapping[str, tf.Tensor], split: str, indices: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The examples at `indices` (batch,): x (batch, …), from bytes to [0, 1], and y (batch, …)."""
    x, y = (tf.gather(data[f"{name}_{split}"], indices) for name in "xy")
    return (tf.cast(x, tf.float32) / 255 if x.dtype == tf.uint8 else x), y


def mean_loss(loss: Loss, y: tf.Tensor, outputs: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The mean loss (scalar) of the examples that the mask (batch,) keeps."""
    return tf.reduce_sum(keras.losses.get(loss)(y, outputs) * mask) / tf.reduce_sum(mask)


def count_correct(loss: Loss, y: tf.Tensor, outputs: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """How many (scalar) of the examples that the mask keeps are classified correctly.

    Args:
        loss: which form targets and outputs have; with "mse" nothing is classified: 0.
        y: classes (batch,), or one column of 0 and 1, or probabilities (batch, classes).
        outputs: (batch, classes), or (batch, 1): class 1 above ½.
        mask: (batch,).
    """
    match loss:
        case "sparse_categorical_crossentropy":
            correct = tf.equal(tf.argmax(outputs, -1, tf.int32), tf.cast(y, tf.int32))
        case "categorical_crossentropy":
            correct = tf.equal(tf.argmax(outputs, -1), tf.argmax(y, -1))
        case "binary_crossentropy":
            correct = tf.equal(outputs[:, 0] > 0.5, tf.reshape(y, [-1]) > 0.5)
        case "mse":
            return tf.constant(0.0)
    return tf.reduce_sum(tf.cast(correct, tf.float32) * mask)


def for_each_replica(function: Callable[[Any], Any], stacked: Any, replicas: int) -> Any:
    """Apply a function to each replica's slice of nested tensors (replicas, …), vectorised."""
    if replicas > 1:
        return tf.vectorized_map(function, stacked, warn=False)  # of operations run in a loop
    one = tf.nest.map_structure(lambda t: tf.squeeze(t, 0), stacked)
    return tf.nest.map_structure(lambda t: tf.expand_dims(t, 0), function(one))


def apply_gradients(state: State, gradients: list[tf.Tensor]) -> None:
    """Take the optimiser's step, outside any of `tf.distribute`'s replicas.

    Inside one, Keras sums over them by a gradient that TensorFlow registers indefinitely, and with
    it this program and its data.
    """
    tf.distribute.get_replica_context().merge_call(
        lambda _: state.optimizer.apply(gradients, state.parameters)
    )


def _values(state: State) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
    parameters = [variable.value.value() for variable in state.parameters]
    return parameters, [variable.value.value() for variable in state.buffers]
