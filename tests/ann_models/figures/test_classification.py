"""The panels of the two-dimensional classifications: limits, lines, points and legends."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from ann_models.figures import classification, style
from tests.support.panels import PANELS, X, Y, legend, the_axes


def test_class_one_is_red_and_class_zero_blue():
    axes = the_axes(classification.data(X, Y))
    colours = {line.get_label(): to_hex(line.get_color()).upper() for line in axes.lines}
    assert colours == {"$C_1$": style.RED, "$C_0$": style.BLUE}
    assert legend(axes) == ["$C_0$", "$C_1$"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$x_1$", "$x_2$")


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
