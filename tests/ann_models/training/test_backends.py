"""The rule that chooses a backend: steps enough to pay for compiling, and no convolution."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ann_models.training import backends
from ann_models.variants import AUGMENTATION, VARIANTS

ONE_BATCH = 32


@pytest.mark.parametrize(
    ("name", "examples", "xla"),
    [
        ("relu_regression_2", 1000, True),
        ("linear_classification", 1000, False),
        ("mnist_ann", 50_000, True),
        ("mnist_cnn", 50_000, False),
        ("overfit_dropout", 10, False),
    ],
)
def test_long_trainings_without_convolutions_are_compiled(name, examples, xla):
    assert backends.suits_xla(VARIANTS[name], examples) is xla


def test_compiling_pays_for_itself_from_2000_steps():
    variant = replace(VARIANTS["relu_regression_2"], epochs=2000)
    assert backends.suits_xla(variant, variant.batch_size)
    assert not backends.suits_xla(replace(variant, epochs=1999), variant.batch_size)


def test_a_network_is_small_up_to_50_000_parameters():
    assert backends.is_small(50_000)
    assert not backends.is_small(50_001)


def test_an_incomplete_batch_is_a_step_too():
    variant = VARIANTS["relu_regression_1"]
    assert backends.batches(variant, ONE_BATCH) == 1
    assert backends.batches(variant, ONE_BATCH + 1) == 2


def test_seeds_of_small_networks_train_vectorised():
    small = VARIANTS["overfit_base"]
    assert backends.vectorizes_seeds(small, 16_000)
    assert not backends.vectorizes_seeds(small, 80_000)
    assert not backends.vectorizes_seeds(VARIANTS["mnist_cnn"], 16_000)
    assert not backends.vectorizes_seeds(replace(small, augmentation=AUGMENTATION), 16_000)
