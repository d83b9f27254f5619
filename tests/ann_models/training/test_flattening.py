"""Weights are unflattened as they were flattened."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ann_models.training.flattening import ParameterLayout

SHAPES = st.lists(st.lists(st.integers(1, 4), max_size=3).map(tuple), min_size=1, max_size=5)


def weights_of(shapes):
    rng = np.random.default_rng(0)
    return [np.asarray(rng.random(shape), np.float32) for shape in shapes]


@pytest.mark.parametrize("one_vector", [True, False])
@settings(max_examples=25, deadline=None)
@given(shapes=SHAPES)
def test_unflatten_is_the_inverse_of_flatten(one_vector, shapes):
    layout = ParameterLayout(tuple(shapes), one_vector)
    weights = weights_of(shapes)
    for one, other in zip(weights, layout.unflatten(layout.flatten(weights)), strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.shape == tuple(other.shape)


def test_one_vector_holds_the_weights_in_their_order():
    weights = weights_of([(2, 3), (3,), ()])
    (vector,) = ParameterLayout(tuple(w.shape for w in weights), True).flatten(weights)
    np.testing.assert_array_equal(vector, np.concatenate([w.ravel() for w in weights]))


def test_weights_that_are_kept_apart_are_unchanged():
    weights = weights_of([(2, 3), (3,)])
    kept = ParameterLayout(tuple(w.shape for w in weights), one_vector=False).flatten(weights)
    assert [tuple(w.shape) for w in kept] == [(2, 3), (3,)]
