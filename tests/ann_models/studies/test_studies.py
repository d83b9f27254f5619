"""Every variant has its study, and a briefly trained network is studied whole."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ann_models import studies
from ann_models.datasets import digits, generate
from ann_models.errors import UnknownName
from ann_models.training.trainer import train
from ann_models.variants import VARIANTS
from tests.support.untrained import study


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=lambda variant: variant.name)
def test_every_variant_has_its_study(variant):
    assert studies.study_of(variant).__name__ == variant.study


def test_a_study_of_unknown_name_is_refused_with_the_names_there_are():
    lost = replace(VARIANTS["xor_mlp"], study="astrology")
    with pytest.raises(UnknownName, match=r"asks for the study 'astrology'; there are .*xor_mlp"):
        studies.study_of(lost)


def test_nothing_heavy_is_imported_before_a_study_is_used():
    code = "import ann_models.studies, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert not {"tensorflow", "keras", "matplotlib"} & set(loaded.stdout.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "xor_mlp",
        "nonlinear_classification",
        "relu_regression_2",
        "mnist_ann",
        "mnist_augmented",
        "vanishing_gradient_relu",
        "overfit_batch_norm",
        "overfit_dropout",
        "overfit_l1_0.001",
        "overfit_early_stopping",
    ],
)
def test_a_briefly_trained_network_is_studied_whole(name):
    variant = replace(VARIANTS[name].shortened(), train_size=None)
    data = digits("offline-digits") if variant.data == "digits" else generate(variant.data, 0)
    training = train(variant, data, tuple(range(variant.seeds)))
    findings = study(variant, data, training)
    assert all(np.isfinite(value) for value in findings.metrics.values())
    assert all(len(set(map(len, t.values()))) == 1 for t in findings.tables.values())
    if training.best_epoch is not None:
        assert findings.tables["seeds"]["best_epoch"] == training.best_epoch.tolist()
