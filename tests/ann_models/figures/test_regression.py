"""The panels of the ReLU regression."""

import numpy as np
import pytest

from ann_models.figures import regression
from tests.support.panels import GRID, PANELS, legend, the_axes


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


@pytest.mark.parametrize("count", [1, 2, 4])
def test_each_neurons_line_is_its_column_of_the_terms(count):
    terms = np.arange(40.0 * count).reshape(40, count)
    _, *neurons = the_axes(regression.contributions(GRID, terms, GRID, GRID)).lines
    assert [line.get_ydata().tolist() for line in neurons] == terms.T.tolist()


def test_the_sum_has_a_line_a_seed_and_the_shown_one_over_them():
    sums = np.arange(120.0).reshape(40, 3)
    axes = the_axes(regression.sum_of_neurons(GRID, sums, 2, GRID, GRID))
    assert axes.lines[-1].get_ydata().tolist() == sums[:, 2].tolist()
    assert legend(axes) == ["target", "each of 3 seeds", "seed of the median loss"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")
