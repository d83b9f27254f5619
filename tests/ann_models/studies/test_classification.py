"""What the studies of the two-dimensional classifications measure and show."""

from dataclasses import replace

import numpy as np
import pytest

from ann_models import entry
from ann_models.datasets import generate
from ann_models.evaluation import predict
from ann_models.studies import classification
from ann_models.variants import VARIANTS
from tests.support.untrained import an_untrained, study


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


XOR_SOLVED = (
    np.array([[9.0, 9.0], [9.0, 9.0]]),
    np.array([-4.5, -13.5]),
    np.array([[9.0], [-9.0]]),
    np.array([-4.5]),
)
CORNERS = (0, 0), (0, -1), (-1, 0), (-1, -1)  # of a picture: row, column


def with_frames(training):
    """The training with snapshots: all weights zero before it, what they are after one epoch."""
    after = [model.get_weights() for model in training.models]
    before = [[np.zeros_like(array) for array in weights] for weights in after]
    training.snapshots = {0: before, 1: after}
    return training


def an_xor(solving_seeds=()):
    variant, data = VARIANTS["xor_mlp"], generate("xor", 0)
    training = an_untrained(variant, data)
    for seed in range(3):
        training.models[seed].set_weights(
            XOR_SOLVED if seed in solving_seeds else [0 * array for array in XOR_SOLVED]
        )
    return variant, data, training


def test_the_share_of_seeds_that_solved_xor_is_a_metric():
    findings = study(*an_xor(solving_seeds=(0, 2)))
    assert findings.metrics["share_of_seeds_solved"] == pytest.approx(2 / 3)
    assert findings.tables["seeds"]["correct"] == [4, 2, 4]
    assert findings.tables["seeds"]["train_accuracy"] == [1, 0.5, 1]


def test_sigmoid_units_are_shown_between_0_and_1_and_tanh_units_between_minus_1_and_1():
    variant, data, training = an_xor()
    sigmoid = study(variant, data, training).figures
    tanh = replace(variant, layers=(entry.Dense(2, "tanh"), entry.Dense(1, "sigmoid")))
    for figures, limits in (
        (sigmoid, (-0.1, 1.1)),
        (study(tanh, data, an_untrained(tanh, data)).figures, (-1.1, 1.1)),
    ):
        for name in ("hidden_space", "hidden_space_with_boundary"):
            assert figures[name].axes[0].get_xlim() == limits


def test_xors_regions_reach_beyond_its_corners_and_have_its_classes():
    figure = study(*an_xor(solving_seeds=(2,))).figures["decision_regions"]
    (image,) = figure.axes[0].images
    assert image.get_extent() == [-0.5, 1.5, -0.5, 1.5]
    probabilities = image.get_array()
    assert probabilities.shape == (120, 120)
    quarter, three_quarters = 30, 89
    assert probabilities[quarter, quarter] < 0.1 and probabilities[-31, -31] < 0.1
    assert probabilities[quarter, three_quarters] > 0.9
    assert probabilities[three_quarters, quarter] > 0.9


def test_the_boundary_of_the_median_seed_is_thick_among_those_of_all_seeds():
    variant, data = VARIANTS["linear_classification"], generate("linear", 0)
    training = an_untrained(variant, data)
    for model, slope in zip(training.models, (1.0, 2.0, 3.0), strict=True):
        model.set_weights([np.array([[slope], [1.0]]), np.array([-3.0])])
    findings = study(variant, data, training)
    lines = findings.figures["boundary"].axes[0].lines
    (thick,) = (line for line in lines if line.get_label().startswith("boundary"))
    (x1, x2), (x3, x4) = thick.get_xy1(), thick.get_xy2()
    assert (2 * x1 + x2, 2 * x3 + x4) == pytest.approx((3, 3))
    assert findings.tables["seeds"]["omega_1"] == [1, 2, 3]
    assert findings.tables["seeds"]["omega_2"] == [1, 1, 1]


