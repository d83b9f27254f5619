"""The panels of the ReLU regression."""

import pytest

from tests.support.panels import PANELS, legend, the_axes


@pytest.mark.parametrize("name", ["contributions", "sum_of_neurons"])
def test_rows_7_to_10_have_the_lectures_limits_and_a_dashed_target(name):
    axes = the_axes(PANELS[name]())
    assert (axes.get_xlim(), axes.get_ylim()) == ((-2, 2), (-1.7, 2.2))
    assert axes.lines[0].get_linestyle() == "--"
    assert legend(axes)[0] == "target"


def test_each_neuron_has_a_line_of_its_own():
    assert legend(the_axes(PANELS["contributions"]()))[1:] == [
        f"neuron {unit}" for unit in (1, 2, 3, 4)
    ]
