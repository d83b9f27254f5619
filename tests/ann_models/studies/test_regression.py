"""What the study of the ReLU regression measures and shows."""

from dataclasses import replace

import numpy as np
import pytest

from ann_models import entry
from ann_models.datasets import generate
from ann_models.evaluation import predict
from ann_models.studies import over_seeds, regression
from ann_models.variants import VARIANTS
from tests.support.untrained import an_untrained, study


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


def test_up_to_four_neurons_are_drawn_each():
    for units in (4, 5):
        variant = replace(VARIANTS["relu_regression_4"], layers=relu_layers(units))
        data = generate("cubic", 0)
        figures = study(variant, data, an_untrained(variant, data, seeds=1)).figures
        assert ("contributions" in figures) == (units == 4)


def test_the_sum_of_neurons_has_a_line_a_seed_and_reaches_beyond_the_data():
    variant, data = VARIANTS["relu_regression_2"], generate("cubic", 0)
    training = an_untrained(variant, data)
    target, *seeds, shown = study(variant, data, training).figures["sum_of_neurons"].axes[0].lines
    assert (np.diff(target.get_xdata()) >= 0).all()
    assert len(seeds) == 3
    x = shown.get_xdata().ravel()
    assert (x[0], x[-1], len(x)) == (-2, pytest.approx(1.99, abs=1e-4), 400)
    expected = predict(training.models[1], np.float32(x)[:, None])[:, 0]
    assert shown.get_ydata() == pytest.approx(expected, abs=1e-6)


def test_a_neuron_is_dead_only_if_it_is_zero_on_all_the_data():
    variant, data = VARIANTS["relu_regression_2"], generate("cubic", 0)
    training = an_untrained(variant, data, seeds=2)
    on_some = data.arrays["x_train"].max() - 1e-3
    for model, bias in zip(training.models, (-on_some, -9.0), strict=True):
        model.set_weights([np.array([[1.0, 1.0]]), np.array([bias, -9.0]), np.ones((2, 1))])
    assert study(variant, data, training).tables["seeds"]["dead_neurons"] == [1, 2]


def test_the_moving_curve_is_that_of_the_median_seed_beside_the_points_in_order(monkeypatch):
    monkeypatch.setattr(regression.frames, "curve", lambda *shown: shown)
    variant, data = VARIANTS["relu_regression_2"], generate("cubic", 0)
    training = an_untrained(variant, data)
    weights = [model.get_weights() for model in training.models]
    training.snapshots = {0: [[0 * w for w in seed] for seed in weights], 1: weights}
    title, x, curves, target, epochs = study(variant, data, training).animations["sum_of_neurons"]
    assert (title, epochs) == ("Sum of the neurons", [0, 1])
    assert (curves[0] == 0).all()
    assert curves[1] == pytest.approx(predict(training.models[1], x[:, None])[:, 0], abs=1e-5)
    assert (np.diff(target[0]) >= 0).all()
    assert len(target[1]) == len(data.arrays["y_train"])


def test_without_snapshots_nothing_moves():
    variant, data = VARIANTS["relu_regression_2"], generate("cubic", 0)
    assert study(variant, data, an_untrained(variant, data)).animations == {}


def relu_layers(units):
    return entry.Dense(units, "relu"), entry.Dense(1, use_bias=False)
