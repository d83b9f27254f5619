"""An entry's optimiser becomes Keras's, with its rate by step."""

import keras
import numpy as np
import pytest

from ann_models.entry import SGD, Adam, CosineDecay
from ann_models.training import optimizers


def rates(settings, steps, *places):
    """The learning rate before each of these steps."""
    schedule = optimizers.build(settings, steps)._learning_rate
    return [float(schedule(step)) for step in places]


def test_adam_has_the_entrys_rate_and_no_decay_of_the_weights():
    optimizer = optimizers.build(Adam(0.01), 10)
    assert isinstance(optimizer, keras.optimizers.Adam)
    assert float(optimizer.learning_rate) == pytest.approx(0.01)
    assert optimizer.weight_decay is None


def test_adam_shrinks_the_weights_where_told():
    assert optimizers.build(Adam(weight_decay=0.05), 10).weight_decay == 0.05


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_gradient_descent_has_the_entrys_momentum(momentum):
    optimizer = optimizers.build(SGD(0.1, momentum), 10)
    assert isinstance(optimizer, keras.optimizers.SGD)
    assert (float(optimizer.learning_rate), optimizer.momentum) == (pytest.approx(0.1), momentum)


@pytest.mark.parametrize("settings", [Adam(CosineDecay(0.2)), SGD(CosineDecay(0.2))])
def test_a_cosine_falls_from_its_peak_to_zero(settings):
    assert rates(settings, 100, 0, 50, 100) == pytest.approx([0.2, 0.1, 0], abs=1e-7)
    quarter = 0.1 * (1 + np.cos(np.pi / 4))
    assert rates(settings, 100, 25) == pytest.approx([quarter])


def test_a_warm_up_rises_in_a_line_before_the_cosine_falls():
    settings = Adam(CosineDecay(0.2, warmup=0.2))
    found = rates(settings, 100, 0, 10, 20, 60, 100)
    assert found == pytest.approx([0, 0.1, 0.2, 0.1, 0], abs=1e-7)


def test_a_warm_up_of_less_than_half_a_step_is_none():
    assert rates(Adam(CosineDecay(0.2, warmup=0.04)), 10, 0) == pytest.approx([0.2])
    assert rates(Adam(CosineDecay(0.2, warmup=0.06)), 10, 0, 1) == pytest.approx([0, 0.2])


def test_a_warm_up_of_almost_all_steps_leaves_one_to_fall_in():
    found = rates(Adam(CosineDecay(0.2, warmup=0.99)), 10, 0, 9, 10)
    assert found == pytest.approx([0, 0.2, 0], abs=1e-7)
