"""Rosenblatt's rule: it ends where points can be separated, and only there."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ann_models.errors import InvalidData
from ann_models.scratch import perceptron

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
XOR = np.array([0, 1, 1, 0])

coordinates = st.floats(-3, 3)
seeds = st.integers(0, 2**32 - 1)


@settings(deadline=None)
@given(
    x=arrays(float, st.tuples(st.integers(1, 30), st.just(2)), elements=coordinates),
    normal=arrays(float, 3, elements=coordinates),
    seed=seeds,
)
def test_separable_points_need_no_more_corrections_than_novikoffs_bound(x, normal, seed):
    assume(np.linalg.norm(normal) > 0.1)
    with_1 = np.column_stack([np.ones(len(x)), x])
    distances = with_1 @ normal / np.linalg.norm(normal)
    margin = np.abs(distances).min()
    assume(margin > 0.1)
    y = (distances > 0).astype(int)
    longest = np.linalg.norm(with_1, axis=1).max()

    history = perceptron.learn(x, y, max_epochs=5000, rng=np.random.default_rng(seed))

    start = np.linalg.norm(history.weights[0])
    assert history.errors[-1] == 0
    assert perceptron.accuracy(history.weights[-1], x, y) == 1
    assert history.errors.sum() <= (longest / margin) ** 2 + 2 * start / margin


@given(weights=arrays(float, 3, elements=st.floats(-1e6, 1e6)))
def test_no_line_gives_more_than_three_of_the_four_points_of_xor(weights):
    assert perceptron.accuracy(weights, CORNERS, XOR) <= 3 / 4


@settings(deadline=None)
@given(seed=seeds)
def test_xor_is_learned_once_the_product_of_its_inputs_is_added(seed):
    lifted = perceptron.lift(CORNERS)
    history = perceptron.learn(lifted, XOR, max_epochs=1000, rng=np.random.default_rng(seed))
    np.testing.assert_array_equal(perceptron.predict(history.weights[-1], lifted), XOR)


def test_xor_without_it_is_given_up_after_the_last_epoch():
    history = perceptron.learn(CORNERS, XOR, max_epochs=7, rng=np.random.default_rng(0))
    assert len(history.errors) == 7
    assert history.errors.min() > 0


def test_the_history_holds_the_first_weights_and_those_after_each_epoch():
    y = CORNERS.min(axis=1)
    history = perceptron.learn(CORNERS, y, max_epochs=100, rng=np.random.default_rng(0))
    assert history.weights.shape == (len(history.errors) + 1, 3)
    np.testing.assert_array_equal(history.weights[-1], history.weights[-2])  # no more mistakes


def test_a_neuron_whose_sum_is_zero_does_not_fire():
    assert perceptron.predict(np.array([-1.0, 1.0]), np.array([[1.0]])) == [0]


@pytest.mark.parametrize(
    "y", [np.array([-1, 1, 1, -1]), np.array([0, 1]), XOR[:, None]], ids=["signs", "few", "column"]
)
def test_targets_that_are_not_one_class_a_point_are_refused(y):
    with pytest.raises(InvalidData, match="0 or 1, for each of its 4 points"):
        perceptron.learn(CORNERS, y, max_epochs=1, rng=np.random.default_rng(0))
