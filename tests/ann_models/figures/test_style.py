"""The style sheet of all panels: legends, logarithmic axes, notebooks."""

from itertools import pairwise

import matplotlib
import numpy as np
import pytest

from ann_models.figures import style
from tests.support.panels import PANELS, legend


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


@pytest.mark.parametrize(
    ("low", "high"), [(2.31e14, 2.34e14), (1.0000e-6, 1.0004e-6), (100.00001, 100.00004), (1, 2)]
)
def test_no_two_ticks_of_a_short_logarithmic_axis_have_one_label(low, high):
    figure, axes = style.panel("t")
    axes.plot([1, 2], [low, high])
    style.log_ordinate(axes)
    figure.draw_without_rendering()
    texts = [tick.get_text() for tick in axes.get_yticklabels()]
    assert len(texts) >= 2
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("columns", [1, 2])
def test_a_long_title_is_broken_and_stays_within_the_figure(columns):
    name = "relu_regression_4+layers.0.activation=tanh+epochs=2000+data=points.csv-1a2b3c"
    figure, axes = style.panels(columns, (6, 4))
    for each in axes:
        style.label(each, f"Learning curve: {name}", "epoch", "loss")
    figure.draw_without_rendering()
    assert axes[0].get_title().replace("\n", " ").replace("+ ", "+") == f"Learning curve: {name}"
    boxes = [each.title.get_window_extent() for each in axes]
    assert boxes[0].x0 >= 0
    assert boxes[-1].x1 <= figure.bbox.width
    assert all(left.x1 <= right.x0 for left, right in pairwise(boxes))


@pytest.mark.parametrize(
    ("text", "characters", "lines"),
    [
        ("short", 10, "short"),
        ("two words here", 10, "two words\nhere"),
        ("row+a=1+b=2", 8, "row+a=1+\nb=2"),
        ("a" * 12, 5, "aaaaa\naaaaa\naa"),
        ("the line $x + y$ of it", 8, "the line $x + y$ of it"),
    ],
)
def test_lines_end_after_spaces_and_plus_signs(text, characters, lines):
    assert style.wrapped(text, characters) == lines


def test_a_notebook_shows_a_panel_as_a_picture():
    assert PANELS["data"]()._repr_png_().startswith(b"\x89PNG")


def test_drawing_leaves_the_users_matplotlib_settings_alone():
    before = dict(matplotlib.rcParams)
    PANELS["data"]()._repr_png_()
    assert dict(matplotlib.rcParams) == before


def test_a_panel_has_its_labels_size_and_grid():
    figure, axes = style.panel("title", "abscissa", "ordinate", (3, 2))
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == (
        "title",
        "abscissa",
        "ordinate",
    )
    assert tuple(figure.get_size_inches()) == (3, 2)
    assert axes.xaxis.get_gridlines()[0].get_visible()
    assert axes.get_axisbelow() is True
    _, without = style.panel("title", grid=False)
    assert not without.xaxis.get_gridlines()[0].get_visible()


def test_panels_are_counted_row_by_row():
    _, axes = style.panels(3, (6, 4), rows=2)
    places = [(a.get_subplotspec().rowspan.start, a.get_subplotspec().colspan.start) for a in axes]
    assert places == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]


@pytest.mark.parametrize("same", [True, False])
def test_panels_share_an_ordinate_only_where_told(same):
    _, (left, right) = style.panels(2, (6, 4), same_ordinate=same)
    left.set_ylim(3, 4)
    assert (right.get_ylim() == (3, 4)) == same


def test_one_legend_names_each_label_of_all_axes_once():
    figure, (left, right) = style.panels(2, (6, 4))
    for axes in (left, right):
        axes.plot([0, 1], label="both")
    right.plot([1, 0], label="right")
    style.legend(figure)
    assert legend(left) == ["both", "right"]


def test_nothing_with_a_name_needs_no_legend():
    figure, axes = style.panel("t")
    axes.plot([0, 1])
    style.legend(figure)
    assert figure.legends == []


@pytest.mark.parametrize(
    ("texts", "inches", "columns"),
    [
        (["a"], 6, 1),
        (["ab", "cd"], 6, 2),
        (["x" * 20] * 4, 6, 2),
        (["x" * 20] * 4, 6.3, 3),
        (["x" * 200, "y"], 6, 1),
        ([r"$\max(0)$"] * 9, 6, 7),  # of the formula, three letters count
    ],
)
def test_as_many_legend_entries_stand_beside_each_other_as_fit(texts, inches, columns):
    assert style._columns(texts, inches) == columns


def test_the_median_of_several_seeds_is_thick_and_each_seed_thin():
    _, axes = style.panel("t")
    values = np.array([[1.0, 2.0, 6.0], [3.0, 3.0, 9.0]])
    style.seeds_and_median(axes, np.arange(2), values, "loss", style.BLUE)
    *thin, thick = axes.lines
    assert [line.get_ydata().tolist() for line in thin] == values.T.tolist()
    assert thick.get_ydata().tolist() == [2, 3]
    assert thick.get_linewidth() > thin[0].get_linewidth() > 0
    assert thin[0].get_label() == "loss, each of 3 seeds"
    assert thick.get_label() == "loss, median"


