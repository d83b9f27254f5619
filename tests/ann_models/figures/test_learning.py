"""The panels of learning: curves by epoch and gradients by layer."""

import numpy as np
import pytest

from ann_models.figures import learning
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
