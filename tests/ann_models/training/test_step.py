"""One batch: masked losses and counts, gradients per replica, penalties in their scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from ann_models.digits.augmentation import Augmentation
from ann_models.entry import SGD, Dense, Dropout, Flatten, Penalty
from ann_models.training import step
from ann_models.training.program import Program
from tests.support.small_trainings import REGRESSION, cubic, images

MASK = tf.constant([1.0, 1.0, 0.0])


def test_the_mean_loss_ignores_masked_examples():
    y, outputs = tf.constant([[0.0], [1.0], [9.0]]), tf.constant([[1.0], [3.0], [0.0]])
    assert float(step.mean_loss("mse", y, outputs, MASK)) == pytest.approx((1 + 4) / 2)


@pytest.mark.parametrize(
    ("loss", "y", "outputs", "correct"),
    [
        ("sparse_categorical_crossentropy", [1, 0, 1], [[0.2, 0.8], [0.3, 0.7], [0.1, 0.9]], 1),
        (
            "categorical_crossentropy",
            [[0.4, 0.6], [0.9, 0.1], [0.0, 1.0]],
            [[0.2, 0.8], [0.3, 0.7], [0.1, 0.9]],
            1,
        ),
        ("binary_crossentropy", [[1.0], [0.0], [1.0]], [[0.6], [0.5], [0.9]], 2),
        ("mse", [[1.0], [0.0], [1.0]], [[1.0], [0.0], [1.0]], 0),
    ],
)
def test_correct_classifications_are_counted_among_unmasked_examples(loss, y, outputs, correct):
    counted = step.count_correct(loss, tf.constant(y), tf.constant(outputs), MASK)
    assert float(counted) == correct


def test_bytes_become_shares_of_255_and_floats_stay():
    data = {
        "x_train": tf.constant([[[0]], [[255]], [[51]]], tf.uint8),
        "y_train": tf.constant([3, 4, 5]),
        "x_val": tf.constant([[7.0]]),
        "y_val": tf.constant([6]),
    }
    x, y = step.examples(data, "train", tf.constant([2, 1]))
    np.testing.assert_allclose(x[:, 0, 0], [0.2, 1.0])
    np.testing.assert_array_equal(y, [5, 4])
    x, y = step.examples(data, "val", tf.constant([0]))
    assert float(x[0, 0]) == 7.0


@pytest.mark.parametrize("replicas", [1, 3])
def test_a_function_gets_the_slice_of_each_replica(replicas):
    stacked = np.arange(4.0 * replicas).reshape(replicas, 4)
    total, twice = step.for_each_replica(
        lambda x: (tf.reduce_sum(x), 2 * x), tf.constant(stacked), replicas
    )
    np.testing.assert_array_equal(total, stacked.sum(axis=1))
    np.testing.assert_array_equal(twice, 2 * stacked)


def a_program(**change):
    variant = replace(REGRESSION, layers=(Dense(1),), optimizer=SGD(0.1), **change)
    return Program(variant, cubic(3), (0, 1))


def test_a_split_that_the_data_lacks_has_no_examples():
    problem = a_program().problem
    assert (problem.size("train"), problem.size("val")) == (3, 0)


def test_a_training_step_moves_each_replica_against_its_own_gradient():
    program = a_program()
    state, problem = program.state, program.problem
    before = state.parameters[0].numpy()
    indices = tf.constant([[0, 1, 2], [2, 0, 1]])
    sums = step.training_step(problem, state, indices, MASK)
    x, y = (problem.data[name].numpy()[:, 0] for name in ("x_train", "y_train"))
    for replica, chosen in enumerate([[0, 1], [2, 0]]):
        kernel, bias = before[replica]
        error = kernel * x[chosen] + bias - y[chosen]
        gradient = 2 * np.array([np.mean(error * x[chosen]), np.mean(error)])
        after = state.parameters[0].numpy()[replica]
        np.testing.assert_allclose(after, before[replica] - 0.1 * gradient, rtol=1e-5)
        assert float(sums.loss[replica]) == pytest.approx(np.sum(error**2), rel=1e-5)


def test_dropout_acts_in_a_training_step():
    program = Program(
        replace(REGRESSION, layers=(Dropout(0.9), Dense(1)), optimizer=SGD(0.1)), cubic(3), (0, 1)
    )
    kernel, bias = program.state.parameters[0].numpy().T[..., None]
    x, y = (program.problem.data[name].numpy()[:, 0] for name in ("x_train", "y_train"))
    without = np.sum((kernel * x + bias - y) ** 2, axis=1)
    indices = tf.constant([[0, 1, 2]] * 2)
    loss = step.training_step(program.problem, program.state, indices, tf.ones(3)).loss
    assert (np.abs(loss - without) > 1e-3).all()


def test_each_step_of_each_seed_distorts_the_examples_in_its_own_way():
    layers, loss = (Flatten(), Dense(3, "softmax")), "sparse_categorical_crossentropy"
    variant = replace(REGRESSION, layers=layers, loss=loss, augmentation=Augmentation(shift=2))
    program = Program(variant, images(12), (0,))
    state, start = program.state, [v.numpy() for v in program.state.checkpointed]

    def loss_of(seed, steps_done):
        state.restore(start)
        state.seeds.assign([seed])
        state.optimizer.iterations.assign(steps_done)
        return float(
            step.training_step(program.problem, state, tf.range(12)[None], tf.ones(12)).loss[0]
        )

    assert loss_of(4, 7) == loss_of(4, 7)
    assert len({loss_of(4, 7), loss_of(5, 7), loss_of(4, 8), loss_of(7, 4)}) == 4


def test_a_validation_step_changes_nothing_and_measures_before_any_step():
    program = a_program()
    state = program.state
    problem = replace(
        program.problem,
        data={name.replace("train", "val"): v for name, v in program.problem.data.items()},
    )
    before = [v.numpy() for v in state.checkpointed]
    sums = step.validation_step(problem, state, tf.constant([[0, 1, 2]] * 2), tf.ones(3))
    for value, variable in zip(before, state.checkpointed, strict=True):
        np.testing.assert_array_equal(value, variable)
    kernel, bias = before[0][0]
    x, y = (problem.data[name].numpy()[:, 0] for name in ("x_val", "y_val"))
    assert float(sums.loss[0]) == pytest.approx(np.sum((kernel * x + bias - y) ** 2), rel=1e-5)


def test_penalties_are_multiplied_by_their_scale():
    program = a_program(penalty=Penalty("l2", 1.0))
    state, indices = program.state, tf.constant([[0, 1, 2]] * 2)
    squares = state.parameters[0].numpy()[:, 0] ** 2  # the bias is not penalised
    start = [v.numpy() for v in state.checkpointed]
    losses = []
    for scale in (0.0, 0.5, 2.0):
        state.restore(start)
        state.penalty_scale.assign(scale)
        losses.append(step.training_step(program.problem, state, indices, tf.ones(3)).loss / 3)
    np.testing.assert_allclose(losses[1] - losses[0], 0.5 * squares, rtol=1e-4)
    np.testing.assert_allclose(losses[2] - losses[0], 2.0 * squares, rtol=1e-4)