def test_lines_without_a_name_begin_with_what_they_are():
    _, axes = style.panel("t")
    style.seeds_and_median(axes, np.arange(2), np.ones((2, 2)), "", style.BLUE)
    assert axes.lines[0].get_label() == "each of 2 seeds"
    assert axes.lines[-1].get_label() == "median"


@pytest.mark.parametrize(("points", "marker"), [(1, "o"), (2, "None")])
@pytest.mark.parametrize("seeds", [1, 2])
def test_a_single_point_is_marked_because_it_has_no_line(points, marker, seeds):
    _, axes = style.panel("t")
    style.seeds_and_median(axes, np.arange(points), np.ones((points, seeds)), "t", style.BLUE)
    assert {line.get_marker() for line in axes.lines} == {marker}


def test_the_shown_seed_is_thick_among_all():
    _, axes = style.panel("t")
    values = np.array([[1.0, 2.0, 6.0], [3.0, 3.0, 9.0]])
    style.seeds_and_one(axes, np.arange(2), values, 2, style.RED)
    *thin, thick = axes.lines
    assert len(thin) == 3
    assert thick.get_ydata().tolist() == [6, 9]
    assert thick.get_linewidth() > thin[0].get_linewidth() > 0
    assert (thin[0].get_label(), thick.get_label()) == (
        "each of 3 seeds",
        "seed of the median loss",
    )


def test_one_seed_is_the_network():
    _, axes = style.panel("t")
    style.seeds_and_one(axes, np.arange(2), np.ones((2, 1)), 0, style.RED)
    assert [line.get_label() for line in axes.lines] == ["network"]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (1, 1000, [1, 10, 100, 1000]),
        (1, 100, [1, 2, 5, 10, 20, 50, 100]),  # a ratio of just 100 is not above it
        (1, 5, [1, 1.5, 2, 3, 4, 5]),
        (1, 2, [1, 1.2, 1.5, 2]),
    ],
)
def test_the_shorter_a_logarithmic_ordinate_the_more_ticks_a_decade(low, high, ticks):
    _, axes = style.panel("t")
    axes.set_ylim(low, high)
    style.log_ordinate(axes)
    axes.set_ylim(low, high)
    shown = [tick for tick in axes.get_yticks() if low <= tick <= high]
    assert axes.get_yscale() == "log"
    assert shown == pytest.approx(ticks)


def test_a_logarithmic_abscissa_has_its_ticks_at_the_places_or_at_powers_of_ten():
    _, axes = style.panel("t")
    axes.plot([3, 700], [1, 2])
    style.log_abscissa(axes, [3, 70, 700])
    assert axes.get_xscale() == "log"
    assert axes.get_xticks().tolist() == [3, 70, 700]
    assert axes.xaxis.get_minorticklocs().tolist() == []
    style.log_abscissa(axes)
    assert {10, 100} <= set(axes.get_xticks())


@pytest.mark.parametrize(("lowest", "start"), [(0.49, True), (0.5, False)])
def test_an_accuracys_ordinate_starts_at_0_where_half_of_it_would_be_used(lowest, start):
    _, axes = style.panel("t", ylabel="accuracy")
    axes.plot([lowest, 1])
    style.accuracy_ordinate(axes)
    assert (axes.get_ylim()[0] == 0) == start
    assert ("axis starts at" in axes.get_ylabel()) != start


def test_an_accuracys_ordinate_says_at_which_value_it_starts():
    _, axes = style.panel("t", ylabel="accuracy")
    axes.plot([0.8, 0.9])
    axes.set_ylim(0.75, 0.95)
    style.accuracy_ordinate(axes)
    assert axes.get_ylabel() == "accuracy (axis starts at 0.75)"


@pytest.mark.parametrize(
    ("low", "high", "powers"), [(1e-3, 1, False), (7e-4, 1, True), (1, 2e5, False), (1, 3e5, True)]
)
def test_an_axis_beyond_plain_numbers_has_powers_of_ten(low, high, powers):
    _, axes = style.panel("t")
    style.log_ordinate(axes)
    axes.set_ylim(low, high)
    assert ("10^" in axes.yaxis.get_major_formatter()(1.0)) == powers


def test_a_title_has_code_points_for_what_the_font_lacks():
    _, axes = style.panel("Learning curve:\n漢.csv, λ → ½")
    assert axes.get_title() == "Learning curve:\nU+6F22.csv, λ → ½"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("T-shirt/top", "T-shirt/top"),
        ("x" * 20, "x" * 20),
        ("the capital letter omega", "the capita…ter omega"),
        ("from 5 $ to 6 $", r"from 5 \$ to 6 \$"),
        ("_hidden", " _hidden"),
        ("Буква Ж", "Буква Ж"),
        ("漢字", "U+6F22U+5B57"),
        (7, "7"),
    ],
)
def test_a_class_is_shown_by_its_name_as_far_as_there_is_room(name, shown):
    assert style.class_names([name]) == [shown]
    figure, axes = style.panel("t")
    axes.plot([1], [1], label=shown)
    style.legend(figure)
    figure.draw_without_rendering()  # which fails at a formula that is none
    assert legend(axes) == [shown]
