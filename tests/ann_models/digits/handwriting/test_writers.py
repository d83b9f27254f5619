import numpy as np
import pytest

from ann_models.digits.handwriting.writers import hands


def test_writers_differ_within_what_people_do():
    many = hands(np.random.default_rng(0), 2000, forms=7)
    assert many.habits.shape == (2000, 7)
    assert -0.401 <= many.slant.min() < 0 < many.slant.mean() < many.slant.max() <= 0.651
    assert 0.044 <= many.pen.min() < many.pen.max() <= 0.201
    assert 0.4 < np.mean(many.pressure == 0) < 0.6
    assert np.all((many.roundness >= 0) & (many.roundness <= 1))


@pytest.mark.parametrize(
    ("name", "mean", "low", "high"),
    [
        ("slant", 0.1, -0.4, 0.65),
        ("turn", 0, -0.15, 0.15),
        ("width", 1.02, np.exp(-0.5), np.exp(0.5)),
        ("roundness", 1 / 3, 0, 1),
        ("carelessness", 0.035, 0.01, 0.06),
        ("tremor", 0.025 / 4, 0, 0.025),
        ("haste", 1 / 3, 0, 1),
        ("pen", 0.099, 0.045, 0.2),
        ("pressure", 0.1, 0, 0.35),
        ("habits", 0, -8, 8),
    ],
)
def test_styles_have_a_mean_and_extremes(name, mean, low, high):
    found = getattr(hands(np.random.default_rng(0), 4000, forms=7), name)
    assert found.mean() == pytest.approx(mean, abs=0.04 * min(high - low, 0.5))
    assert found.min() == pytest.approx(low, abs=0.15 * (high - low))
    assert found.max() == pytest.approx(high, abs=0.15 * (high - low))
