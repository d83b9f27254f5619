"""The panels have the lecture's limits, labels and legends, and each can be drawn."""

import io

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex

from ann_models.figures import (
    classification,
    comparison,
    digits,
    learning,
    overfitting,
    regression,
    style,
)

RNG = np.random.default_rng(0)
X = RNG.uniform(-4, 4, (60, 2))
Z = RNG.random((60, 2))
Y = (X[:, :1] > 0).astype(np.float32)
IMAGES = RNG.random((12, 28, 28))
GRID = np.linspace(-4.5, 4.5, 40)
POINTS = {"training": (GRID[::4, None], np.sin(GRID[::4, None]))}


def legend(axes):
    (below,) = axes.figure.legends
    return [text.get_text() for text in below.get_texts()]


def the_axes(figure):
    return figure.axes[0]


PANELS = {
    "data": lambda: classification.data(X, Y),
    "boundary": lambda: classification.boundary(X, Y, np.ones((3, 2)), np.arange(3.0), 1),
    "hidden_space": lambda: classification.hidden_space(Z, Y),
    "hidden_space_with_boundary": lambda: classification.hidden_space_with_boundary(
        Z, Y, np.array([1.0, -1.0]), 0.2
    ),
    "hidden_lines": lambda: classification.hidden_lines(X, Y, np.eye(2), np.zeros(2)),
    "decision_regions": lambda: classification.decision_regions(
        X, Y, GRID, GRID, RNG.random((40, 40))
    ),
    "contributions": lambda: regression.contributions(GRID, np.ones((40, 4)), GRID, GRID),
    "sum_of_neurons": lambda: regression.sum_of_neurons(GRID, np.ones((40, 3)), 2, GRID, GRID),
    "digit": lambda: digits.digit(IMAGES[0], 7),
    "labelled_grid": lambda: digits.labelled_grid(IMAGES, range(12), "Digits"),
    "class_counts": lambda: digits.class_counts({"train": np.arange(10), "test": np.ones(10)}),
    "confusion": lambda: digits.confusion(np.eye(10, dtype=int) * 90 + 1, "test digits"),
    "worst_mistakes": lambda: digits.worst_errors(IMAGES, np.arange(12), np.arange(12)),
    "prediction": lambda: digits.prediction(IMAGES[0], 3, np.full(10, 0.1)),
    "weight_pictures": lambda: digits.weight_pictures(RNG.normal(size=(16, 3, 3)), "Kernels"),
    "augmented_samples": lambda: digits.augmented_samples(IMAGES[:10], RNG.random((3, 10, 28, 28))),
    "learning_curves": lambda: learning.learning_curves(
        {"training": RNG.random((5000, 5)), "validation": RNG.random((5000, 5))}, "t", "loss", True
    ),
    "gradient_norms_at_start": lambda: learning.gradient_norms_at_start(RNG.random((9, 3)), "tanh"),
    "gradient_norms_at_start_of_one_seed": lambda: learning.gradient_norms_at_start(
        RNG.random((9, 1)), "tanh"
    ),
    "gradient_norms_in_training": lambda: learning.gradient_norms_in_training(
        RNG.random((11, 9)), "tanh"
    ),
    "zero_activations": lambda: learning.zero_activations(RNG.random((2, 8)), "relu"),
    "ten_points": lambda: overfitting.ten_points(POINTS),
    "fitted_curve": lambda: overfitting.fitted_curve(POINTS, GRID, RNG.random((40, 3)), 1),
    "batch_and_moving_statistics": lambda: overfitting.batch_and_moving_statistics(
        [(GRID, GRID)] * 4, [(GRID, GRID)] * 4
    ),
    "training_and_inference": lambda: overfitting.training_and_inference(GRID, GRID, GRID, GRID),
    "dropout_scaling": lambda: overfitting.dropout_scaling(
        np.arange(1, 41), np.ones(40), np.zeros(40), 1.0, 0.2
    ),
    "weight_estimates": lambda: overfitting.weight_estimates(RNG.normal(size=1000)),
    "stopping_point": lambda: overfitting.stopping_point(np.ones(50), np.ones(50) * 2, 20),
    "final_loss_against_units": lambda: comparison.final_loss_against_units(
        {1: np.array([0.3, 0.2]), 100: np.array([1e-5, 2e-5])}
    ),
    "learning_curves_side_by_side": lambda: comparison.learning_curves_side_by_side(
        {name: {"training": RNG.random((10, 2))} for name in ("sigmoid", "tanh", "relu")}, "loss"
    ),
    "gradient_norms_of_all": lambda: comparison.gradient_norms_at_start(
        {"sigmoid": RNG.random(9), "relu": RNG.random(9)}
    ),
    "weights_norm": lambda: comparison.weights_norm_against_strength(
        np.array([0.01, 0.1]), np.array([9.0, 2.0]), np.array([3.0, 1.0]), (20.0, 5.0), "t"
    ),
    "estimates": lambda: comparison.estimates_against_strength(
        np.array([0.01, 0.1]), {"5%": -np.ones(2), "50%": np.zeros(2), "95%": np.ones(2)}, "t"
    ),
    "fit": lambda: comparison.fit_against_strength(
        np.array([0.01, 0.1]), np.array([0.1, 5.0]), np.array([300.0, 0.0]), "t"
    ),
    "fitted_curves": lambda: comparison.fitted_curves(
        GRID, {0.0: GRID, 0.1: -GRID}, (GRID[::4], GRID[::4]), "t"
    ),
    "losses": lambda: comparison.losses({0.0: GRID + 5, 0.1: GRID + 6}, "t"),
    "error_against_size": lambda: comparison.error_against_size(
        {
            "without": np.array([[500, 2000], [0.13, 0.08], [0.12, 0.07], [0.14, 0.09]]),
            "with": np.array([[500], [0.1], [0.09], [0.11]]),
        }
    ),
    "accuracies": lambda: comparison.accuracies(
        ["ann", "cnn"], np.array([0.99, 0.995]), np.array([0.97, 0.99]), np.array([0.001, 0.0])
    ),
}


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


