"""Losses from the formulas, and gradients that agree with them."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ann_models.errors import InvalidData
from ann_models.scratch import losses
from ann_models.scratch.backpropagation import central_differences

LOSSES = {
    "squared": (losses.squared_loss, losses.squared_loss_gradient),
    "binary": (losses.binary_cross_entropy, losses.binary_cross_entropy_gradient),
    "categorical": (losses.categorical_cross_entropy, losses.categorical_cross_entropy_gradient),
}
shapes = st.tuples(st.integers(1, 6), st.integers(1, 4))
probabilities = st.floats(0.01, 0.99)


@pytest.mark.parametrize(("loss", "gradient"), LOSSES.values(), ids=LOSSES)
@given(data=st.data(), shape=shapes)
def test_each_gradient_agrees_with_central_differences(loss, gradient, data, shape):
    h = data.draw(arrays(float, shape, elements=probabilities))
    y = data.draw(arrays(float, shape, elements=st.sampled_from([0.0, 1.0])))
    numerical = central_differences(lambda flat: loss(flat.reshape(shape), y), h.ravel())
    np.testing.assert_allclose(gradient(h, y).ravel(), numerical, rtol=1e-4, atol=1e-6)


@given(data=st.data(), m=st.integers(1, 10))
def test_with_two_classes_both_cross_entropies_are_the_same(data, m):
    p = data.draw(arrays(float, (m, 1), elements=probabilities))
    y = data.draw(arrays(float, (m, 1), elements=st.sampled_from([0.0, 1.0])))
    binary = losses.binary_cross_entropy(p, y)
    categorical = losses.categorical_cross_entropy(np.hstack([1 - p, p]), np.hstack([1 - y, y]))
    assert binary == pytest.approx(categorical)


@given(data=st.data(), shape=shapes)
def test_the_loss_of_right_predictions_is_zero_and_no_other_is_lower(data, shape):
    h = data.draw(arrays(float, shape, elements=probabilities))
    y = np.eye(shape[1])[data.draw(arrays(int, shape[0], elements=st.integers(0, shape[1] - 1)))]
    for loss, _ in LOSSES.values():
        assert 0 <= loss(y, y) < 1e-6
        assert loss(h, y) > loss(y, y)


def test_a_confident_mistake_costs_much_but_not_infinitely_much():
    wrong = np.array([[0.0], [1.0]]), np.array([[1.0], [0.0]])
    assert losses.binary_cross_entropy(*wrong) == pytest.approx(-np.log(losses.EPSILON))
    assert np.isfinite(losses.binary_cross_entropy_gradient(*wrong)).all()


def test_the_formulas_give_the_values_worked_out_by_hand():
    h, y = np.array([[0.5], [0.25]]), np.array([[1.0], [0.0]])
    assert losses.squared_loss(h, y) == pytest.approx((0.5**2 + 0.25**2) / 2)
    assert losses.binary_cross_entropy(h, y) == pytest.approx((np.log(2) - np.log(0.75)) / 2)


@pytest.mark.parametrize("function", [part for pair in LOSSES.values() for part in pair])
def test_a_column_against_a_row_is_refused_instead_of_broadcast(function):
    call = partial(function, np.full((3, 1), 0.5), np.ones(3))
    with pytest.raises(InvalidData, match=r"shape \(3, 1\) and targets \(3,\)"):
        call()
