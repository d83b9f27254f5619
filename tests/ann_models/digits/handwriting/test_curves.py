import numpy as np
import pytest

from ann_models.digits.handwriting import curves

ZIGZAG = np.array([[[0, 0], [1, 0], [0.5, 1.0]]])


def nearest(curve: np.ndarray, point) -> float:
    return float(np.linalg.norm(curve - point, axis=1).min())


@pytest.mark.parametrize("corner", [False, True])
def test_a_curve_passes_through_its_points(corner):
    curve = curves.along(ZIGZAG, (False, corner, False))[0]
    assert curve.shape == (curves.PLACES, 2)
    np.testing.assert_allclose(curve[[0, -1]], ZIGZAG[0, [0, -1]], atol=1e-6)
    assert nearest(curve, [1, 0]) < 0.04


def test_only_a_corner_is_reached_on_straight_lines():
    sharp = curves.along(ZIGZAG, (False, True, False))[0]
    smooth = curves.along(ZIGZAG, (False, False, False))[0]
    first_leg = sharp[sharp[:, 0].argsort()][: curves.PLACES // 4]
    assert np.abs(sharp[:12, 1]).max() < 1e-6
    assert np.abs(smooth[:12, 1]).max() > 0.01
    assert len(first_leg)


def test_a_hurried_pen_cuts_corners_and_keeps_the_ends():
    sharp = curves.along(ZIGZAG, (False, True, False))
    rounded = curves.rounded(sharp, np.ones(1, np.float32))
    assert nearest(rounded[0], [1, 0]) > nearest(sharp[0], [1, 0]) + 0.02
    np.testing.assert_allclose(rounded[:, [0, -1]], sharp[:, [0, -1]], atol=1e-3)
    np.testing.assert_allclose(curves.rounded(sharp, np.zeros(1, np.float32)), sharp)


def test_a_stroke_is_cut_short_or_goes_on_straight():
    line = curves.along(np.array([[[0, 0], [0.5, 0], [1.0, 0]]] * 2), (False,) * 3)
    start, end = np.array([0.2, -0.1], np.float32), np.array([0.9, 1.2], np.float32)
    cut = curves.cut(line, start, end)
    np.testing.assert_allclose(cut[:, 0, 0], start, atol=0.02)
    np.testing.assert_allclose(cut[:, -1, 0], end, atol=0.02)


def test_a_wobble_is_smooth():
    noise = curves.wobble(np.random.default_rng(0), 500, 8)
    assert 0.5 < noise.var() < 1.2
    assert np.abs(np.diff(noise, axis=1)).mean() < 0.3
