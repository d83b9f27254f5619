"""The panels of a search: every trial as a path, and which settings mattered."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from ann_models.figures import search, style


def test_a_search_is_drawn_with_its_best_trial_and_labelled_axes():
    figure = search.parallel_coordinates(
        "row",
        {"rate": ["0.1", "0.001", "0.01"], "activation": ["relu", "tanh", "relu"]},
        [1.0, 0.01, 0.1],
        frozenset({"rate"}),
    )
    axes = figure.axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == [
        "rate",
        "activation",
        "validation loss",
    ]
    thick = [line for line in axes.lines if line.get_linewidth() == 3]
    assert [list(line.get_ydata()) for line in thick] == [[0.0, 1.0, 0.0]]
    figure.savefig("/dev/null", format="png")


def paths(objective, **settings):
    """The lines of the trials, and the texts of the ticks, by axis."""
    axes = search.parallel_coordinates("row", settings, objective).axes[0]
    trials = [line for line in axes.lines if len(line.get_ydata()) == len(settings) + 1]
    return [line for line in trials if line.get_color() != style.GREY], axes


def ticks(axes, position):
    """Height and text of the labels beside the axis at this position."""
    found = [
        (t.get_position()[1], t.get_text())
        for t in axes.texts
        if t.get_position()[0] == position + 0.03
    ]
    return sorted(found)


def test_the_best_trial_is_red_thick_and_drawn_last():
    lines, axes = paths([0.3, 0.1, 0.2], rate=["1", "2", "3"], units=["1", "2", "4"])
    assert len(lines) == 3
    assert [line.get_linewidth() for line in lines] == [1, 1, 3]
    assert to_hex(lines[-1].get_color()).upper() == style.RED
    assert [line.get_ydata()[0] for line in lines] == [0, 1, 0.5]  # the worst one first
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["best trial"]
    assert axes.get_title() == "Search: row"


def test_numbers_have_four_ticks_from_the_lowest_to_the_highest():
    _, axes = paths([0.3, 0.1], rate=["1", "4"], units=["8", "8"])
    assert ticks(axes, 0) == [
        (0, "1"),
        (pytest.approx(1 / 3), "2"),
        (pytest.approx(2 / 3), "3"),
        (1, "4"),
    ]
    assert {text for _, text in ticks(axes, 1)} == {"8"}


def test_names_stand_in_alphabetical_order_at_even_distances():
    lines, axes = paths([0.3, 0.2, 0.1], activation=["tanh", "relu", "sigmoid"], same=["a"] * 3)
    assert ticks(axes, 0) == [(0, "relu"), (0.5, "sigmoid"), (1, "tanh")]
    assert ticks(axes, 1) == [(0, "a")]
    assert [line.get_ydata()[0] for line in lines] == [1, 0, 0.5]


@pytest.mark.parametrize(("lowest", "height"), [(0.01, 0.5), (0.1, None)])
def test_losses_that_differ_more_than_tenfold_have_a_logarithmic_axis(lowest, height):
    middle = np.sqrt(lowest)
    lines, _ = paths([1.0, middle, lowest], rate=["1", "2", "3"])
    expected = height or (middle - lowest) / (1 - lowest)
    assert lines[1].get_ydata()[-1] == pytest.approx(expected)


def test_a_loss_of_zero_has_a_linear_axis():
    lines, _ = paths([1.0, 0.25, 0.0], rate=["1", "2", "3"])
    assert [line.get_ydata()[-1] for line in lines] == [1, 0.25, 0]


def test_a_search_with_one_trial_is_drawn():
    lines, axes = paths([0.5], rate=["1"])
    assert lines[0].get_ydata().tolist() == [0, 0]
    axes.figure.draw_without_rendering()


def test_all_axes_are_within_the_panel_with_room_for_the_last_ones_ticks():
    _, axes = paths([1.0, 2.0], rate=["1", "2"], units=["1", "2"])
    assert axes.get_xlim() == pytest.approx((-0.1, 2.4))
    assert axes.get_ylim() == pytest.approx((-0.05, 1.05))
    assert axes.get_yticks().tolist() == []


def test_many_settings_have_a_wide_panel():
    wide = search.parallel_coordinates("row", {k: ["1", "2"] for k in "abcd"}, [1.0, 2.0])
    narrow = search.parallel_coordinates("row", {"a": ["1", "2"]}, [1.0, 2.0])
    assert tuple(wide.get_size_inches()) == (10.5, 4)
    assert tuple(narrow.get_size_inches()) == (6, 4)


def test_the_first_setting_that_mattered_is_the_topmost_bar():
    figure = search.importances("row", {"rate": 0.9, "activation": 0.1})
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["activation", "rate"]
    assert [bar.get_width() for bar in axes.patches] == [0.1, 0.9]
    assert [text.get_text() for text in axes.texts] == ["10%", "90%"]
    assert axes.get_title() == "Which settings mattered: row"
    assert axes.get_xlabel() == "share of the variance"
    assert figure.get_size_inches()[1] == pytest.approx(2.2)
