"""Weights come out of a packing as they went in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ann_models.training.flattening import Packing

SHAPES = st.lists(st.lists(st.integers(1, 4), max_size=3).map(tuple), min_size=1, max_size=5)


def weights_of(shapes):
    rng = np.random.default_rng(0)
    return [np.asarray(rng.random(shape), np.float32) for shape in shapes]


@pytest.mark.parametrize("together", [True, False])
@settings(max_examples=25, deadline=None)
@given(shapes=SHAPES)
def test_unpacking_undoes_packing(together, shapes):
    packing = Packing(tuple(shapes), together)
    weights = weights_of(shapes)
    for one, other in zip(weights, packing.unpack(packing.pack(weights)), strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.shape == tuple(other.shape)


def test_together_they_are_one_vector_in_their_order():
    weights = weights_of([(2, 3), (3,), ()])
    (vector,) = Packing(tuple(w.shape for w in weights), together=True).pack(weights)
    np.testing.assert_array_equal(vector, np.concatenate([w.ravel() for w in weights]))


def test_apart_they_stay_as_they_are():
    weights = weights_of([(2, 3), (3,)])
    packed = Packing(tuple(w.shape for w in weights), together=False).pack(weights)
    assert [tuple(w.shape) for w in packed] == [(2, 3), (3,)]
