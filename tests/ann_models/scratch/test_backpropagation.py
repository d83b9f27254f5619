"""Backpropagation: the right gradient, at a cost that the memory keeps low."""

from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ann_models.errors import InvalidData
from ann_models.scratch import backpropagation as bp
from ann_models.scratch.losses import squared_loss, squared_loss_gradient

seeds = st.integers(0, 2**32 - 1)


@st.composite
def stacks(draw, activations=(bp.LINEAR, bp.RELU, bp.SIGMOID, bp.TANH)):
    """Any stack of one to four layers of one to four units, with random biases."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    chosen = [draw(st.sampled_from(activations)) for _ in sizes[1:]]
    seed = draw(seeds)
    stack = bp.glorot(sizes, chosen, seed)
    rng = np.random.default_rng(seed)
    return [layer._replace(bias=rng.normal(size=layer.bias.shape)) for layer in stack]


def examples(stack, seed, count=5):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, len(stack[0].weights)))
    return x, rng.normal(size=(count, len(stack[-1].bias)))


@settings(deadline=None)
@given(stack=stacks(), seed=seeds)
def test_the_gradient_of_any_stack_agrees_with_central_differences(stack, seed):
    x, y = examples(stack, seed)
    _, memory = bp.forward(stack, x)
    kinks = [a for layer, (_, a) in zip(stack, memory, strict=True) if layer.activation is bp.RELU]
    assume(all(np.abs(a).min() > 1e-3 for a in kinks))  # no difference quotient across a kink

    gradient = bp.flatten(bp.with_memory(stack, x, partial(squared_loss_gradient, y=y)))

    numerical = bp.central_differences(
        lambda w: squared_loss(bp.forward(bp.unflatten(stack, w), x)[0], y), bp.flatten(stack)
    )
    np.testing.assert_allclose(gradient, numerical, rtol=1e-5, atol=1e-8)


@settings(deadline=None)
@given(stack=stacks(), seed=seeds)
def test_without_the_memory_the_gradient_is_the_same(stack, seed):
    x, y = examples(stack, seed)
    output_gradient = partial(squared_loss_gradient, y=y)
    np.testing.assert_allclose(
        bp.flatten(bp.without_memory(stack, x, output_gradient)),
        bp.flatten(bp.with_memory(stack, x, output_gradient)),
        rtol=1e-12,
        atol=1e-15,
    )


@pytest.mark.parametrize("depth", [1, 2, 5, 9])
def test_the_memory_turns_a_cost_cubic_in_the_depth_into_a_linear_one(depth):
    stack = bp.glorot([3] * (depth + 1), [bp.TANH] * depth, seed=0)
    x, y = examples(stack, seed=0)
    output_gradient = partial(squared_loss_gradient, y=y)

    def products(method):
        return bp.matrix_products(partial(method, stack, output_gradient=output_gradient), x)

    assert products(bp.with_memory) == 3 * depth
    assert products(bp.without_memory) == (2 * depth**3 + 15 * depth**2 + depth) / 6


@given(stack=stacks())
def test_a_stack_survives_being_flattened(stack):
    again = bp.unflatten(stack, bp.flatten(stack))
    for layer, copy in zip(stack, again, strict=True):
        np.testing.assert_array_equal(layer.weights, copy.weights)
        np.testing.assert_array_equal(layer.bias, copy.bias)
        assert layer.activation is copy.activation


def test_one_sigmoid_unit_gives_the_value_and_gradient_worked_out_by_hand():
    stack = [bp.Dense(np.array([[2.0], [-1.0]]), np.array([0.5]), bp.SIGMOID)]
    x = np.array([[1.0, 2.5]])  # a = 2 − 2.5 + 0.5 = 0
    y_hat, memory = bp.forward(stack, x)
    assert y_hat == [[0.5]]
    (gradient,) = bp.backward(stack, memory, np.array([[1.0]]))
    np.testing.assert_allclose(gradient.weights, [[0.25], [0.625]])
    np.testing.assert_allclose(gradient.bias, [0.25])


@pytest.mark.filterwarnings("error")
def test_the_sigmoid_saturates_without_overflow():
    np.testing.assert_array_equal(bp.SIGMOID.value(np.array([-1e4, 0, 1e4])), [0, 0.5, 1])


def test_the_same_seed_gives_the_same_stack_within_glorots_limits():
    once, again = (bp.glorot([50, 30], [bp.TANH], seed=3) for _ in range(2))
    np.testing.assert_array_equal(once[0].weights, again[0].weights)
    limit = np.sqrt(6 / 80)
    assert 0.95 * limit < np.abs(once[0].weights).max() <= limit


@pytest.mark.parametrize("shape", [(4, 3), (2,)])
def test_inputs_of_another_width_are_refused(shape):
    stack = bp.glorot([2, 1], [bp.LINEAR], seed=0)
    with pytest.raises(InvalidData, match=r"first layer takes \(examples, 2\)"):
        bp.forward(stack, np.zeros(shape))


def test_relative_errors_are_relative_and_zero_where_both_derivatives_are_zero():
    errors = bp.relative_errors(np.array([0.0, 1.0, -2.0]), np.array([0.0, 0.5, 2.0]))
    np.testing.assert_array_equal(errors, [0, 0.5, 2])
