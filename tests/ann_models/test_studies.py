"""What each study measures and shows, on small networks with known weights."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ann_models import entry, networks, studies
from ann_models.datasets import Dataset, digits, generate
from ann_models.errors import UnknownName
from ann_models.evaluation import predict
from ann_models.studies import over_seeds
from ann_models.training import Training, train
from ann_models.variants import VARIANTS

EPOCHS = 4
SMALL_ANN = (entry.Flatten(), entry.Dense(16, "relu"), entry.Dense(10, "softmax"))
SMALL_CNN = (entry.Convolution(4), entry.Flatten(), entry.Dense(10, "softmax"))
READER = (entry.Flatten(), entry.Dense(10, "softmax"))  # reads the label off the first ten pixels


def tiny_digits():
    """Pictures whose pixel number k is lit where the label is k; other pixels are faint."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, n in (("train", 60), ("val", 40), ("test", 50)):
        y = np.arange(n, dtype=np.int32) % 10
        x = rng.random((n, 28, 28), dtype=np.float32) / 100
        x[np.arange(n), 0, y] = 1
        arrays |= {f"x_{split}": x, f"y_{split}": y}
    return Dataset("digits", "generated", arrays)


def an_untrained(variant, data, seeds=3):
    """A Training whose losses fall and are the lowest for the last seed."""
    models = [networks.build(variant, data.arrays["x_train"].shape[1:], s) for s in range(seeds)]
    loss = np.outer(1 / np.arange(1, EPOCHS + 1), np.arange(seeds, 0, -1))
    history = {"train_loss": loss}
    if "x_val" in data.arrays:
        history["val_loss"] = loss + 0.1
    if variant.loss != "mse":
        history |= {n.replace("loss", "accuracy"): np.exp(-v) for n, v in history.items()}
    return Training(models, tuple(range(seeds)), history, 1.0)


def study(variant, data, training):
    return studies.study_of(variant)(variant, data, training)


def reading_weights(confusions=()):
    """Weights with which READER is right, but takes each of these digits for the next one."""
    kernel = np.zeros((784, 10))
    for digit in range(10):
        kernel[digit, (digit + 1) % 10 if digit in confusions else digit] = 50
    return [kernel, np.zeros(10)]


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
    assert not {"tensorflow", "keras", "matplotlib", "numpy"} & set(loaded.stdout.split())


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
    assert (findings.metrics["max_error_min"], findings.metrics["max_error_max"]) == (1, 6)
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
    assert findings.metrics["omega_1_max"] == 8
    assert findings.metrics["bias_min"] == -30
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
    assert findings.metrics["correct_max"] == 4
    assert findings.tables["seeds"]["correct"][2] == 4
    red, blue = findings.figures["hidden_space"].axes[0].lines
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


# --- digits ---------------------------------------------------------------------------------------


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
    assert findings.tables["confusion_matrix"]["predicted_4"][3] == 5
    assert findings.tables["worst_mistakes"]["true"] == [3] * 5
    assert findings.tables["worst_mistakes"]["predicted"] == [4] * 5


def test_the_gap_is_training_minus_test_accuracy():
    variant, data = replace(VARIANTS["mnist_ann"], layers=SMALL_ANN), tiny_digits()
    metrics = study(variant, data, an_untrained(variant, data, seeds=1)).metrics
    assert metrics["generalisation_gap"] == pytest.approx(
        metrics["train_accuracy"] - metrics["test_accuracy"]
    )
    assert 0 <= metrics["ece"] <= 1
    assert metrics["test_loss"] > 0


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
    }
    assert findings.figures["first_layer_weights"].axes[0].get_title() == title


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


# --- row 18 ---------------------------------------------------------------------------------------


def a_deep_training(data, activation):
    layers = (entry.Flatten(), *[entry.Dense(8, activation)] * 2, entry.Dense(10, "softmax"))
    variant = replace(VARIANTS[f"vanishing_gradient_{activation}"], layers=layers)
    training = an_untrained(variant, data, seeds=2)
    now = [model.get_weights() for model in training.models]
    training.snapshots = [
        [[array * 2.0 ** (epoch - EPOCHS) for array in weights] for weights in now]
        for epoch in range(EPOCHS + 1)
    ]
    return variant, training


def test_gradient_norms_are_measured_at_the_start_and_after_every_epoch():
    data = tiny_digits()
    variant, training = a_deep_training(data, "sigmoid")
    findings = study(variant, data, training)
    for layer in (1, 2, 3):
        assert findings.metrics[f"gradient_norm_start_layer_{layer}"] > 0
        assert findings.curves[f"gradient_norm_layer_{layer}"].shape == (EPOCHS, 2)
    assert "gradient_norm_layer_4" not in findings.curves
    assert set(findings.figures) > {
        "gradient_norms_at_start",
        "gradient_norms_in_training",
        "zero_activations",
    }