def test_the_moving_boundary_is_that_of_the_median_seed(monkeypatch):
    monkeypatch.setattr(classification.frames, "boundary", lambda *shown: shown)
    variant, data = VARIANTS["linear_classification"], generate("linear", 0)
    training = with_frames(an_untrained(variant, data))
    _, _, normals, biases, epochs = study(variant, data, training).animations["boundary"]
    kernel, bias = training.models[1].get_weights()
    assert normals.tolist() == [[0, 0], kernel[:, 0].tolist()]
    assert biases.tolist() == [0, bias[0]]
    assert epochs == [0, 1]


def test_rows_without_frames_show_nothing_that_moves():
    variant, data = VARIANTS["linear_classification"], generate("linear", 0)
    assert study(variant, data, an_untrained(variant, data)).animations == {}
    assert study(*an_xor()).animations == {}


def test_the_moving_regions_are_those_of_the_shown_seed_on_an_even_grid(monkeypatch):
    monkeypatch.setattr(classification.frames, "decision_regions", lambda *shown: shown)
    variant, data, training = an_xor(solving_seeds=(2,))
    animations = study(variant, data, with_frames(training)).animations
    _, _, limits, probabilities, epochs = animations["decision_regions"]
    assert (limits, epochs) == (((-0.5, 1.5), (-0.5, 1.5)), [0, 1])
    assert probabilities.shape == (2, 60, 60)
    assert (probabilities[0] == 0.5).all()
    grid = np.array([[(-0.5, -0.5), (1.5, -0.5)], [(-0.5, 1.5), (1.5, 1.5)]])
    expected = predict(training.models[2], grid.reshape(-1, 2))[:, 0]
    shown = [probabilities[1][corner] for corner in CORNERS]
    assert shown == pytest.approx(expected, abs=1e-6)


def test_the_moving_hidden_space_has_the_hidden_units_and_the_output_units_line(monkeypatch):
    monkeypatch.setattr(classification.frames, "hidden_space", lambda *shown: shown)
    variant, data = VARIANTS["nonlinear_classification"], generate("nonlinear", 0)
    training = with_frames(an_untrained(variant, data))
    animations = study(variant, data, training).animations
    z, _, normals, biases, _ = animations["hidden_space"]
    hidden, output = training.models[1].layers
    assert z[1] == pytest.approx(np.asarray(hidden(data.arrays["x_train"])), abs=1e-6)
    assert normals[1] == pytest.approx(output.get_weights()[0][:, 0])
    assert biases[1] == output.get_weights()[1][0]


def test_row_5_is_shown_with_the_lectures_limits():
    variant, data = VARIANTS["nonlinear_classification"], generate("nonlinear", 0)
    figures = study(variant, data, an_untrained(variant, data)).figures
    assert figures["data"].axes[0].get_xlim() == (-5, 5)
    assert figures["data"].axes[0].get_ylim() == (-4, 4)
    assert figures["hidden_space"].axes[0].get_ylim() == (0, 1)
    (image,) = figures["decision_regions"].axes[0].images
    assert image.get_extent() == [-5, 5, -4, 4]


def test_row_5s_panels_show_the_seed_of_the_median_loss():
    variant, data = VARIANTS["nonlinear_classification"], generate("nonlinear", 0)
    training = an_untrained(variant, data)
    figures = study(variant, data, training).figures
    blue, _ = figures["hidden_space"].axes[0].lines
    x, y = data.arrays["x_train"], data.arrays["y_train"][:, 0]
    hidden = np.asarray(training.models[1].layers[0](x[y == 0]))
    assert blue.get_xydata() == pytest.approx(hidden, abs=1e-6)


def test_row_5s_moving_regions_have_the_limits_of_its_panel(monkeypatch):
    monkeypatch.setattr(classification.frames, "decision_regions", lambda *shown: shown)
    variant, data = VARIANTS["nonlinear_classification"], generate("nonlinear", 0)
    training = with_frames(an_untrained(variant, data))
    _, _, limits, _, _ = study(variant, data, training).animations["decision_regions"]
    assert limits == ((-5, 5), (-4, 4))
