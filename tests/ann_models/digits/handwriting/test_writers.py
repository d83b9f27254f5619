import numpy as np

from ann_models.digits.handwriting.writers import hands


def test_writers_differ_within_what_people_do():
    many = hands(np.random.default_rng(0), 2000, forms=7)
    assert many.habits.shape == (2000, 7)
    assert -0.401 <= many.slant.min() < 0 < many.slant.mean() < many.slant.max() <= 0.651
    assert 0.044 <= many.pen.min() < many.pen.max() <= 0.201
    assert 0.4 < np.mean(many.pressure == 0) < 0.6
    assert np.all((many.roundness >= 0) & (many.roundness <= 1))