def test_the_ten_probabilities_are_a_stem_plot_beside_the_digit():
    figure = digits.prediction(IMAGES[0], 3, np.eye(10)[4])
    picture, stems = figure.axes
    assert (picture.get_title(), stems.get_title()) == ("Label: 3", "Prediction: 4")
    assert stems.containers[0].markerline.get_ydata() == pytest.approx(np.eye(10)[4])


def test_confusions_stand_where_row_and_column_say():
    matrix = np.eye(10, dtype=int) * 90
    matrix[2, 7] = 16
    texts = {t.get_position(): t.get_text() for t in the_axes(digits.confusion(matrix, "t")).texts}
    assert texts[(7, 2)] == "16"
    assert (2, 7) not in texts


def test_a_picture_of_the_grid_stands_under_its_label():
    image = the_axes(digits.labelled_grid(IMAGES, range(12), "Digits")).images[0].get_array().data
    cell_height, cell_width = 28 + 9 + 7, 28 + 7
    eleventh = image[cell_height + 9 : cell_height + 37, :28]
    assert eleventh == pytest.approx(IMAGES[10])
    assert image[9:37, cell_width : cell_width + 28] == pytest.approx(IMAGES[1])


def test_a_long_learning_curve_is_thinned_and_still_ends_near_its_end():
    curve = np.linspace(1, 0.5, 5000)[:, None]
    line = the_axes(learning.learning_curves({"training": curve}, "t", "loss")).lines[-1]
    assert len(line.get_xdata()) <= learning.POINTS
    assert line.get_xdata()[0] == 1
    assert line.get_xdata()[-1] > 4900


def test_the_median_ends_where_the_first_seed_stops_and_the_other_seed_goes_on():
    curve = np.array([[4.0, 2.0], [3.0, np.nan], [np.nan, np.nan]])
    axes = the_axes(learning.learning_curves({"training": curve}, "t", "loss"))
    one, _, median = axes.lines
    assert median.get_ydata().tolist() == [3.0]
    assert one.get_ydata().tolist() == [4.0, 3.0]
    assert legend(axes) == ["training, each of 2 seeds", "training, median of all 2"]


def test_seeds_and_their_median_are_in_the_legend():
    axes = the_axes(learning.learning_curves({"training": np.ones((9, 3))}, "t", "loss"))
    assert legend(axes) == ["training, each of 3 seeds", "training, median"]


def test_a_single_line_without_a_name_needs_no_legend():
    assert PANELS["gradient_norms_at_start_of_one_seed"]().legends == []


def test_one_seed_has_no_median():
    axes = the_axes(learning.learning_curves({"training": np.ones((9, 1))}, "t", "loss"))
    assert legend(axes) == ["training"]


@pytest.mark.parametrize(
    ("lowest", "label"), [(0.9, "accuracy (axis starts at 0.895)"), (0.4, "accuracy")]
)
def test_an_accuracy_axis_starts_at_zero_or_says_where(lowest, label):
    curve = {"training": np.array([[lowest], [1.0]])}
    axes = the_axes(learning.learning_curves(curve, "t", "accuracy"))
    assert axes.get_ylabel() == label
    assert (axes.get_ylim()[0] == 0) == (label == "accuracy")


@pytest.mark.parametrize("name", PANELS)
def test_no_legend_covers_an_axes(name):
    figure = PANELS[name]()
    figure.draw_without_rendering()
    for axes in figure.axes:
        assert axes.get_legend() is None
        for legend_below in figure.legends:
            assert not axes.get_window_extent().overlaps(legend_below.get_window_extent())


def test_the_error_bars_against_size_are_the_ends_of_the_intervals():
    axes = the_axes(PANELS["error_against_size"]())
    (bars,) = axes.containers[0].lines[2]
    assert bars.get_segments()[0].tolist() == [[500, 0.12], [500, 0.14]]
    shown = [t.get_text() for t in axes.get_yticklabels()]
    assert len(shown) >= 4 and all(text.endswith(" %") for text in shown)


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


def test_the_confusion_matrix_names_its_examples():
    axes = the_axes(digits.confusion(np.eye(10, dtype=int), "test digits, seed 2"))
    assert axes.get_title() == "Confusion matrix: test digits, seed 2"


def test_a_notebook_shows_a_panel_as_a_picture():
    assert PANELS["data"]()._repr_png_().startswith(b"\x89PNG")


def test_drawing_leaves_the_users_matplotlib_settings_alone():
    before = dict(matplotlib.rcParams)
    PANELS["data"]()._repr_png_()
    assert dict(matplotlib.rcParams) == before


def test_early_stopping_marks_the_kept_epoch():
    axes = the_axes(PANELS["stopping_point"]())
    assert legend(axes) == ["training", "validation", "kept: epoch 20"]
    assert axes.get_yscale() == "log"


def test_zero_lambda_is_dashed_among_the_penalties():
    lines = the_axes(PANELS["losses"]()).lines
    assert [line.get_linestyle() for line in lines] == ["--", "-"]


def test_a_short_logarithmic_ordinate_still_has_ticks():
    curve = np.array([[0.6], [0.12]])
    axes = the_axes(learning.learning_curves({"training": curve}, "t", "loss", log=True))
    low, high = axes.get_ylim()
    assert sum(low <= tick <= high for tick in axes.get_yticks()) >= 2
