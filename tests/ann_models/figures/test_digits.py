"""The panels of the digits."""

import numpy as np
import pytest

from ann_models.figures import digits
from tests.support.panels import IMAGES, the_axes


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


def test_the_confusion_matrix_names_its_examples():
    axes = the_axes(digits.confusion(np.eye(10, dtype=int), "test digits, seed 2"))
    assert axes.get_title() == "Confusion matrix: test digits, seed 2"
