"""Digits are set upright inside the network."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ann_models.layers import Deslant

PLACE = np.arange(28, dtype=np.float32)


def a_stroke(slant: float) -> np.ndarray:
    """A stroke (1, 28, 28) that moves sideways by `slant` pixels a row."""
    middle = 13.5 + slant * (PLACE[:, None] - 13.5)
    ink = np.exp(-(((PLACE[None, :] - middle) / 1.5) ** 2))
    ink[:4] = ink[-4:] = 0
    return ink[None].astype(np.float32)


def covariance(images: np.ndarray) -> float:
    """Of row and column, of the ink of one image."""
    ink = images[0] / images.sum()
    down, across = PLACE - ink.sum(axis=1) @ PLACE, PLACE - ink.sum(axis=0) @ PLACE
    return float(down @ ink @ across)


def deslanted(images: np.ndarray) -> np.ndarray:
    return np.asarray(Deslant()(images))


@given(st.floats(-0.7, 0.7))
@settings(max_examples=20, deadline=None)
def test_a_slanted_stroke_stands_upright(slant):
    upright = deslanted(a_stroke(slant))
    assert covariance(upright) == pytest.approx(0, abs=0.05)
    np.testing.assert_allclose(upright, a_stroke(0), atol=0.25)


def test_what_stands_upright_stays_as_it_is():
    np.testing.assert_allclose(deslanted(a_stroke(0)), a_stroke(0), atol=1e-3)


def test_each_image_is_set_upright_by_itself():
    both = np.concatenate([a_stroke(0.5), a_stroke(-0.3)])
    apart = np.concatenate([deslanted(both[:1]), deslanted(both[1:])])
    np.testing.assert_allclose(deslanted(both), apart, atol=1e-5)


def test_a_blank_image_stays_blank():
    assert not deslanted(np.zeros((1, 28, 28), np.float32)).any()


def test_a_saved_network_is_read_in_safe_mode(tmp_path):
    model = keras.Sequential([keras.Input((28, 28)), Deslant(), keras.layers.Flatten()])
    model.save(tmp_path / "model.keras")
    restored = keras.models.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    np.testing.assert_array_equal(restored(a_stroke(0.4)), model(a_stroke(0.4)))
