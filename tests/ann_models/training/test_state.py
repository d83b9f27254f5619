"""The variables of a training: a replica a seed, from a model's weights and back to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from ann_models import networks
from ann_models.entry import BatchNormalization, Dense, Dropout
from ann_models.training.flattening import ParameterLayout
from ann_models.training.state import State
from tests.support.small_trainings import REGRESSION

VARIANT = replace(
    REGRESSION, layers=(Dense(3, "tanh"), BatchNormalization(), Dropout(0.5), Dense(1))
)
REPLICAS = 2


def some_models(count=REPLICAS):
    """Networks whose weights all differ, moving statistics included."""
    models = [networks.build(VARIANT, (2,), seed) for seed in range(count)]
    for seed, model in enumerate(models):
        model.set_weights([w + np.float32(0.1 * (seed + 1)) for w in model.get_weights()])
    return models


@pytest.fixture(params=[True, False], ids=["one vector", "kept apart"])
def state(request):
    model = networks.build(VARIANT, (2,), 7)
    shapes = tuple(tuple(v.shape) for v in model.trainable_variables)
    return State(model, ParameterLayout(shapes, request.param), VARIANT, REPLICAS, steps=10)


def values(variables):
    return [np.asarray(variable) for variable in variables]


def assert_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_replica_begins_with_the_models_weights(state):
    model = networks.build(VARIANT, (2,), 7)
    for weights in state.weights_by_replica():
        assert_equal(weights, model.get_weights())


def test_at_the_start_no_epoch_is_done(state):
    assert state.epoch.numpy() == 0
    assert state.best_epoch.numpy().tolist() == [0] * REPLICAS


def test_one_vector_a_replica_holds_all_trainable_weights(state):
    shapes = [tuple(v.shape) for v in state.parameters]
    if state.layout.one_vector:
        assert shapes == [(REPLICAS, 2 * 3 + 3 + 3 + 3 + 3 + 1)]
    else:
        assert shapes == [(REPLICAS, *shape) for shape in state.layout.shapes]


def test_the_seeds_of_dropout_are_buffers_and_no_weights(state):
    model = networks.build(VARIANT, (2,), 7)
    assert len(state.buffers) == len(model.non_trainable_variables) == 3
    assert len(state.weights_by_replica()[0]) == len(model.get_weights()) == 8
    assert np.issubdtype(np.asarray(state.buffers[-1]).dtype, np.integer)


def test_a_reset_gives_each_replica_the_weights_of_its_model(state):
    models = some_models()
    state.reset(models, [4, 9])
    assert state.seeds.numpy().tolist() == [4, 9]
    for weights, model in zip(state.weights_by_replica(), models, strict=True):
        assert_equal(weights, model.get_weights())


def test_before_the_first_epoch_the_best_weights_are_those_of_the_start(state):
    for models in (some_models(), some_models()[::-1]):
        state.reset(models, [0, 1])
        for weights, model in zip(state.weights_by_replica(best=True), models, strict=True):
            assert_equal(weights, model.get_weights())


def test_a_reset_forgets_the_training_before_it(state):
    state.reset(some_models(), [0, 1])
    before = values(state.optimizer.variables)
    state.optimizer.apply([tf.ones_like(v.value) for v in state.parameters], state.parameters)
    state.epoch.assign(5)
    state.best_epoch.assign([3, 4])
    state.best_loss.assign([0.5, 0.25])
    moved = zip(values(state.optimizer.variables), before, strict=True)
    assert any((now != then).any() for now, then in moved)
    state.reset(some_models(), [0, 1])
    assert_equal(values(state.optimizer.variables), before)
    assert state.epoch.numpy() == 0
    assert state.best_epoch.numpy().tolist() == [0, 0]
    assert state.best_loss.numpy().tolist() == [np.inf, np.inf]
    for weights, model in zip(state.weights_by_replica(), some_models(), strict=True):
        assert_equal(weights, model.get_weights())


def test_what_is_restored_is_what_was_kept(state):
    state.reset(some_models(), [0, 1])
    state.epoch.assign(5)
    state.best_loss.assign([0.5, 0.25])
    kept = values(state.checkpointed)
    for variable in state.checkpointed:
        variable.assign(tf.zeros_like(variable) if variable.dtype != "string" else variable)
    state.restore(kept)
    assert_equal(values(state.checkpointed), kept)
    assert state.epoch.numpy() == 5
    assert_equal(state.weights_by_replica()[1], some_models()[1].get_weights())


def test_too_few_values_cannot_be_restored(state):
    with pytest.raises(ValueError, match="shorter"):
        state.restore(values(state.checkpointed)[:-1])


def test_a_checkpoint_has_the_optimisers_step_the_best_weights_and_the_epoch(state):
    kept = [id(variable) for variable in state.checkpointed]
    for variable in (*state.best, *state.optimizer.variables, state.best_loss, state.best_epoch):
        assert id(variable) in kept
    assert kept[-1] == id(state.epoch)
    assert len(kept) == len(set(kept))


def test_the_best_weights_are_a_copy_of_their_own(state):
    models = some_models()
    state.reset(models, [0, 1])
    for variable in state.network_variables:
        variable.assign(np.zeros(variable.shape))
    assert_equal(state.weights_by_replica(best=True)[0], models[0].get_weights())
    assert not any(weights.any() for weights in state.weights_by_replica()[0])


def test_the_penalty_counts_once_until_told_otherwise(state):
    assert state.penalty_scale.numpy() == 1
