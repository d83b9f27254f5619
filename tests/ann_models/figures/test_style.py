"""The style sheet of all panels: legends, logarithmic axes, notebooks."""

import matplotlib
import pytest

from ann_models.figures import (
    style,
)
from tests.support.panels import PANELS


@pytest.mark.parametrize(
    ("value", "powers", "text"),
    [
        (0.05, False, "0.05"),
        (10_000, False, "10,000"),
        (0.01, True, "$10^{-2}$"),
        (2e-9, True, "$2·10^{-9}$"),
    ],
)
def test_ticks_of_logarithmic_axes_are_plain_or_powers(value, powers, text):
    assert style.log_label(value, powers) == text


def test_one_axis_never_mixes_plain_numbers_and_powers():
    figure, axes = style.panel("t")
    axes.plot([1, 2], [1e-6, 1.0])
    style.log_ordinate(axes)
    figure.draw_without_rendering()
    assert all("10^" in tick.get_text() for tick in axes.get_yticklabels())


def test_a_notebook_shows_a_panel_as_a_picture():
    assert PANELS["data"]()._repr_png_().startswith(b"\x89PNG")


def test_drawing_leaves_the_users_matplotlib_settings_alone():
    before = dict(matplotlib.rcParams)
    PANELS["data"]()._repr_png_()
    assert dict(matplotlib.rcParams) == before
