"""Corrupted digits are made once, and are what `corrupted` makes."""

import numpy as np
import pytest

from ann_models.digits import robustness
from ann_models.digits.corruptions import CORRUPTIONS, corrupted
from ann_models.digits.robustness import under_each_corruption

IMAGES = np.random.default_rng(0).random((3, 28, 28), np.float32)


def test_every_corruption_is_there_as_it_is_made_alone():
    versions = under_each_corruption(IMAGES)
    assert versions.keys() == CORRUPTIONS.keys()
    for name, version in versions.items():
        np.testing.assert_array_equal(version, corrupted(IMAGES, name))


def test_the_same_images_are_corrupted_once_and_others_again(monkeypatch):
    robustness._made.cache_clear()
    asked = []
    monkeypatch.setattr(robustness, "corrupted", lambda x, name: asked.append(name) or x.copy())
    under_each_corruption(IMAGES)
    under_each_corruption(IMAGES.copy())
    assert asked == list(CORRUPTIONS)
    changed = under_each_corruption(1 - IMAGES)
    np.testing.assert_array_equal(changed["noise"], 1 - IMAGES)
    robustness._made.cache_clear()


def test_what_is_shared_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        under_each_corruption(IMAGES)["blur"][:] = 0
