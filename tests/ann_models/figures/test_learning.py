"""The panels of learning: curves by epoch and gradients by layer."""

import numpy as np
import pytest

from ann_models.figures import learning, style
from tests.support.panels import PANELS, legend, the_axes


def test_a_long_learning_curve_is_thinned_and_still_ends_near_its_end():
    curve = np.linspace(1, 0.5, 5000)[:, None]
    line = the_axes(learning.learning_curves({"training": curve}, "t", "loss")).lines[-1]
    assert len(line.get_xdata()) <= learning.POINTS
    assert line.get_xdata()[0] == 1
    assert line.get_xdata()[-1] > 4900


def test_the_median_ends_where_the_first_seed_stops_and_the_other_seed_goes_on():
    curve = np.array([[4.0, 2.0], [3.0, np.nan], [np.nan, np.nan]])
    axes = the_axes(learning.learning_curves({"training": curve}, "t", "loss"))
    one, _, median = axes.lines
    assert median.get_ydata().tolist() == [3.0]
    assert one.get_ydata().tolist() == [4.0, 3.0]
    assert legend(axes) == ["training, each of 2 seeds", "training, median of all 2"]


def test_seeds_and_their_median_are_in_the_legend():
    axes = the_axes(learning.learning_curves({"training": np.ones((9, 3))}, "t", "loss"))
    assert legend(axes) == ["training, each of 3 seeds", "training, median"]


def test_a_single_line_without_a_name_needs_no_legend():
    assert PANELS["gradient_norms_at_start_of_one_seed"]().legends == []


def test_one_seed_has_no_median():
    axes = the_axes(learning.learning_curves({"training": np.ones((9, 1))}, "t", "loss"))
    assert legend(axes) == ["training"]


@pytest.mark.parametrize(
    ("lowest", "label"), [(0.9, "accuracy (axis starts at 0.895)"), (0.4, "accuracy")]
)
def test_an_accuracy_axis_starts_at_zero_or_says_where(lowest, label):
    curve = {"training": np.array([[lowest], [1.0]])}
    axes = the_axes(learning.learning_curves(curve, "t", "accuracy"))
    assert axes.get_ylabel() == label
    assert (axes.get_ylim()[0] == 0) == (label == "accuracy")


def test_a_short_logarithmic_ordinate_still_has_ticks():
    curve = np.array([[0.6], [0.12]])
    axes = the_axes(learning.learning_curves({"training": curve}, "t", "loss", log=True))
    low, high = axes.get_ylim()
    assert sum(low <= tick <= high for tick in axes.get_yticks()) >= 2


def test_each_split_has_its_colour_and_the_first_epoch_is_1():
    curves = {split: np.ones((9, 1)) for split in ("training", "validation", "test")}
    axes = the_axes(learning.learning_curves(curves, "t", "loss"))
    assert [line.get_color() for line in axes.lines] == [style.BLUE, style.ORANGE, style.GREEN]
    assert axes.lines[0].get_xdata().tolist() == list(range(1, 10))
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == (
        "t",
        "epoch",
        "loss (axis starts at 0.945)",
    )


@pytest.mark.parametrize(("epochs", "drawn"), [(250, 250), (251, 126), (500, 250), (501, 167)])
def test_a_curve_is_thinned_evenly_to_at_most_250_points(epochs, drawn):
    line = the_axes(learning.learning_curves({"training": np.ones((epochs, 1))}, "t", "l")).lines[0]
    assert len(line.get_xdata()) == drawn
    assert len(set(np.diff(line.get_xdata()))) == 1


@pytest.mark.parametrize(("log", "scale"), [(True, "log"), (False, "linear")])
def test_the_ordinate_is_logarithmic_where_told(log, scale):
    figure = learning.learning_curves({"training": np.ones((9, 1))}, "t", "loss", log)
    assert the_axes(figure).get_yscale() == scale


def test_norms_at_the_start_are_by_layer_from_1_on_a_logarithmic_ordinate():
    norms = np.array([[1e-3, 2e-3], [0.1, 0.2], [1.0, 3.0]])
    axes = the_axes(learning.gradient_norms_at_start(norms, "tanh"))
    assert axes.get_title() == "Gradient norm before training: tanh"
    assert axes.get_xticks().tolist() == [1, 2, 3]
    assert axes.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert axes.lines[-1].get_ydata() == pytest.approx([1.5e-3, 0.15, 2.0])
    assert axes.get_yscale() == "log"
    assert legend(axes) == ["each of 2 seeds", "median"]


def test_norms_in_training_have_a_line_a_layer_and_start_at_epoch_0():
    norms = np.arange(1.0, 13).reshape(4, 3)
    axes = the_axes(learning.gradient_norms_in_training(norms, "relu"))
    assert axes.get_title() == "Gradient norm through training: relu"
    assert legend(axes) == ["layer 1", "layer 2", "layer 3"]
    assert [line.get_ydata().tolist() for line in axes.lines] == norms.T.tolist()
    assert axes.lines[0].get_xdata()[0] == 0
    assert axes.get_yscale() == "log"
    assert len({str(line.get_color()) for line in axes.lines}) == 3


def test_the_shares_of_zeros_stand_beside_each_other_before_and_after_training():
    shares = np.array([[0.5, 0.4], [0.75, 0.1]])
    axes = the_axes(learning.zero_activations(shares, "relu"))
    before, after = axes.containers
    assert [bar.get_height() for bar in before] == [0.5, 0.4]
    assert [bar.get_height() for bar in after] == [0.75, 0.1]
    for left, right, layer in zip(before, after, (1, 2), strict=True):
        assert left.get_x() + left.get_width() == pytest.approx(layer)
        assert right.get_x() == pytest.approx(layer)
    assert legend(axes) == ["before training", "after training"]
    assert axes.get_title() == "Sparse coding: zero activations with relu"
    assert [text.get_text() for text in axes.texts] == ["50%", "40%", "75%", "10%"]
    assert axes.get_ylim() == (0, 1)
    assert axes.get_xticks().tolist() == [1, 2]


def test_no_two_layers_have_one_colour():
    axes = the_axes(learning.gradient_norms_in_training(np.ones((3, 9)), "relu"))
    assert len({tuple(line.get_color()) for line in axes.lines}) == 9
