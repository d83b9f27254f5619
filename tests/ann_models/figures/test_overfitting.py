"""The panels of the ten points."""

from tests.support.panels import PANELS, legend, the_axes


def test_early_stopping_marks_the_kept_epoch():
    axes = the_axes(PANELS["stopping_point"]())
    assert legend(axes) == ["training", "validation", "kept: epoch 20"]
    assert axes.get_yscale() == "log"
