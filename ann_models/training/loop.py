"""The compiled loop over epochs: the order of the examples in, the measures of each epoch out."""

from __future__ import annotations

from functools import partial

import numpy as np
import tensorflow as tf

from ann_models.training import backends
from ann_models.training.batches import Sums, sum_over_batches
from ann_models.training.state import State
from ann_models.training.step import Problem, training_step, validation_step

EVALUATION_BATCH = 1_000

Measures = dict[str, tf.Tensor]  # by name, such as "val_loss"


def measure_names(problem: Problem) -> list[str]:
    """What is measured in each epoch: a loss a split, and a classifier's accuracy."""
    splits = [split for split in ("train", "val") if problem.size(split)]
    measures = ["loss"] if problem.variant.loss == "mse" else ["loss", "accuracy"]
    return [f"{split}_{measure}" for split in splits for measure in measures]


def run_epochs(
    problem: Problem, state: State, order: tf.Tensor, epochs: tf.Tensor
) -> tuple[Measures, tf.Tensor]:
    """Train for some epochs, fewer if early stopping ends every replica.

    Args:
        problem: the constants of the training.
        state: changed in place.
        order: indices of the training examples, (chunk, replicas, examples).
        epochs: how many of the chunk's orders are used, scalar.

    Returns:
        The measures of each epoch, (chunk, replicas), NaN for a replica that was stopped before
        it; and whether each replica was still training in it, (chunk, replicas).
    """
    chunk = order.shape[0]

    def one_epoch(i: tf.Tensor, history: Measures, active: tf.Tensor) -> tuple:
        stopped = stopped_early(state, problem)
        measures = train_one_epoch(problem, state, order[i]) | validate(problem, state)
        state.epoch.assign_add(1)
        if problem.variant.early_stopping:
            keep_best(state, measures["val_loss"], stopped)
        history = {
            name: _with_row(values, i, tf.where(stopped, np.nan, measures[name]))
            for name, values in history.items()
        }
        return i + 1, history, _with_row(active, i, ~stopped)

    shape = [chunk, state.replicas]
    history = {name: tf.fill(shape, np.nan) for name in measure_names(problem)}
    _, history, active = tf.while_loop(
        lambda i, *_: (i < epochs) & ~tf.reduce_all(stopped_early(state, problem)),
        one_epoch,
        (tf.constant(0), history, tf.zeros(shape, tf.bool)),
    )
    return history, active


def train_one_epoch(problem: Problem, state: State, order: tf.Tensor) -> Measures:
    """One pass over the training examples in the given order (replicas, examples)."""
    sums = sum_over_batches(
        order,
        problem.variant.batch_size,
        partial(training_step, problem, state),
        pad_last_batch=not backends.normalizes_batches(problem.variant),
    )
    return _means("train", sums, problem.size("train"))


def validate(problem: Problem, state: State) -> Measures:
    """One pass over the validation examples; nothing where there are none."""
    count = problem.size("val")
    if not count:
        return {}
    every = tf.tile(tf.range(count)[None], [state.replicas, 1])
    step = partial(validation_step, problem, state)
    return _means("val", sum_over_batches(every, EVALUATION_BATCH, step, True), count)


def stopped_early(state: State, problem: Problem) -> tf.Tensor:
    """Which replicas early stopping has ended, (replicas,)."""
    if problem.variant.early_stopping is None:
        return tf.zeros(state.replicas, tf.bool)
    return state.epoch - state.best_epoch >= problem.variant.early_stopping.patience


def keep_best(state: State, val_loss: tf.Tensor, stopped: tf.Tensor) -> None:
    """Copy the weights of every running replica whose validation loss (replicas,) is its lowest."""
    better = (val_loss < state.best_loss) & ~stopped
    state.best_loss.assign(tf.where(better, val_loss, state.best_loss))
    state.best_epoch.assign(tf.where(better, state.epoch, state.best_epoch))
    for best, now in zip(state.best, state.network_variables, strict=True):
        which = tf.reshape(better, [state.replicas] + [1] * (len(now.shape) - 1))
        best.assign(tf.where(which, now.value, best.value))


def _means(split: str, sums: Sums, examples: int) -> Measures:
    return {f"{split}_loss": sums.loss / examples, f"{split}_accuracy": sums.correct / examples}


def _with_row(table: tf.Tensor, i: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    return tf.tensor_scatter_nd_update(table, [[i]], [row])
