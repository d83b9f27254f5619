"""Which answers are marked as uncertain: of digits few, of what is no digit many."""

import keras
import numpy as np
import pytest

from ann_models import datasets
from ann_models.calibration import scaled
from ann_models.datasets import Dataset
from ann_models.digits import rejection
from ann_models.digits.people import held_out
from ann_models.digits.rejection import SURE, ServedForm, judged, on_people, served_form
from ann_models.evaluation import confidences, predict

DIGITS = datasets.digits("offline-digits")


def network(classes: int) -> keras.Sequential:
    keras.utils.set_random_seed(0)
    softmax = keras.layers.Dense(classes, "softmax")
    return keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), softmax])


def test_a_network_of_ten_classes_has_no_least_confidence_of_its_own():
    form = served_form(network(10), DIGITS)
    assert form.least_confidence is None
    assert form.temperature > 0


def test_a_temperature_that_was_chosen_before_is_kept():
    form = served_form(network(10), DIGITS, temperature=2.5)
    assert form.temperature == 2.5
    images = DIGITS.arrays["x_val"][:20]
    expected = scaled(predict(network(10), images), 2.5)
    np.testing.assert_allclose(predict(form.model, images), expected, atol=1e-6)


def test_eleven_classes_of_ones_own_know_nothing_of_digits():
    arrays = DIGITS.arrays | {"classes": np.array(list("abcdefghijk"))}
    form = served_form(network(11), Dataset("digits", "letters", arrays), temperature=1.0)
    assert form.least_confidence is None


def test_the_least_confidence_marks_no_more_digits_than_allowed():
    form = served_form(network(11), DIGITS)
    for images, most in (
        (DIGITS.arrays["x_val"], rejection.MOST_MARKED),
        (held_out().images, rejection.MOST_MARKED_HANDS),
    ):
        marked = confidences(predict(form.model, images)) < form.least_confidence
        assert marked.mean() <= most + 1 / len(images)


@pytest.mark.parametrize("least, marked", [(None, True), (0.6, False), (0.7, False)])
def test_answers_below_the_least_confidence_are_marked(least, marked):
    labels, count = held_out().labels, len(held_out().non_digits)
    sure = np.full((len(labels), 10), 0.3 / 9)
    sure[np.arange(len(labels)), labels] = 0.7
    others = np.full((count, 10), 0.1), np.ones(count)
    found = on_people((sure, np.ones(len(labels))), others, least)
    assert found.correct.all()
    assert found.marked.all() == marked
    assert found.marked_non_digits.all()
    assert SURE == 0.8


def test_shares_of_wrong_answers_count_only_what_is_not_marked():
    labels, count = held_out().labels, len(held_out().non_digits)
    wrong = np.zeros((len(labels), 10))
    wrong[np.arange(len(labels)), (labels + 1) % 10] = 1
    scores = np.where(np.arange(len(labels)) < len(labels) // 2, 1.0, 0.1)
    ten = np.full((count, 10), 0.1)
    found = on_people((wrong, scores), (ten, np.ones(count)), 0.5).metrics()
    assert found["hands_accuracy"] == 0
    assert found["hands_wrong_unmarked"] == found["hands_marked"] == 0.5
    assert found["non_digits_marked"] == 1


def test_a_network_is_judged_by_its_answers_to_held_out_people():
    form = ServedForm(network(10), 1.0, least_confidence=0.2)
    found, others = judged(form), held_out()
    read, unread = (predict(form.model, x) for x in (others.images, others.non_digits))
    np.testing.assert_array_equal(found.correct, read.argmax(axis=1) == others.labels)
    np.testing.assert_array_equal(found.marked, read.max(axis=1) < 0.2)
    np.testing.assert_array_equal(found.marked_non_digits, unread.max(axis=1) < 0.2)
    assert 0 < found.marked.mean() < 1