def test_the_last_layers_gradient_norm_is_that_of_the_softmax_formula():
    data = tiny_digits()
    variant, training = a_deep_training(data, "tanh")
    findings = study(variant, data, training)
    x, y = data.arrays["x_train"], data.arrays["y_train"]
    for seed, model in enumerate(training.models):  # the last snapshot is the model itself
        hidden = np.asarray(model.layers[2](model.layers[1](x.reshape(len(x), -1))))
        gradient = hidden.T @ (predict(model, x) - np.eye(10)[y]) / len(x)
        measured = findings.curves["gradient_norm_layer_3"][-1, seed]
        assert measured == pytest.approx(np.linalg.norm(gradient), rel=1e-4)


def test_rectifiers_give_zeros_and_sigmoids_none():
    data = tiny_digits()
    sparse = study(*_with(data, "relu")).metrics
    dense = study(*_with(data, "sigmoid")).metrics
    assert 0.1 < sparse["zero_activation_share"] < 0.9
    assert dense["zero_activation_share"] == 0


def _with(data, activation):
    variant, training = a_deep_training(data, activation)
    return variant, data, training


def test_measuring_gradients_leaves_the_trained_weights_alone():
    data = tiny_digits()
    variant, training = a_deep_training(data, "relu")
    before = [model.get_weights() for model in training.models]
    study(variant, data, training)
    for model, weights in zip(training.models, before, strict=True):
        for now, then in zip(model.get_weights(), weights, strict=True):
            assert (now == then).all()


# --- rows 19 to 23 --------------------------------------------------------------------------------


def an_overfit(name, data_name="ten_points"):
    data = generate(data_name, 0)
    return VARIANTS[name], data, an_untrained(VARIANTS[name], data)


def test_the_fitted_curve_and_the_size_of_the_weights_are_measured():
    variant, data, training = an_overfit("overfit_l2_0.01")
    findings = study(variant, data, training)
    kernels = [w for w in training.models[1].get_weights() if w.ndim == 2]
    flat = np.concatenate([kernel.ravel() for kernel in kernels])
    seeds = findings.tables["seeds"]
    assert seeds["weights_norm_l1"][1] == pytest.approx(np.abs(flat).sum(), rel=1e-5)
    assert seeds["weights_norm_l2"][1] == pytest.approx(np.sqrt((flat**2).sum()), rel=1e-5)
    residuals = predict(training.models[1], data.arrays["x_train"]) - data.arrays["y_train"]
    assert seeds["train_mse"][1] == pytest.approx((residuals**2).mean(), rel=1e-5)
    assert findings.curves["fitted_curve"].shape == (100, 3)
    assert findings.metrics["weight_quantile_0.05"] < 0 < findings.metrics["weight_quantile_0.95"]
    assert set(findings.figures) == {
        "ten_points",
        "fitted_curve",
        "weight_estimates",
        "learning_curve_loss",
    }


def test_batch_statistics_are_those_that_training_uses_and_stay_unchanged():
    variant, data, training = an_overfit("overfit_batch_norm")
    x, y = data.arrays["x_train"], data.arrays["y_train"]
    findings = study(variant, data, training)
    table = findings.tables["batch_and_moving_statistics"]
    assert len(table["layer"]) == len(table["batch_mean"]) == 30 + 100 + 100 + 30
    assert set(table["moving_mean"]) == {0.0}  # as Keras starts it
    assert set(table["moving_variance"]) == {1.0}
    expected = [
        np.mean((np.asarray(model(x, training=True)) - y) ** 2) for model in training.models
    ]
    measured = findings.tables["seeds"]["train_mse_with_batch_statistics"]
    assert measured == pytest.approx(expected, rel=1e-3)
    assert "batch_and_moving_statistics" in findings.figures


def test_scaling_the_kept_inputs_keeps_a_linear_layers_mean_output():
    variant, data, training = an_overfit("overfit_dropout")
    findings = study(variant, data, training)
    assert findings.metrics["linear_layer_gap_scaled"] < 0.01
    assert findings.metrics["linear_layer_gap_unscaled"] > (
        5 * findings.metrics["linear_layer_gap_scaled"]
    )
    assert findings.metrics["training_mode_mean_gap"] < findings.metrics["training_mode_deviation"]
    assert set(findings.figures) > {"training_and_inference", "dropout_scaling", "fitted_curve"}


def test_early_stopping_reports_the_kept_epoch_and_the_last_one():
    variant, data, training = an_overfit("overfit_early_stopping", "ten_points_held_out")
    training.history["train_loss"] = np.array([[4, 4], [3, 3], [2, np.nan], [1, np.nan]])
    training.history["val_loss"] = np.array([[4, 2], [1, 3], [2, np.nan], [3, np.nan]])
    training.models, training.seeds = training.models[:2], (0, 1)
    findings = study(variant, data, training)
    assert findings.tables["seeds"]["best_epoch"] == [2, 1]
    assert findings.tables["seeds"]["stopped_epoch"] == [4, 2]
    assert findings.tables["seeds"]["best_val_loss"] == [1, 2]
    assert findings.tables["seeds"]["final_train_loss"] == [1, 3]
    legend = findings.figures["ten_points"].axes[0].get_legend().get_texts()
    assert [text.get_text() for text in legend] == ["training points", "validation points"]
    assert "stopping_point" in findings.figures


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
