"""What each study measures and shows, on small networks with known weights."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ann_models import entry, studies
from ann_models.datasets import digits, generate
from ann_models.errors import UnknownName
from ann_models.evaluation import predict
from ann_models.studies import over_seeds
from ann_models.training.trainer import Training, train
from ann_models.variants import VARIANTS
from tests.support.untrained import EPOCHS, an_untrained, study


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


# --- rows 2, 4 and 5 ------------------------------------------------------------------------------


def test_the_true_line_has_no_angle_to_itself_and_makes_no_mistake():
    variant, data = VARIANTS["linear_classification"], generate("linear", 0)
    training = an_untrained(variant, data)
    for model, sign in zip(training.models, (1, 1, -1), strict=True):
        model.set_weights([sign * np.array([[8.0], [10.0]]), sign * np.array([-30.0])])
    findings = study(variant, data, training)
    assert findings.tables["seeds"]["angle_degrees"] == pytest.approx([0, 0, 180], abs=1e-3)
    assert findings.tables["seeds"]["train_accuracy"] == pytest.approx([1, 1, 0], abs=2e-3)
    assert findings.tables["seeds"]["omega_1"] == [8, 8, -8]
    assert findings.tables["seeds"]["bias"] == [-30, -30, 30]
    assert set(findings.figures) > {"data", "boundary"}


def test_two_hidden_units_are_shown_in_hidden_and_in_input_space():
    variant, data = VARIANTS["nonlinear_classification"], generate("nonlinear", 0)
    findings = study(variant, data, an_untrained(variant, data))
    assert set(findings.figures) == {
        "data",
        "hidden_space",
        "hidden_space_with_boundary",
        "hidden_lines",
        "decision_regions",
        "learning_curve_loss",
        "learning_curve_accuracy",
    }
    assert 0 <= findings.metrics["train_accuracy"] <= 1


def test_xor_is_shown_for_the_seed_that_solved_it_best_and_counted_for_all():
    variant, data = VARIANTS["xor_mlp"], generate("xor", 0)
    variant = replace(variant, layers=(entry.Dense(2, "tanh"), entry.Dense(1, "sigmoid")))
    training = an_untrained(variant, data)
    solved = [
        np.array([[9.0, 9.0], [9.0, 9.0]]),
        np.array([-4.5, -13.5]),
        np.array([[9.0], [-9.0]]),
        np.array([-9.0]),
    ]
    training.models[2].set_weights(solved)  # the lowest loss, not the median one
    findings = study(variant, data, training)
    assert findings.tables["seeds"]["correct"][2] == 4
    blue, red = findings.figures["hidden_space"].axes[0].lines
    assert red.get_xydata() == pytest.approx(np.array([[1, -1], [1, -1]]), abs=1e-2)
    assert blue.get_xydata() == pytest.approx(np.array([[-1, -1], [1, 1]]), abs=1e-2)
    assert "decision_regions" in findings.figures


# --- rows 7 to 10 ---------------------------------------------------------------------------------


def test_the_neurons_contributions_add_up_to_the_network():
    variant, data = VARIANTS["relu_regression_4"], generate("cubic", 0)
    training = an_untrained(variant, data)
    findings = study(variant, data, training)
    contributions = findings.figures["contributions"].axes[0].lines[1:]
    assert len(contributions) == 4
    x = contributions[0].get_xdata()
    total = sum(line.get_ydata() for line in contributions)
    shown = training.models[over_seeds.median_seed(training)]
    assert total == pytest.approx(predict(shown, np.array(x)[:, None])[:, 0], abs=1e-6)


def test_the_largest_error_and_dead_neurons_are_counted():
    variant, data = VARIANTS["relu_regression_2"], generate("cubic", 0)
    training = an_untrained(variant, data, seeds=1)
    one_dead = [np.array([[1.0, 1.0]]), np.array([0.0, -9.0]), np.array([[1.0], [1.0]])]
    training.models[0].set_weights(one_dead)
    findings = study(variant, data, training)
    x, y = data.arrays["x_train"], data.arrays["y_train"]
    assert findings.metrics["dead_neurons"] == 1
    assert findings.metrics["hidden_units"] == 2
    assert findings.metrics["max_error"] == pytest.approx(np.abs(np.maximum(x, 0) - y).max())


def test_a_hundred_neurons_are_shown_only_as_their_sum():
    variant, data = VARIANTS["relu_regression_100"], generate("cubic", 0)
    findings = study(variant, data, an_untrained(variant, data))
    assert set(findings.figures) == {"sum_of_neurons", "learning_curve_loss"}


# --- with the trainer -----------------------------------------------------------------------------


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
