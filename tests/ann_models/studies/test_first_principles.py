"""What rows 1, 3, 6 and 11 to 14 of the lecture must show."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from ann_models.datasets import generate
from ann_models.studies import first_principles, study_of
from ann_models.variants import VARIANTS

ROWS = {1, 3, 6, 11, 12, 13, 14}
NAMES = [variant.name for variant in VARIANTS.values() if variant.row in ROWS]


@pytest.fixture(scope="module")
def findings():
    """Each study's findings, measured once, when first asked for."""
    found = {}

    def of(name):
        if name not in found:
            variant = VARIANTS[name]
            found[name] = study_of(variant)(variant, generate(variant.data, seed=0), None)
        return found[name]

    return of


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_can_be_drawn_and_names_its_axes(findings, name, tmp_path):
    figures = findings(name).figures
    assert figures
    for stem, figure in figures.items():
        assert isinstance(figure, Figure)
        figure.savefig(tmp_path / f"{stem}.png", dpi=30)
        panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
        assert all(axes.get_xlabel() for axes in panels), stem
        assert figure.get_suptitle() or all(axes.get_title() for axes in panels), stem


@pytest.mark.parametrize("name", NAMES)
def test_metrics_are_finite_numbers_and_curves_run_by_epoch(findings, name):
    found = findings(name)
    assert all(np.isfinite(value) for value in found.metrics.values())
    assert all(curve.ndim == 1 and np.isfinite(curve).all() for curve in found.curves.values())
    for columns in found.tables.values():
        assert len({len(column) for column in columns.values()}) == 1


def test_one_neuron_learns_and_and_or_but_never_more_than_three_quarters_of_xor(findings):
    found = findings("perceptron")
    assert found.metrics["and_accuracy"] == found.metrics["or_accuracy"] == 1
    assert found.metrics["xor_best_accuracy"] == 3 / 4
    assert found.metrics["xor_epochs"] == VARIANTS["perceptron"].epochs
    assert found.curves["and_mistakes"][-1] == found.curves["or_mistakes"][-1] == 0
    assert found.curves["xor_mistakes"].min() > 0


def test_one_neuron_learns_all_of_xor_with_the_added_feature(findings):
    found = findings("xor_kernel")
    assert found.metrics["train_accuracy"] == 1
    assert found.curves["mistakes"][-1] == 0


def test_the_four_relu_shapes_have_the_lectures_kinks_and_limits(findings):
    (figure,) = findings("relu_shapes").figures.values()
    at_ends = [(0, 1.5), (0, 1), (3, 0), (-2, 0)]  # y at x = −1.5 and x = 1.5
    for axes, ends in zip(figure.axes, at_ends, strict=True):
        assert (axes.get_xlim(), axes.get_ylim()) == ((-2, 2), (-1.7, 2.2))
        y = axes.lines[0].get_ydata()
        assert (y[0], y[-1]) == pytest.approx(ends)


def test_memory_saves_almost_all_of_the_calls(findings):
    found = findings("recursion")
    assert found.metrics["naive_calls"] == 2 * 832040 - 1  # the lecture's n = 30
    assert found.metrics["memoised_calls"] == 2 * 30 - 3
    assert found.metrics["memoised_seconds"] < found.metrics["naive_seconds"] / 100
    assert found.tables["recursion"]["factorial_calls"] == found.tables["recursion"]["n"]


def test_the_formulas_agree_with_kerass_losses(findings):
    found = findings("losses")
    assert found.metrics["largest_difference"] <= 1e-6
    assert len(found.tables["agreement"]["loss"]) == 3


def test_momentum_and_adam_end_lower_than_plain_gradient_descent(findings):
    found = findings("gradient_descent")
    final = {
        key: found.metrics[f"{key}_train_loss"] for key in ("gradient_descent", "momentum", "adam")
    }
    assert max(final["momentum"], final["adam"]) < final["gradient_descent"] < np.log(2)
    for key, value in final.items():
        curve = found.curves[f"{key}_train_loss"]
        assert len(curve) == VARIANTS["gradient_descent"].epochs
        assert curve[-1] == value


def test_the_loss_surface_goes_as_low_as_the_paths_on_it(findings):
    found = findings("gradient_descent")
    lowest = min(curve.min() for curve in found.curves.values())
    surface = found.figures["descent_paths"].axes[0].collections[0]
    assert surface.levels[0] <= lowest


def test_backpropagation_agrees_with_central_differences_and_with_tensorflow(findings):
    metrics = findings("backpropagation").metrics
    assert metrics["central_differences_relative_error"] < 1e-5
    assert metrics["gradient_tape_relative_error"] < 1e-10


def test_the_gradients_cost_is_linear_in_depth_only_with_memory(findings):
    table = findings("backpropagation").tables["cost_against_depth"]
    depths = np.array(table["layers"])
    np.testing.assert_array_equal(table["with_memory_products"], 3 * depths)
    assert table["without_memory_products"][-1] > 50 * table["with_memory_products"][-1]


@pytest.mark.parametrize("name", ["perceptron", "xor_kernel", "gradient_descent"])
def test_a_study_finds_the_same_again(findings, name):
    variant = VARIANTS[name]
    again = study_of(variant)(variant, generate(variant.data, seed=0), None)
    assert again.metrics == findings(name).metrics


def test_each_point_of_the_loss_surface_has_its_best_bias():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 2)), np.array([0, 1, 0, 1, 1, 0, 1.0])
    w1, w2 = np.array([-1.0, 0.5]), np.array([-2.0, 0.0, 3.0])
    surface = first_principles._loss_surface(x, y, w1, w2)
    biases = np.linspace(-15, 15, 30_001)
    for row, column in np.ndindex(3, 2):
        a = x @ [w1[column], w2[row]] + biases[:, None]
        lowest = np.mean(np.logaddexp(0, a) - y * a, axis=1).min()
        assert surface[row, column] == pytest.approx(lowest, abs=1e-6)


@pytest.mark.parametrize(("long", "runs"), [(1e9, 3), (-1.0, 1)])
def test_what_is_short_is_timed_three_times_and_what_is_long_once(monkeypatch, long, runs):
    monkeypatch.setattr(first_principles, "LONG", long)
    calls = []
    assert first_principles._seconds(lambda: calls.append(0)) >= 0
    assert len(calls) == runs
