"""The panels of the digits."""

import numpy as np
import pytest

from ann_models.figures import digits
from tests.support.panels import IMAGES, legend, the_axes


def test_the_ten_probabilities_are_a_stem_plot_beside_the_digit():
    figure = digits.prediction(IMAGES[0], 3, np.eye(10)[4], "test digit 7")
    picture, stems = figure.axes
    assert (picture.get_title(), stems.get_title()) == ("Test digit 7, label: 3", "Prediction: 4")
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


def test_the_confusion_matrix_names_its_examples():
    axes = the_axes(digits.confusion(np.eye(10, dtype=int), "test digits, seed 2"))
    assert axes.get_title() == "Confusion matrix: test digits, seed 2"


def test_a_digit_stands_under_its_label_in_the_range_of_ink():
    axes = the_axes(digits.digit(IMAGES[0], 7))
    assert axes.get_title() == "Label: 7"
    assert axes.images[0].get_clim() == (0, 1)
    assert axes.get_xticks().tolist() == []


def test_each_label_stands_above_its_picture_in_the_middle():
    axes = the_axes(digits.labelled_grid(IMAGES, range(12), "Digits"))
    assert [text.get_text() for text in axes.texts] == [str(i) for i in range(12)]
    cell_height, cell_width, above = 28 + 9 + 7, 28 + 7, 9
    assert axes.texts[0].get_position() == (14, above - 1)
    assert axes.texts[9].get_position() == (9 * cell_width + 14, above - 1)
    assert axes.texts[11].get_position() == (cell_width + 14, cell_height + above - 1)


@pytest.mark.parametrize(("count", "rows"), [(10, 1), (11, 2), (20, 2)])
def test_ten_pictures_stand_in_a_row(count, rows):
    figure = digits.labelled_grid(np.ones((count, 28, 28)), range(count), "t")
    assert figure.get_size_inches()[1] == pytest.approx(0.6 + rows * 0.95)
    assert the_axes(figure).images[0].get_array().shape == (rows * 44, 350)


@pytest.mark.parametrize(
    "label", ["7", "Ankle boot", "Schmetterling", "WWWWWWWWWWWW", "Coat\n→ WWWWWWW"]
)
def test_labels_touch_neither_each_other_nor_the_title_nor_the_pictures(label):
    figure = digits.labelled_grid(IMAGES, [label] * 12, "t")
    figure.draw_without_rendering()
    axes = the_axes(figure)
    boxes = [text.get_window_extent() for text in [*axes.texts, axes.title]]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
    assert boxes[0].x0 >= 0
    _, bottom = axes.transData.inverted().transform(boxes[0].p0)
    height = axes.images[0].get_array().shape[0] // 2
    assert 0 < bottom < height - 28 - 7 + 1


def test_short_labels_are_as_large_as_the_ticks():
    axes = the_axes(digits.labelled_grid(IMAGES, range(12), "t"))
    assert axes.texts[0].get_fontsize() == 10


def test_the_bars_of_the_splits_stand_beside_each_other_around_their_digit():
    axes = the_axes(
        digits.class_counts({"train": np.arange(10), "val": np.ones(10), "test": np.full(10, 2)})
    )
    train, val, test = axes.containers
    assert [bar.get_height() for bar in train] == list(range(10))
    assert [len(train), len(val), len(test)] == [10, 10, 10]
    assert val[4].get_center()[0] == pytest.approx(4)
    assert train[4].get_x() == pytest.approx(3.6)
    assert test[4].get_x() + test[4].get_width() == pytest.approx(4.4)
    assert legend(axes) == ["train", "val", "test"]
    assert axes.yaxis.get_major_formatter()(54000) == "54,000"


def test_the_diagonal_of_the_confusions_is_bold_and_has_no_shade():
    matrix = np.eye(10, dtype=int) * 90
    matrix[2, 7] = 16
    axes = the_axes(digits.confusion(matrix, "t"))
    weights = {t.get_position(): t.get_fontweight() for t in axes.texts}
    assert (weights[(3, 3)], weights[(7, 2)]) == ("bold", "normal")
    shades = axes.images[0].get_array()
    assert (shades.sum(), shades[2, 7]) == (16, 16)
    assert axes.images[0].get_clim() == (0, 24)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted digit", "true digit")


def test_without_confusions_nothing_has_a_shade():
    image = the_axes(digits.confusion(np.eye(10, dtype=int), "t")).images[0]
    assert image.get_clim() == (0, 1.5)
    assert image.get_array().max() == 0


def test_many_classes_of_ones_own_have_a_larger_matrix_and_upright_names():
    names = [f"class {i}" for i in range(30)]
    figure = digits.confusion(np.eye(30, dtype=int), "t", names)
    assert tuple(figure.get_size_inches()) == (9.5, 9)
    axes = the_axes(figure)
    assert axes.get_xlabel() == "predicted class"
    assert [text.get_text() for text in axes.get_yticklabels()] == names
    assert axes.get_xticklabels()[0].get_rotation() == 90
    assert the_axes(digits.confusion(np.eye(10), "t")).get_xticklabels()[0].get_rotation() == 0


def test_the_worst_errors_stand_under_true_and_predicted_class():
    axes = the_axes(
        digits.worst_errors(IMAGES[:2], ["3", "T-shirt/top"], ["8", "Coat"], "9 test images")
    )
    assert [text.get_text() for text in axes.texts] == ["3\n→ 8", "T-shirt/top\n→ Coat"]
    assert axes.get_title() == "Worst errors on 9 test images: true → predicted"


