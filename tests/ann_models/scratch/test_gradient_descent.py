"""The three updates: their formulas, and Keras's optimisers."""

from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ann_models.scratch.gradient_descent import State, adam, descend, momentum, plain

vectors = arrays(float, 3, elements=st.floats(-10, 10))


@given(start=vectors, curvature=arrays(float, 3, elements=st.floats(0, 15)))
def test_plain_descent_on_a_parabola_shrinks_each_weight_by_a_constant_factor(start, curvature):
    path = descend(partial(plain, rate=0.1), lambda w: curvature * w, start, steps=5)
    factors = (1 - 0.1 * curvature) ** np.arange(6)[:, None]
    np.testing.assert_allclose(path, start * factors, atol=1e-9)


@given(gradient=vectors)
def test_momentum_under_a_constant_force_nears_ten_times_the_plain_step(gradient):
    path = descend(partial(momentum, rate=0.1, beta=0.9), lambda w: gradient, np.zeros(3), 300)
    np.testing.assert_allclose(path[-1] - path[-2], -gradient, atol=1e-9)


@given(gradient=vectors, scale=st.floats(0.01, 100))
def test_adams_first_step_has_the_same_length_whatever_the_gradients_scale(gradient, scale):
    assume((np.abs(gradient) > 0.01).all())
    state = adam(State(np.zeros(3)), scale * gradient, rate=0.1)
    np.testing.assert_allclose(state.w, -0.1 * np.sign(gradient), rtol=1e-2)


def test_a_path_begins_at_its_start_and_has_one_point_a_step():
    start = np.array([1.0, 2.0])
    path = descend(plain, lambda w: w, start, steps=4)
    assert path.shape == (5, 2)
    np.testing.assert_array_equal(path[0], start)
    np.testing.assert_array_equal(descend(plain, lambda w: w, start, steps=0), [start])


def test_an_update_leaves_the_state_it_was_given_as_it_was():
    state = State(np.ones(2), np.ones(2), np.ones(2), 1)
    for update in (plain, momentum, adam):
        assert update(state, np.ones(2)).t == 2
    np.testing.assert_array_equal(np.concatenate(state[:3]), np.ones(6))
    assert state.t == 1


@pytest.mark.parametrize("name", ["plain", "momentum", "adam"])
def test_each_update_walks_the_path_of_kerass_optimiser(name):
    import keras

    update, optimiser = {
        "plain": (plain, keras.optimizers.SGD(0.1)),
        "momentum": (momentum, keras.optimizers.SGD(0.1, momentum=0.9)),
        "adam": (adam, keras.optimizers.Adam(0.1)),
    }[name]
    start, target = np.array([1.0, -2.0, 3.0]), np.array([0.5, 0.5, 0.5])
    path = descend(update, lambda w: w - target, start, steps=20)

    weights = keras.Variable(start, dtype="float64")
    for expected in path[1:]:
        optimiser.apply([keras.ops.convert_to_tensor(weights.numpy() - target)], [weights])
        np.testing.assert_allclose(weights.numpy(), expected, rtol=1e-4)
