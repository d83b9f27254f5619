"""The panels of the two-dimensional classifications: limits, lines, points and legends."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from ann_models.figures import classification, style
from tests.support.panels import GRID, PANELS, X, Y, Z, legend, the_axes


def test_class_one_is_red_and_class_zero_blue():
    axes = the_axes(classification.data(X, Y))
    colours = {line.get_label(): to_hex(line.get_color()).upper() for line in axes.lines}
    assert colours == {"$C_1$": style.RED, "$C_0$": style.BLUE}
    assert legend(axes) == ["$C_0$", "$C_1$"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$x_1$", "$x_2$")


def test_classes_of_ones_own_are_called_as_in_their_file():
    names = ("_healthy", "ill, from 5 $ to 6 $")
    for figure in (
        classification.data(X, Y, names=names),
        classification.decision_regions(X, Y, GRID, GRID, np.zeros((40, 40)), names),
    ):
        assert legend(the_axes(figure)) == [" _healthy", r"ill, from 5 \$ to 6 \$"]
    assert figure.axes[1].get_ylabel() == r"probability of ill, from 5 \$ to 6 \$"


def test_each_class_has_its_own_points():
    blue, red = the_axes(classification.data(X, Y)).lines
    assert red.get_xydata() == pytest.approx(X[Y[:, 0] == 1])
    assert blue.get_xydata() == pytest.approx(X[Y[:, 0] == 0])


def test_row_4_shows_the_boundary_between_0_and_8_and_the_shown_seed_thick():
    normals, biases = np.array([[0.8, 1.0], [1.0, 1.0]]), np.array([-3.0, -4.0])
    axes = the_axes(classification.boundary(X, Y, normals, biases, 0))
    assert axes.get_xlim() == (0, 8)
    thick = next(line for line in axes.lines if line.get_label().startswith("boundary"))
    assert "each of 2 seeds" in legend(axes)
    assert thick.get_linewidth() == 3
    for x1, x2 in (thick.get_xy1(), thick.get_xy2()):
        assert 0.8 * x1 + x2 - 3 == pytest.approx(0)


def test_a_vertical_boundary_can_be_drawn():
    axes = the_axes(classification.boundary(X, Y, np.array([[2.0, 0.0]]), np.array([-8.0]), 0))
    line = axes.lines[-1]
    assert line.get_xy1()[0] == line.get_xy2()[0] == 4


def test_a_unit_without_weights_has_no_line():
    axes = the_axes(classification.boundary(X, Y, np.zeros((1, 2)), np.ones(1), 0))
    assert legend(axes) == ["$C_0$", "$C_1$"]


def test_row_5_shows_the_input_space_with_the_lectures_limits_and_two_lines():
    axes = the_axes(PANELS["hidden_lines"]())
    assert (axes.get_xlim(), axes.get_ylim()) == ((-5, 5), (-4, 4))
    assert len(legend(axes)) == 4


@pytest.mark.parametrize("name", ["hidden_space", "hidden_space_with_boundary"])
def test_the_hidden_space_is_the_unit_square(name):
    axes = the_axes(PANELS[name]())
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 1), (0, 1))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$z_1$", "$z_2$")
    assert axes.get_aspect() == 1


def test_many_points_are_pale_and_few_are_large_with_an_edge():
    many = the_axes(classification.data(X, Y)).lines[0]
    few = the_axes(classification.data(X[:10], Y[:10])).lines[0]
    eleven = the_axes(classification.data(X[:11], Y[:11])).lines[0]
    assert (many.get_alpha(), few.get_alpha(), eleven.get_alpha()) == (0.4, None, 0.4)
    assert few.get_markersize() > many.get_markersize()
    assert few.get_markeredgecolor() == style.BLACK


def test_the_data_may_have_limits():
    axes = the_axes(classification.data(X, Y, (-5, 5), (-4, 3)))
    assert (axes.get_xlim(), axes.get_ylim()) == ((-5, 5), (-4, 3))


def test_each_seed_has_a_thin_line_and_a_single_one_only_its_thick_one():
    axes = the_axes(PANELS["boundary"]())
    thin = [line for line in axes.lines[2:] if line.get_linewidth() < 1]
    assert (len(thin), len(axes.lines)) == (3, 6)
    assert axes.get_ylim() == (-4.3, 3.3)
    assert legend(axes) == [
        "$C_0$",
        "$C_1$",
        "each of 3 seeds",
        "boundary, seed of the median loss",
    ]
    one = the_axes(classification.boundary(X, Y, np.ones((1, 2)), np.zeros(1), 0))
    assert legend(one) == ["$C_0$", "$C_1$", "boundary"]


def test_points_on_the_edge_of_the_hidden_space_are_drawn_whole():
    axes = the_axes(PANELS["hidden_space"]())
    assert not any(points.get_clip_on() for points in axes.lines)


def test_the_hidden_space_has_other_limits_where_told():
    axes = the_axes(classification.hidden_space(Z, Y, (-1.1, 1.1)))
    assert (axes.get_xlim(), axes.get_ylim()) == ((-1.1, 1.1), (-1.1, 1.1))


def test_the_output_units_line_is_where_its_sum_is_zero():
    axes = the_axes(PANELS["hidden_space_with_boundary"]())
    line = axes.lines[-1]
    for z1, z2 in (line.get_xy1(), line.get_xy2()):
        assert z1 - z2 + 0.2 == pytest.approx(0)
    assert line.get_xy1() != line.get_xy2()
    assert line.get_label() == "output unit"


def test_each_hidden_unit_has_the_line_of_its_own_column_of_the_kernel():
    kernel, biases = np.array([[1.0, 3.0], [2.0, -1.0]]), np.array([-2.0, 0.5])
    figure = classification.hidden_lines(X, Y, kernel, biases)
    for unit, line in enumerate(the_axes(figure).lines[2:]):
        for point in (line.get_xy1(), line.get_xy2()):
            assert np.dot(point, kernel[:, unit]) + biases[unit] == pytest.approx(0)
        assert line.get_label() == f"$z_{unit + 1}$ = ½"


def test_decision_regions_stand_where_their_coordinates_say_in_the_range_of_probabilities():
    probabilities = np.tile(np.linspace(0, 1, 40), (30, 1))
    figure = classification.decision_regions(X, Y, GRID, GRID[:30], probabilities)
    (image,) = the_axes(figure).images
    assert image.get_extent() == [GRID[0], GRID[-1], GRID[0], GRID[29]]
    assert image.get_clim() == (0, 1)
    assert image.origin == "lower"
    assert figure.axes[1].get_ylabel() == "probability of $C_1$"


@pytest.mark.parametrize(
    ("low", "high", "drawn"), [(0.4, 0.6, 1), (0.5, 0.9, 0), (0.1, 0.5, 0), (0.6, 0.9, 0)]
)
def test_the_boundary_is_drawn_only_where_both_classes_are_predicted(low, high, drawn):
    probabilities = np.tile(np.linspace(low, high, 40), (40, 1))
    axes = the_axes(classification.decision_regions(X, Y, GRID, GRID, probabilities))
    assert len(axes.collections) == drawn
    if drawn:
        (line,) = axes.collections[0].get_paths()
        assert line.vertices[:, 0] == pytest.approx(0)  # where the probability is ½
