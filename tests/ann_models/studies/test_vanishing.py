"""What the study of vanishing gradients measures and shows."""

from dataclasses import replace

import numpy as np
import pytest

from ann_models import entry
from ann_models.datasets import Dataset
from ann_models.evaluation import predict
from ann_models.studies import vanishing
from ann_models.studies.over_seeds import median_seed
from ann_models.variants import VARIANTS
from tests.support.untrained import EPOCHS, an_untrained, study, tiny_digits


def a_deep_training(data, activation, seeds=2):
    layers = (entry.Flatten(), *[entry.Dense(8, activation)] * 2, entry.Dense(10, "softmax"))
    variant = replace(VARIANTS[f"vanishing_gradient_{activation}"], layers=layers)
    training = an_untrained(variant, data, seeds=seeds)
    now = [model.get_weights() for model in training.models]
    training.snapshots = {
        epoch: [[array * 2.0 ** (epoch - EPOCHS) for array in weights] for weights in now]
        for epoch in range(EPOCHS + 1)
    }
    return variant, training


def test_gradient_norms_are_measured_at_the_start_and_after_every_epoch():
    data = tiny_digits()
    variant, training = a_deep_training(data, "sigmoid")
    findings = study(variant, data, training)
    for layer in (1, 2, 3):
        assert findings.metrics[f"gradient_norm_start_layer_{layer}"] > 0
        assert findings.curves[f"gradient_norm_layer_{layer}"].shape == (EPOCHS, 2)
    assert "gradient_norm_layer_4" not in findings.curves
    assert set(findings.figures) > {"gradient_norms_at_start", "gradient_norms_in_training"}


def test_one_seed_is_enough():
    data = tiny_digits()
    variant, training = a_deep_training(data, "tanh", seeds=1)
    assert study(variant, data, training).curves["gradient_norm_layer_1"].shape == (EPOCHS, 1)


@pytest.mark.parametrize(("activation", "drawn"), [("relu", True), ("sigmoid", False)])
def test_the_share_of_zeros_is_drawn_only_where_there_are_zeros(activation, drawn):
    data = tiny_digits()
    variant, training = a_deep_training(data, activation)
    assert ("zero_activations" in study(variant, data, training).figures) == drawn


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


def test_the_norms_at_the_start_are_medians_over_the_seeds_also_by_layer():
    data = tiny_digits()
    variant, training = a_deep_training(data, "tanh")
    findings = study(variant, data, training)
    at_start = findings.figures["gradient_norms_at_start"]
    first, second, median = at_start.axes[0].lines
    expected = np.median([first.get_ydata(), second.get_ydata()], axis=0)
    assert median.get_ydata() == pytest.approx(expected)
    by_layer = findings.series["gradient_norm_by_layer"]
    assert by_layer == pytest.approx(dict(zip((1, 2, 3), expected, strict=True)))
    for layer in (1, 2, 3):
        assert findings.metrics[f"gradient_norm_start_layer_{layer}"] == by_layer[layer]
    ratios = [line.get_ydata()[0] / line.get_ydata()[-1] for line in (first, second)]
    measured = findings.metrics["gradient_norm_start_first_to_last"]
    assert measured == pytest.approx(np.median(ratios))


def test_the_norms_through_training_are_those_of_the_median_seed_from_epoch_0_on():
    data = tiny_digits()
    variant, training = a_deep_training(data, "tanh")
    findings = study(variant, data, training)
    axes = findings.figures["gradient_norms_in_training"].axes[0]
    assert len(axes.lines) == 3
    for layer, line in enumerate(axes.lines, start=1):
        assert len(line.get_ydata()) == EPOCHS + 1
        curve = findings.curves[f"gradient_norm_layer_{layer}"]
        assert line.get_ydata()[1:] == pytest.approx(curve[:, median_seed(training)])


def zeros_of(weights, x):
    """The shares of zeros in the two hidden layers of rectifiers."""
    one = np.maximum(0, x.reshape(len(x), -1) @ weights[0] + weights[1])
    two = np.maximum(0, one @ weights[2] + weights[3])
    return np.mean(one == 0), np.mean(two == 0)


def test_the_shares_of_zeros_are_means_over_the_seeds_before_and_after_training():
    data = tiny_digits()
    variant, training = a_deep_training(data, "relu")
    for epoch in range(EPOCHS):  # until the last one some units are silent
        for weights in training.snapshots[epoch]:
            weights[1] = weights[1] - np.array([99] * 4 + [0] * 4)
    findings = study(variant, data, training)
    x = data.arrays["x_train"]
    before, after = (
        np.array([zeros_of(weights, x) for weights in training.snapshots[epoch]])
        for epoch in (0, EPOCHS)
    )
    assert before[:, 0].min() >= 0.5
    assert before.mean() > after.mean()
    assert findings.metrics["zero_activation_share_start"] == pytest.approx(before.mean())
    assert findings.metrics["zero_activation_share"] == pytest.approx(after.mean())
    curve = findings.curves["zero_activation_share"]
    assert curve.shape == (EPOCHS, 2)
    assert curve[-1] == pytest.approx(after.mean(axis=1))
    bars = findings.figures["zero_activations"].axes[0].containers
    for shown, shares in zip(bars, (before, after), strict=True):
        assert [bar.get_height() for bar in shown] == pytest.approx(shares.mean(axis=0))


def test_the_panels_name_the_activation():
    data = tiny_digits()
    variant, training = a_deep_training(data, "tanh")
    figures = study(variant, data, training).figures
    assert figures["gradient_norms_at_start"].axes[0].get_title().endswith("tanh")


def test_only_the_first_training_digits_are_probed(monkeypatch):
    monkeypatch.setattr(vanishing, "PROBE", 20)
    data = tiny_digits()
    variant, training = a_deep_training(data, "sigmoid")
    few = study(variant, data, training).series["gradient_norm_by_layer"]
    arrays = dict(data.arrays) | {n: data.arrays[n][:20] for n in ("x_train", "y_train")}
    of_these = study(variant, Dataset("digits", "generated", arrays), training)
    assert few == of_these.series["gradient_norm_by_layer"]
