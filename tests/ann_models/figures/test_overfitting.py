"""The panels of the ten points."""

import numpy as np
import pytest

from ann_models.figures import overfitting, style
from tests.support.panels import GRID, PANELS, POINTS, legend, the_axes


def test_early_stopping_marks_the_kept_epoch():
    axes = the_axes(PANELS["stopping_point"]())
    assert legend(axes) == ["training", "validation", "kept: epoch 20"]
    assert axes.get_yscale() == "log"


def test_training_and_validation_points_differ_in_mark_and_colour():
    points = {split: (GRID[:5, None], GRID[:5, None]) for split in ("training", "validation")}
    axes = the_axes(overfitting.ten_points(points))
    looks = [(line.get_marker(), line.get_color()) for line in axes.lines]
    assert looks == [("o", style.BLUE), ("D", style.ORANGE)]
    assert legend(axes) == ["training points", "validation points"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")


def test_the_fitted_curve_of_the_shown_seed_lies_over_those_of_all_and_under_the_points():
    curves = np.arange(120.0).reshape(40, 3)
    axes = the_axes(overfitting.fitted_curve(POINTS, GRID, curves, 1))
    *seeds, shown, _ = axes.lines
    assert len(seeds) == 3
    assert shown.get_ydata().tolist() == curves[:, 1].tolist()
    assert legend(axes) == ["each of 3 seeds", "seed of the median loss", "training points"]


def test_batch_statistics_are_drawn_over_moving_ones_layer_by_layer():
    means = [(np.array([1.0, 2.0]), np.array([3.0, 4.0])), (np.zeros(2), np.ones(2))]
    figure = overfitting.batch_and_moving_statistics(means, means[::-1])
    left, right = figure.axes
    assert [left.get_title(), right.get_title()] == [
        "Batch and moving mean",
        "Batch and moving variance",
    ]
    assert (left.get_xlabel(), right.get_ylabel()) == ("moving mean", "batch variance")
    assert left.lines[0].get_xdata().tolist() == [3, 4]
    assert left.lines[0].get_ydata().tolist() == [1, 2]
    assert right.lines[1].get_ydata().tolist() == [1, 2]
    assert (left.lines[2].get_xy1(), left.lines[2].get_slope()) == ((0, 0), 1)
    assert legend(left) == ["layer 1", "layer 2", "equality"]


def test_the_band_of_training_mode_is_a_deviation_wide_on_each_side_of_its_mean():
    axes = the_axes(overfitting.training_and_inference(GRID, GRID, GRID + 5, np.full(40, 2.0)))
    (band,) = axes.collections
    edges = band.get_paths()[0].get_extents()
    assert (edges.y0, edges.y1) == pytest.approx((GRID[0] + 3, GRID[-1] + 7))
    mean, inference = axes.lines
    assert mean.get_ydata() == pytest.approx(GRID + 5)
    assert inference.get_ydata() == pytest.approx(GRID)
    assert legend(axes) == ["± 1 sd", "mean of training-mode outputs", "inference output"]


def test_the_means_over_masks_stand_beside_the_output_without_dropout():
    axes = the_axes(PANELS["dropout_scaling"]())
    assert axes.get_title() == "Linear layer after dropout 0.2: mean over masks"
    assert axes.get_xscale() == "log"
    scaled, unscaled, inference = axes.lines
    assert (scaled.get_ydata() == 1).all() and (unscaled.get_ydata() == 0).all()
    assert set(inference.get_ydata()) == {1.0}


def test_every_weight_is_counted_once_on_a_logarithmic_ordinate():
    axes = the_axes(PANELS["weight_estimates"]())
    (stairs,) = axes.patches
    counts, edges, _ = stairs.get_data()
    assert (counts.sum(), len(counts), len(edges)) == (1000, 60, 61)
    assert axes.get_yscale() == "log"


def test_the_kept_epochs_validation_loss_is_marked():
    validation = np.linspace(9.0, 0.5, 50)
    axes = the_axes(overfitting.stopping_point(np.ones(50), validation, 20))
    training, shown, kept, point = axes.lines
    assert training.get_xdata().tolist() == shown.get_xdata().tolist() == list(range(1, 51))
    assert set(kept.get_xdata()) == {20}
    assert (*point.get_xdata(), *point.get_ydata()) == (20, validation[19])
