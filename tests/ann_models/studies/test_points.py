"""What is measured and shown of points that any network learns."""

from dataclasses import replace

import numpy as np
import pytest

from ann_models import entry
from ann_models.datasets import Dataset, generate
from ann_models.evaluation import predict
from ann_models.studies import over_seeds, points
from ann_models.variants import VARIANTS
from tests.support.untrained import an_untrained, study

CLASSES = replace(
    VARIANTS["linear_classification"],
    study="points_classification",
    layers=(entry.Dense(1, "sigmoid"),),
)
CURVE = replace(VARIANTS["relu_regression_2"], study="points_regression", layers=(entry.Dense(1),))


def a_square(**more):
    """Points of the square from 0 to 10 by 0 to 20; class 1 is right of x₁ = 5."""
    x = np.array([[0, 0], [10, 0], [0, 20], [10, 20]], np.float32)
    return Dataset("own", "own", {"x_train": x, "y_train": np.float32(x[:, :1] > 5), **more})


def separating(training):
    """The first network is right, the second always answers class 1, the third is wrong."""
    for model, (slope, bias) in zip(training.models, ((4, -20), (0, 9), (-4, 20)), strict=True):
        model.set_weights([np.array([[slope], [0.0]]), np.array([float(bias)])])
    return training


def test_the_accuracy_of_every_seed_is_measured():
    data = a_square()
    findings = study(CLASSES, data, separating(an_untrained(CLASSES, data)))
    assert findings.tables["seeds"]["train_accuracy"] == [1, 0.5, 0]
    assert "val_accuracy" not in findings.tables["seeds"]


def test_held_out_points_have_an_accuracy_of_their_own():
    x_val, y_val = np.array([[9, 1], [8, 1], [1, 1], [7, 3]], np.float32), np.ones((4, 1))
    data = a_square(x_val=x_val, y_val=y_val)
    findings = study(CLASSES, data, separating(an_untrained(CLASSES, data)))
    assert findings.tables["seeds"]["val_accuracy"] == [0.75, 1, 0.25]


def test_the_regions_reach_a_tenth_beyond_the_points_on_each_side():
    data = a_square()
    training = separating(an_untrained(CLASSES, data))
    training.history["train_loss"] = np.array([[0.2, 0.3, 0.1]])  # the first seed is typical
    figures = study(CLASSES, data, training).figures
    assert figures["data"].axes[0].get_xlim() == (-1, 11)
    assert figures["data"].axes[0].get_ylim() == (-2, 22)
    (image,) = figures["decision_regions"].axes[0].images
    assert image.get_extent() == [-1, 11, -2, 22]
    probabilities = image.get_array()
    assert probabilities.shape == (120, 120)
    assert probabilities[:, 0].max() < 0.1 < 0.9 < probabilities[:, -1].min()


def test_the_panels_call_the_classes_as_the_data_do():
    data = a_square(classes=np.array(["healthy", "ill"]))
    figures = study(CLASSES, data, an_untrained(CLASSES, data)).figures
    for name in ("data", "decision_regions"):
        assert [line.get_label() for line in figures[name].axes[0].lines] == ["healthy", "ill"]


def test_points_in_one_place_are_drawn_with_room_around_them():
    assert points._limits(np.array([3.0, 3.0])) == pytest.approx((2.9, 3.1))


def test_the_errors_of_every_seed_are_measured():
    x = np.array([[0], [1], [2]], np.float32)
    data = Dataset("own", "own", {"x_train": x, "y_train": np.float32([[0], [1], [4]])})
    training = an_untrained(CURVE, data, seeds=2)
    for model, slope in zip(training.models, (1.0, 2.0), strict=True):
        model.set_weights([np.array([[slope]]), np.zeros(1)])
    seeds = study(CURVE, data, training).tables["seeds"]
    assert seeds["train_mse"] == pytest.approx([4 / 3, 1 / 3])
    assert seeds["max_error"] == [2, 1]
    assert "val_mse" not in seeds


def test_the_fitted_curve_covers_training_and_held_out_points_with_a_margin():
    arrays = {
        "x_train": np.float32([[0], [4]]),
        "y_train": np.float32([[1], [1]]),
        "x_val": np.float32([[10], [5]]),
        "y_val": np.float32([[3], [0]]),
    }
    data = Dataset("own", "own", arrays)
    training = an_untrained(CURVE, data)
    for model, bias in zip(training.models, (1.0, 2.0, 4.0), strict=True):
        model.set_weights([np.zeros((1, 1)), np.array([bias])])
    findings = study(CURVE, data, training)
    assert findings.tables["seeds"]["val_mse"] == pytest.approx([2.5, 2.5, 8.5])
    assert findings.arrays["fitted_curve"].shape == (400, 3)
    assert findings.arrays["fitted_curve"][0].tolist() == [1, 2, 4]
    axes = findings.figures["fitted_curve"].axes[0]
    *_, shown, train, held_out = axes.lines
    assert (shown.get_xdata()[0], shown.get_xdata()[-1]) == (-1, 11)
    assert set(shown.get_ydata()) == {2}
    assert (train.get_label(), held_out.get_label()) == ("training points", "validation points")


def test_the_shown_curve_is_that_of_the_median_seed():
    data = generate("cubic", 0)
    training = an_untrained(CURVE, data)
    findings = study(CURVE, data, training)
    shown = findings.figures["fitted_curve"].axes[0].lines[3]
    typical = training.models[over_seeds.median_seed(training)]
    expected = predict(typical, np.float32(shown.get_xdata())[:, None])[:, 0]
    assert shown.get_ydata() == pytest.approx(expected, abs=1e-6)