@pytest.mark.parametrize(
    ("true", "named", "text"),
    [
        ("the letter A", "the letter B", "the letter A\n→ the letter B"),
        ("capital letter A", "capital letter B", "A → B"),
        ("letter", "letter of another kind", "letter\n→ letter… kind"),
        ("cat1", "cat2", "cat1 → cat2"),
    ],
)
def test_long_names_are_shown_without_the_beginning_that_all_share(true, named, text):
    axes = the_axes(digits.worst_errors(IMAGES[:1], [true], [named], "9 test images"))
    assert [drawn.get_text() for drawn in axes.texts] == [text]


LONG = ["A", "the capital letter omega of the Greek alphabet", "5 $ or 6 $"]


@pytest.mark.parametrize(
    "panel",
    [
        lambda: digits.confusion(np.eye(3, dtype=int), "60 test images", LONG),
        lambda: digits.prediction(IMAGES[0], 1, np.eye(3)[1], "test image 51", LONG),
    ],
    ids=["confusion", "prediction"],
)
def test_long_names_of_classes_leave_room_for_the_panel(panel):
    figure = panel()
    figure.draw_without_rendering()
    axes = figure.axes[-1]
    assert axes.get_window_extent().height > 0.4 * figure.bbox.height
    assert [text.get_text() for text in axes.get_xticklabels()] == [
        *("A", "the ca…habet", r"5 \$ or 6 \$")
    ]


def test_without_errors_the_panel_says_so():
    figure = digits.worst_errors(IMAGES[:0], [], [], "9 test digits")
    assert the_axes(figure).get_title() == "No error on 9 test digits"
    assert len(the_axes(figure).images) == 0


def test_a_confusion_matrix_of_very_many_classes_has_shades_alone_and_stays_small():
    figure = digits.confusion(np.eye(200), "test images", [f"kind {i}" for i in range(200)])
    assert max(figure.get_size_inches()) < 20
    assert not the_axes(figure).texts
    assert len(the_axes(figure).get_yticklabels()) < 60


def test_of_many_classes_the_ten_likeliest_are_named():
    names = [f"kind {i}" for i in range(200)]
    probabilities = np.linspace(0, 1, 200)
    stems = digits.prediction(IMAGES[0], 2, probabilities, "test image 7", names).axes[1]
    assert [text.get_text() for text in stems.get_xticklabels()] == names[-10:]


def test_a_picture_of_ones_own_classes_is_predicted_by_name():
    names = ["Coat", "Bag", "Boot"]
    figure = digits.prediction(IMAGES[0], 2, np.array([0.1, 0.7, 0.2]), "test image 7", names)
    picture, stems = figure.axes
    titles = picture.get_title(), stems.get_title()
    assert titles == ("Test image 7, label: Boot", "Prediction: Bag")
    assert (stems.get_xlabel(), stems.get_ylabel()) == ("class", "probability")
    assert stems.get_ylim() == (-0.02, 1.05)


def test_pictures_of_weights_share_one_scale_about_zero_that_few_weights_exceed():
    weights = np.linspace(-1, 1, 16 * 9).reshape(16, 3, 3)
    figure = digits.weight_pictures(weights, "Kernels")
    (image,) = the_axes(figure).images
    most = np.quantile(np.abs(weights), 0.995)
    assert image.get_clim() == pytest.approx((-most, most))
    assert image.get_array().shape == (16, 16)  # four by four, with a gap of one pixel
    assert figure.axes[1].get_ylabel() == "weight"


def test_augmented_digits_stand_below_their_originals():
    versions = np.zeros((3, 10, 28, 28))
    axes = the_axes(digits.augmented_samples(IMAGES[:10], versions))
    image = axes.images[0].get_array().data
    assert image.shape == (4 * 30, 10 * 30)
    assert image[:28, 270:298] == pytest.approx(IMAGES[9])
    assert image[30:58, :28].max() == 0
    assert set(axes.lines[0].get_ydata()) == {29}


def test_the_accuracy_under_each_corruption_is_a_bar_from_the_top():
    versions = {"noise": np.ones((12, 28, 28)), "blur": np.zeros((12, 28, 28))}
    figure = digits.robustness(versions, {"noise": 0.9, "blur": 0.5}, "500 test digits")
    pictures, bars = figure.axes
    assert pictures.images[0].get_array().shape == (60, 360)
    assert [bar.get_width() for bar in bars.containers[0]] == [0.9, 0.5]
    assert [text.get_text() for text in bars.texts] == ["90.0%", "50.0%"]
    assert bars.yaxis_inverted()
    assert bars.get_xlabel() == "accuracy on 500 test digits"
    assert pictures.get_title() == "Some of 500 test digits, corrupted"


def test_tiles_stand_in_rows_with_nothing_between_them():
    pictures = np.arange(1, 13.0).reshape(3, 2, 2)
    whole = digits.tiled(pictures, columns=2, above=1, gap=1)
    nan = np.nan
    expected = [
        [nan, nan, nan, nan, nan, nan],
        [1, 2, nan, 5, 6, nan],
        [3, 4, nan, 7, 8, nan],
        [nan, nan, nan, nan, nan, nan],
        [nan, nan, nan, nan, nan, nan],
        [9, 10, nan, nan, nan, nan],
        [11, 12, nan, nan, nan, nan],
        [nan, nan, nan, nan, nan, nan],
    ]
    np.testing.assert_array_equal(whole, expected)
