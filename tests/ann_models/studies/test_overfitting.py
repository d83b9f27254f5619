"""What the studies of the ten points measure and show."""

import numpy as np
import pytest

from ann_models.datasets import generate
from ann_models.evaluation import predict
from ann_models.studies import overfitting
from ann_models.variants import VARIANTS
from tests.support.untrained import an_untrained, study


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
    assert findings.arrays["fitted_curve"].shape == (100, 3)
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
    legend = findings.figures["ten_points"].legends[0].get_texts()
    assert [text.get_text() for text in legend] == ["training points", "validation points"]
    assert "stopping_point" in findings.figures


def test_without_a_mask_the_output_unit_answers_as_the_network_does():
    _, _, training = an_overfit("overfit_dropout")
    model = training.models[0]
    *_, exact = overfitting._linear_layer_after_dropout(model, rate=0.5)
    assert exact == pytest.approx(predict(model, np.zeros((1, 1), np.float32))[0, 0], abs=1e-5)
