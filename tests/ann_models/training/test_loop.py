"""The loop over epochs: what it measures, when it stops, which weights it keeps as the best."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from ann_models.datasets import Dataset, generate
from ann_models.entry import SGD, Dense, EarlyStopping
from ann_models.training import loop
from ann_models.training.program import Program
from tests.support.small_trainings import REGRESSION, cubic, images

ONE_LAYER = replace(REGRESSION, layers=(Dense(1),), optimizer=SGD(0.01), batch_size=4)


def orders(chunk: int, replicas: int, examples: int) -> tf.Tensor:
    return tf.tile(tf.range(examples)[None, None], [chunk, replicas, 1])


def with_validation(examples: int = 7) -> Dataset:
    arrays = dict(cubic(examples).arrays)
    held_out = generate("cubic", 1).arrays
    arrays |= {"x_val": held_out["x_train"][:5], "y_val": held_out["y_train"][:5]}
    return Dataset("cubic", "generated", arrays)


@pytest.mark.parametrize(
    ("data", "loss", "names"),
    [
        (cubic(), "mse", ["train_loss"]),
        (with_validation(), "mse", ["train_loss", "val_loss"]),
        (
            images(),
            "sparse_categorical_crossentropy",
            ["train_loss", "train_accuracy", "val_loss", "val_accuracy"],
        ),
    ],
    ids=["regression", "with_validation", "classification"],
)
def test_measures_are_named_after_split_and_kind(data, loss, names):
    program = Program(replace(ONE_LAYER, loss=loss), data, (0,))
    assert loop.measure_names(program.problem) == names


def test_only_the_epochs_asked_for_are_trained_and_the_others_are_nan():
    program = Program(ONE_LAYER, cubic(7), (0, 1))
    history, active = loop.run_epochs(
        program.problem, program.state, orders(3, 2, 7), tf.constant(2)
    )
    assert int(program.state.epoch) == 2
    assert int(program.state.optimizer.iterations) == 2 * 2, "an incomplete batch is a step, too"
    np.testing.assert_array_equal(np.isfinite(history["train_loss"]), [[1, 1], [1, 1], [0, 0]])
    np.testing.assert_array_equal(active, [[1, 1], [1, 1], [0, 0]])


def test_the_validation_loss_is_the_mean_over_all_examples_after_the_epoch():
    data = with_validation()
    program = Program(ONE_LAYER, data, (0, 1))
    history, _ = loop.run_epochs(program.problem, program.state, orders(1, 2, 7), tf.constant(1))
    for replica, (kernel, bias) in enumerate(program.state.parameters[0].numpy()):
        error = kernel * data.arrays["x_val"] + bias - data.arrays["y_val"]
        assert float(history["val_loss"][0, replica]) == pytest.approx(np.mean(error**2), rel=1e-5)


def stopping(patience: int) -> Program:
    variant = replace(ONE_LAYER, early_stopping=EarlyStopping(patience))
    return Program(variant, with_validation(), (0, 1))


def test_a_replica_stops_when_its_best_epoch_is_as_old_as_the_patience():
    program = stopping(patience=3)
    program.state.epoch.assign(10)
    program.state.best_epoch.assign([8, 7])
    stopped = loop.stopped_early(program.state, program.problem)
    np.testing.assert_array_equal(stopped, [False, True])


def test_without_early_stopping_no_replica_stops():
    program = Program(ONE_LAYER, cubic(7), (0, 1))
    program.state.epoch.assign(1000)
    assert not loop.stopped_early(program.state, program.problem).numpy().any()


def test_the_weights_of_a_lower_validation_loss_are_kept_per_running_replica():
    state = stopping(patience=3).state
    state.best_loss.assign([1.0, 1.0])
    state.best_epoch.assign([1, 1])
    state.epoch.assign(5)
    kept = state.best[0].numpy()
    state.parameters[0].assign(kept + 1)
    loop.keep_best(state, tf.constant([0.5, 2.0]), stopped=tf.constant([False, False]))
    np.testing.assert_array_equal(state.best_loss, [0.5, 1.0])
    np.testing.assert_array_equal(state.best_epoch, [5, 1])
    np.testing.assert_array_equal(state.best[0].numpy(), [kept[0] + 1, kept[1]])
    loop.keep_best(state, tf.constant([0.1, 0.1]), stopped=tf.constant([True, True]))
    np.testing.assert_array_equal(state.best_loss, [0.5, 1.0])


def test_an_equal_validation_loss_is_no_improvement():
    state = stopping(patience=3).state
    state.best_loss.assign([1.0, 1.0])
    state.best_epoch.assign([1, 1])
    state.epoch.assign(2)
    loop.keep_best(state, tf.constant([1.0, 1.0]), stopped=tf.constant([False, False]))
    np.testing.assert_array_equal(state.best_epoch, [1, 1])


def test_a_stopped_replica_is_nan_and_inactive_while_the_other_goes_on():
    program = stopping(patience=2)
    state = program.state
    state.epoch.assign(3)
    state.best_epoch.assign([1, 3])
    state.best_loss.assign([0.0, np.inf])
    history, active = loop.run_epochs(program.problem, state, orders(1, 2, 7), tf.constant(1))
    np.testing.assert_array_equal(active, [[False, True]])
    np.testing.assert_array_equal(np.isnan(history["train_loss"]), [[True, False]])
