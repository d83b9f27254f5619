"""What the studies of the digits measure and show."""

from dataclasses import replace

import numpy as np
import pytest

from ann_models import entry
from ann_models.datasets import Dataset
from ann_models.digits.corruptions import CORRUPTIONS
from ann_models.variants import VARIANTS
from tests.support.untrained import an_untrained, study, tiny_digits

SMALL_ANN = (entry.Flatten(), entry.Dense(16, "relu"), entry.Dense(10, "softmax"))
SMALL_CNN = (entry.Convolution(4), entry.Flatten(), entry.Dense(10, "softmax"))
READER = (entry.Flatten(), entry.Dense(10, "softmax"))  # reads the label off the first ten pixels


def reading_weights(confusions=()):
    """Weights with which READER is right, but takes each of these digits for the next one."""
    kernel = np.zeros((784, 10))
    for digit in range(10):
        kernel[digit, (digit + 1) % 10 if digit in confusions else digit] = 50
    return [kernel, np.zeros(10)]


def test_the_samples_tell_shapes_and_class_counts():
    findings = study(VARIANTS["mnist_samples"], tiny_digits(), None)
    assert findings.tables["arrays"]["shape"][:2] == ["(60, 28, 28)", "(60,)"]
    assert findings.tables["class_counts"]["test"] == [5] * 10
    assert findings.metrics == {"train_size": 60, "val_size": 40, "test_size": 50}
    assert set(findings.figures) == {"digit", "labelled_grid", "class_counts"}


def test_validation_decides_and_the_test_digits_only_report():
    variant, data = replace(VARIANTS["mnist_ann"], layers=READER), tiny_digits()
    wrong_in_validation = dict(data.arrays)
    wrong_in_validation["y_val"] = np.where(data.arrays["y_val"] == 3, 4, data.arrays["y_val"])
    data = Dataset("digits", "generated", wrong_in_validation)
    training = an_untrained(variant, data)
    for model, confusions in zip(training.models, ((), (3,), (3, 5)), strict=True):
        model.set_weights(reading_weights(confusions))
    findings = study(variant, data, training)
    assert findings.metrics["best_seed"] == 1  # the first one is better on the test digits
    assert findings.metrics["best_test_accuracy"] == pytest.approx(0.9)
    assert (
        findings.metrics["best_test_accuracy_low"]
        < 0.9
        < findings.metrics["best_test_accuracy_high"]
    )
    assert findings.metrics["test_error_count"] == 5
    assert findings.metrics["test_accuracy"] == pytest.approx((1 + 0.9 + 0.8) / 3)
    assert findings.series["test_error_by_train_size"] == {60: pytest.approx((0.1 + 0.2) / 3)}
    assert findings.tables["confusion_matrix"]["predicted_4"][3] == 5
    assert findings.tables["worst_mistakes"]["true"] == ["3"] * 5
    assert findings.tables["worst_mistakes"]["predicted"] == ["4"] * 5


def test_the_gap_is_training_minus_test_accuracy():
    variant, data = replace(VARIANTS["mnist_ann"], layers=SMALL_ANN), tiny_digits()
    metrics = study(variant, data, an_untrained(variant, data, seeds=1)).metrics
    assert metrics["generalisation_gap"] == pytest.approx(
        metrics["train_accuracy"] - metrics["test_accuracy"]
    )
    assert 0 <= metrics["ece"] <= 1
    assert metrics["test_loss"] > 0


def test_only_networks_of_digits_read_other_peoples_handwriting():
    variant, data = replace(VARIANTS["mnist_ann"], layers=SMALL_ANN), tiny_digits()
    metrics = study(variant, data, an_untrained(variant, data, seeds=1)).metrics
    assert 0 <= metrics["hands_accuracy"] < 1
    pictures = Dataset(
        "digits", "letters", {**data.arrays, "classes": np.array(list("ABCDEFGHIJ"))}
    )
    metrics = study(variant, pictures, an_untrained(variant, pictures, seeds=1)).metrics
    assert "hands_accuracy" not in metrics


@pytest.mark.parametrize(
    ("layers", "title"),
    [(SMALL_ANN, "Weights of the hidden units"), (SMALL_CNN, "Kernels of the first convolution")],
)
def test_both_kinds_of_network_show_all_panels(layers, title):
    variant, data = replace(VARIANTS["mnist_ann"], layers=layers), tiny_digits()
    findings = study(variant, data, an_untrained(variant, data, seeds=1))
    assert set(findings.figures) == {
        "learning_curve_loss",
        "learning_curve_accuracy",
        "confusion_matrix",
        "worst_mistakes",
        "prediction",
        "first_layer_weights",
        "robustness",
    }
    assert findings.metrics["robustness"] == pytest.approx(
        np.mean([findings.metrics[f"test_accuracy_{name}"] for name in CORRUPTIONS])
    )
    assert findings.figures["first_layer_weights"].axes[0].get_title() == title


def test_the_panels_name_the_split_and_how_many_they_are_about():
    variant, data = replace(VARIANTS["mnist_ann"], layers=SMALL_ANN), tiny_digits()
    count = len(data.arrays["y_test"])
    shown = study(variant, data, an_untrained(variant, data, seeds=1)).figures
    for name, text in (("worst_mistakes", "errors on"), ("confusion_matrix", "Confusion matrix:")):
        assert f"{text} {count} test digits" in shown[name].axes[0].get_title()
    assert shown["prediction"].axes[0].get_title().startswith("Test digit ")
    assert shown["robustness"].axes[1].get_xlabel() == f"accuracy on {count} test digits"


def test_augmented_digits_are_shown_where_they_are_used():
    data = tiny_digits()
    for name, shown in (
        ("mnist_augmented", True),
        ("mnist_data_size_500_augmented", True),
        ("mnist_data_size_500", False),
    ):
        variant = replace(VARIANTS[name], layers=SMALL_ANN)
        findings = study(variant, data, an_untrained(variant, data, seeds=1))
        assert ("augmented_samples" in findings.figures) == shown, name
        assert findings.metrics["train_size"] == 60


def test_the_augmented_samples_are_distorted_versions_of_the_original_above_them():
    data = tiny_digits()
    variant = replace(VARIANTS["mnist_augmented"], layers=SMALL_ANN)
    figure = study(variant, data, an_untrained(variant, data, seeds=1)).figures["augmented_samples"]
    image = figure.axes[0].images[0].get_array().data
    assert image[:28, :28] == pytest.approx(data.arrays["x_train"][0])
    assert np.abs(image[30:58, :28] - image[:28, :28]).max() > 0.1


@pytest.mark.parametrize("name", ["mnist_ann", "handwriting_cnn"])
def test_where_normalisation_comes_before_every_kernel_there_are_no_weights_to_picture(name):
    layers = (entry.Flatten(), entry.BatchNormalization(), entry.Dense(10, "softmax"))
    variant, data = (
        replace(VARIANTS[name], layers=layers, frames=2, registered=False),
        tiny_digits(),
    )
    training = an_untrained(variant, data, seeds=1)
    training.snapshots = {1: [training.models[0].get_weights()]}
    findings = study(variant, data, training)
    assert "worst_mistakes" in findings.figures
    assert "first_layer_weights" not in {*findings.figures, *findings.animations}
