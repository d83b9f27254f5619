"""The panels have the lecture's limits, labels and legends, and each can be drawn."""

import io

import pytest

from tests.support.panels import PANELS


@pytest.mark.parametrize("name", PANELS)
def test_every_panel_is_drawn_with_a_title_and_without_a_warning(name, recwarn):
    figure, png = PANELS[name](), io.BytesIO()
    figure.savefig(png, format="png", dpi=50)
    assert png.getvalue().startswith(b"\x89PNG")
    assert any(axes.get_title() for axes in figure.axes)
    assert not [str(warning.message) for warning in recwarn]


@pytest.mark.parametrize("name", ["data", "boundary", "hidden_lines", "sum_of_neurons"])
def test_panels_of_the_lecture_have_the_lectures_size(name):
    assert tuple(PANELS[name]().get_size_inches()) == (6, 4)


@pytest.mark.parametrize("name", PANELS)
def test_no_legend_covers_an_axes(name):
    figure = PANELS[name]()
    figure.draw_without_rendering()
    for axes in figure.axes:
        assert axes.get_legend() is None
        for legend_below in figure.legends:
            assert not axes.get_window_extent().overlaps(legend_below.get_window_extent())
