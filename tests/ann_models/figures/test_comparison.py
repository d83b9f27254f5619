"""The panels across the variants of one question."""

import numpy as np
import pytest
from matplotlib.container import BarContainer

from ann_models.figures import comparison
from tests.support.panels import GRID, PANELS, legend, the_axes


def test_the_error_bars_against_size_are_the_ends_of_the_intervals():
    axes = the_axes(PANELS["error_against_size"]())
    (bars,) = axes.containers[0].lines[2]
    assert bars.get_segments()[0].tolist() == [[500, 0.12], [500, 0.14]]
    shown = [t.get_text() for t in axes.get_yticklabels()]
    assert len(shown) >= 4 and all(text.endswith(" %") for text in shown)


def test_zero_lambda_is_dashed_among_the_penalties():
    lines = the_axes(PANELS["losses"]()).lines
    assert [line.get_linestyle() for line in lines] == ["--", "-"]


def heights(container):
    return [bar.get_height() for bar in container]


def test_the_final_losses_of_all_seeds_stand_under_their_median_on_logarithmic_axes():
    losses = {1: np.array([0.4, 0.1, 0.2]), 100: np.array([1e-5, 2e-5, 9e-5])}
    axes = the_axes(comparison.final_loss_against_units(losses))
    one, hundred, medians = axes.lines
    assert one.get_xdata().tolist() == [1, 1, 1]
    assert hundred.get_ydata().tolist() == [1e-5, 2e-5, 9e-5]
    assert medians.get_xydata().tolist() == [[1, 0.2], [100, 2e-5]]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_xticks().tolist() == [1, 100]
    assert legend(axes) == ["one seed", "median"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("neurons", "final loss")


@pytest.mark.parametrize(("measure", "first"), [("accuracy", "accuracy (axis"), ("loss", "loss")])
def test_neighbouring_panels_share_an_ordinate_that_is_named_once(measure, first):
    runs = {name: {"training": np.full((10, 2), 0.9)} for name in ("sigmoid", "tanh", "relu")}
    figure = comparison.learning_curves_side_by_side(runs, measure)
    assert [axes.get_title() for axes in figure.axes] == ["sigmoid", "tanh", "relu"]
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels[0].startswith(first)
    assert labels[1:] == ["", ""]
    assert ("axis starts" in labels[0]) == (measure == "accuracy")
    assert tuple(figure.get_size_inches()) == (12, 4.2)
    assert len({axes.get_ylim() for axes in figure.axes}) == 1


def test_the_gradient_norms_of_each_activation_are_a_line_by_layer():
    norms = {"sigmoid": np.array([1e-6, 1e-3, 1.0]), "relu": np.array([0.5, 0.6, 0.7])}
    axes = the_axes(comparison.gradient_norms_at_start(norms))
    assert legend(axes) == ["sigmoid", "relu"]
    assert [line.get_xdata().tolist() for line in axes.lines] == [[1, 2, 3]] * 2
    assert axes.lines[1].get_ydata().tolist() == [0.5, 0.6, 0.7]
    assert axes.get_yscale() == "log"


def test_both_norms_stand_over_lambda_beside_their_levels_without_a_penalty():
    axes = the_axes(PANELS["weights_norm"]())
    l1, without_l1, l2, without_l2 = axes.lines
    assert l1.get_ydata().tolist() == [9, 2]
    assert l2.get_ydata().tolist() == [3, 1]
    assert (set(without_l1.get_ydata()), set(without_l2.get_ydata())) == ({20.0}, {5.0})
    assert without_l1.get_color() == l1.get_color() != l2.get_color()
    assert without_l1.get_linestyle() == "--"
    assert axes.get_xticks().tolist() == [0.01, 0.1]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert legend(axes) == ["‖ω‖₁", "‖ω‖₁ without penalty", "‖ω‖₂", "‖ω‖₂ without penalty"]


def test_bands_join_the_quantiles_from_outside_to_the_middle_one():
    quantiles = {f"{q}%": np.full(2, float(q)) for q in (5, 25, 50, 75, 95)}
    axes = the_axes(comparison.estimates_against_strength(np.array([0.01, 0.1]), quantiles, "t"))
    assert legend(axes) == ["5% to 95%", "25% to 75%", "50%"]
    outer, inner = (band.get_paths()[0].get_extents() for band in axes.collections)
    assert (outer.y0, outer.y1, inner.y0, inner.y1) == (5, 95, 25, 75)
    assert axes.lines[0].get_ydata().tolist() == [50, 50]
    assert axes.get_xscale() == "log"


def test_error_and_roughness_share_an_ordinate_on_which_zero_has_a_place():
    axes = the_axes(PANELS["fit"]())
    errors, roughness = axes.lines
    assert errors.get_ydata().tolist() == [0.1, 5]
    assert roughness.get_ydata().tolist() == [300, 0]
    assert axes.get_yscale() == "symlog"
    assert axes.get_ylim()[0] == 0
    assert axes.yaxis.get_transform().linthresh == 1e-3
    assert legend(axes) == ["mean squared error", "roughness ∫f″(x)² dx"]


def test_the_fitted_curves_name_their_lambda_and_lie_under_the_points():
    axes = the_axes(PANELS["fitted_curves"]())
    without, with_penalty, points = axes.lines
    assert (without.get_linestyle(), with_penalty.get_linestyle()) == ("--", "-")
    assert with_penalty.get_ydata() == pytest.approx(-GRID)
    assert points.get_xdata() == pytest.approx(GRID[::4])
    assert legend(axes) == ["λ = 0", "λ = 0.1", "training points"]


def test_the_losses_by_lambda_begin_with_epoch_1_on_a_logarithmic_ordinate():
    axes = the_axes(PANELS["losses"]())
    assert axes.lines[0].get_xdata().tolist() == list(range(1, 41))
    assert axes.get_yscale() == "log"
    assert axes.get_ylabel() == "mean squared error + penalty"


def test_test_errors_stand_over_the_sizes_as_percentages():
    axes = the_axes(PANELS["error_against_size"]())
    assert axes.get_xticks().tolist() == [500, 2000]
    assert axes.yaxis.get_major_formatter()(0.085) == "8.5 %"
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert legend(axes) == ["without", "with"]


def test_an_error_outside_of_its_interval_has_no_bar_of_negative_length():
    line = np.array([[500], [0.1], [0.11], [0.12]])
    axes = the_axes(comparison.error_against_size({"t": line}))
    (bars,) = axes.containers[0].lines[2]
    assert bars.get_segments()[0].tolist() == [[500, 0.1], [500, pytest.approx(0.12)]]


def test_the_shares_of_each_run_stand_beside_each_other_with_their_deviation():
    measures = {
        "read": (np.array([0.9, 0.8]), np.array([0.05, 0.0])),
        "marked": (np.array([0.5, 0.1]), np.array([0.0, 0.0])),
    }
    axes = the_axes(comparison.shares(["with", "without"], measures, "Other hands"))
    read, marked = (c for c in axes.containers if isinstance(c, BarContainer))
    assert (heights(read), heights(marked)) == ([0.9, 0.8], [0.5, 0.1])
    for place in (0, 1):
        assert read[place].get_x() == pytest.approx(place - 0.4)
        assert marked[place].get_x() == pytest.approx(place)
        assert marked[place].get_width() == pytest.approx(0.4)
    assert [text.get_text() for text in axes.texts] == ["90.0%", "80.0%", "50.0%", "10.0%"]
    assert axes.texts[0].get_position() == pytest.approx((-0.2, 0.96))
    assert [text.get_text() for text in axes.get_xticklabels()] == ["with", "without"]
    assert axes.get_ylim() == (0, 1.15)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["read", "marked"]


def test_the_gap_stands_in_the_middle_between_training_and_test():
    axes = the_axes(PANELS["accuracies"]())
    assert [text.get_text() for text in axes.texts] == ["gap 2.00 points", "gap 0.50 points"]
    assert axes.texts[0].xy == pytest.approx((0, 0.98))
    assert axes.lines[0].get_ydata().tolist() == [0.99, 0.995]
    (bars,) = axes.containers[0].lines[2]
    assert bars.get_segments()[0][:, 1] == pytest.approx([0.969, 0.971])
    assert legend(axes) == ["training", "test ± 1 sd of seeds"]
    assert axes.get_xlim() == pytest.approx((-0.4, 1.9))
    assert "axis starts at" in axes.get_ylabel()


def test_the_errors_left_begin_with_the_best_and_stand_over_what_it_costs():
    names, errors = ["best", "second"], np.array([20.0, 45.0])
    figure = comparison.errors_left(names, errors, np.array([0.0, 5.0]), np.array([90_000, 20_000]))
    left, right = figure.axes
    (bars,) = (c for c in left.containers if isinstance(c, BarContainer))
    assert [bar.get_width() for bar in bars] == [20, 45]
    assert [text.get_text() for text in left.texts] == ["20", "45"]
    assert left.yaxis_inverted()
    assert left.get_xlim() == pytest.approx((0, 60))
    assert left.get_xlabel() == "errors in 10,000 test digits"
    points = [container.lines[0].get_xydata()[0].tolist() for container in right.containers]
    assert points == [[90_000, 20], [20_000, 45]]
    assert legend(right) == names
    assert (right.get_xscale(), right.get_yscale()) == ("log", "log")
    assert tuple(figure.get_size_inches()) == (10, pytest.approx(2.4))


def test_more_networks_than_marks_are_all_drawn():
    names = [f"network {i}" for i in range(10)]
    figure = comparison.errors_left(names, np.arange(1, 11), np.zeros(10), np.arange(1, 11) * 1000)
    right = figure.axes[1]
    assert legend(right) == names
    assert right.containers[8].lines[0].get_marker() == right.containers[0].lines[0].get_marker()
