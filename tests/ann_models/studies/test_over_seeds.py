"""What every trained variant reports: its spread over the seeds, the typical seed, its curves."""

import numpy as np
import pytest

from ann_models.datasets import generate
from ann_models.studies import over_seeds
from ann_models.training.trainer import Training
from ann_models.variants import VARIANTS
from tests.support.untrained import EPOCHS, an_untrained, tiny_digits


def test_the_final_value_of_a_seed_that_stopped_early_is_its_last():
    curve = np.array([[3.0, 5.0], [2.0, np.nan], [1.0, np.nan]])
    assert over_seeds.final(curve).tolist() == [1.0, 5.0]


@pytest.mark.parametrize(("finals", "index"), [([3, 1, 2], 2), ([4, 1, 3, 2], 3), ([7], 0)])
def test_the_typical_seed_has_the_median_final_loss(finals, index):
    training = Training([], (), {"train_loss": np.array([finals], float)}, 0.0)
    assert over_seeds.median_seed(training) == index


def test_what_was_measured_is_a_metric_with_its_spread_and_a_column_of_the_seeds():
    variant, data = VARIANTS["relu_regression_2"], generate("cubic", 0)
    findings = over_seeds.learned(variant, an_untrained(variant, data), max_error=[1.0, 2.0, 6.0])
    assert findings.tables["seeds"] == {
        "seed": [0, 1, 2],
        "final_train_loss": [0.75, 0.5, 0.25],
        "max_error": [1.0, 2.0, 6.0],
    }
    assert findings.metrics["final_train_loss"] == 0.5
    assert findings.metrics["max_error"] == 3
    assert findings.metrics["spread/max_error"] == pytest.approx(7**0.5)
    assert findings.series["seeds/max_error"] == {0: 1, 1: 2, 2: 6}
    assert findings.curves["train_loss"].shape == (EPOCHS, 3)
    assert set(findings.figures) == {"learning_curve_loss"}


def test_values_that_are_no_numbers_at_the_end_are_not_final():
    curve = np.array([[3.0, np.nan], [np.inf, 4.0], [np.nan, 2.0]])
    assert over_seeds.final(curve).tolist() == [3.0, 2.0]


def test_a_single_seed_has_values_and_no_spread():
    variant, data = VARIANTS["relu_regression_2"], generate("cubic", 0)
    findings = over_seeds.learned(variant, an_untrained(variant, data, seeds=1), max_error=[2])
    assert findings.metrics == {"final_train_loss": 0.25, "max_error": 2}


def test_validation_has_a_final_loss_and_a_curve_beside_that_of_training():
    variant, data = VARIANTS["mnist_ann"], tiny_digits()
    findings = over_seeds.learned(variant, an_untrained(variant, data))
    assert findings.tables["seeds"]["final_val_loss"] == pytest.approx([0.85, 0.6, 0.35])
    assert "final_val_accuracy" not in findings.tables["seeds"]
    assert set(findings.curves) == {"train_loss", "val_loss", "train_accuracy", "val_accuracy"}
    for measure in ("loss", "accuracy"):
        legend = findings.figures[f"learning_curve_{measure}"].legends[0].get_texts()
        assert [text.get_text() for text in legend] == [
            "training, each of 3 seeds",
            "training, median",
            "validation, each of 3 seeds",
            "validation, median",
        ]


@pytest.mark.parametrize(
    ("name", "data", "unit"),
    [
        ("relu_regression_2", "cubic", "mean squared error"),
        ("overfit_l2_0.01", "ten_points", "mean squared error + penalty"),
        ("linear_classification", "linear", "cross entropy"),
    ],
)
def test_the_learning_curve_names_the_variant_and_its_loss_on_a_logarithmic_ordinate(
    name, data, unit
):
    variant = VARIANTS[name]
    findings = over_seeds.learned(variant, an_untrained(variant, generate(data, 0)))
    axes = findings.figures["learning_curve_loss"].axes[0]
    assert (axes.get_title(), axes.get_ylabel()) == (f"Learning curve: {name}", unit)
    assert axes.get_yscale() == "log"


def test_the_accuracys_ordinate_is_linear():
    variant, data = VARIANTS["linear_classification"], generate("linear", 0)
    axes = (
        over_seeds.learned(variant, an_untrained(variant, data))
        .figures["learning_curve_accuracy"]
        .axes[0]
    )
    assert (axes.get_ylabel(), axes.get_yscale()) == ("accuracy", "linear")
