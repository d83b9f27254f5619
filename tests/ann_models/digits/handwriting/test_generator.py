import numpy as np
import pytest

from ann_models.digits.handwriting import Handwriting, write
from ann_models.digits.handwriting.forms import FORMS
from ann_models.digits.handwriting.letters import LETTERS, NO_DIGIT
from digit_images.normalization import BOX, is_mnist_form


@pytest.fixture(scope="module")
def some() -> Handwriting:
    return write(1200, 3, writers=60)


def test_the_same_seed_gives_the_same_digits_and_another_seed_others(some):
    again, other = write(1200, 3, writers=60), write(1200, 4, writers=60)
    for name in ("images", "labels", "writers", "forms"):
        np.testing.assert_array_equal(getattr(again, name), getattr(some, name))
    assert not np.array_equal(other.images, some.images)


def test_what_a_seed_writes_never_changes(some):
    """Networks that learned from it could not be trained again otherwise."""
    ink = [some.images[some.labels == digit].sum(axis=(1, 2)).mean() for digit in range(10)]
    known = [102.41, 60.83, 89.1, 84.16, 81.04, 91.37, 89.63, 75.91, 95.56, 88.33]
    np.testing.assert_allclose(ink, known, rtol=1e-3)


def test_digits_are_in_mnists_form(some):
    assert (some.images.shape, some.images.dtype) == ((1200, 28, 28), np.float32)
    assert some.images.min() >= 0
    assert some.images.max() <= 1
    assert np.mean([is_mnist_form(image) for image in some.images]) > 0.95
    tall = np.ptp(np.nonzero(some.images[0])[0]) + 1
    assert tall <= BOX


def test_digits_have_as_much_ink_as_people_leave(some):
    ink = some.images.sum(axis=(1, 2))
    assert ink.min() > 15
    assert ink.max() < 300
    assert 60 < np.median(ink) < 140


def test_every_digit_is_written_equally_often(some):
    assert np.bincount(some.labels).tolist() == [120] * 10


def test_every_form_is_written_and_is_its_digits():
    many = write(9000, 5)
    assert set(many.forms) == set(range(len(FORMS)))
    assert [FORMS[form].digit for form in many.forms] == many.labels.tolist()


def test_a_writer_has_habits(some):
    """Two sevens of one writer share their form more often than those of two writers."""
    sevens = some.labels == 7
    forms, who = some.forms[sevens], some.writers[sevens]
    same_form = forms[:, None] == forms
    same_writer = (who[:, None] == who) & ~np.eye(len(who), dtype=bool)
    assert same_form[same_writer].mean() > 1.5 * same_form[who[:, None] != who].mean()


def test_no_two_digits_are_alike(some):
    assert len(np.unique(some.images.reshape(1200, -1), axis=0)) == 1200


def test_fewer_digits_than_classes_are_possible():
    assert len(write(3, 0).images) == 3


def test_letters_are_written_as_digits_are():
    many = write(600, 6, table=LETTERS)
    assert set(many.labels) == {NO_DIGIT}
    assert set(many.forms) == set(range(len(LETTERS)))
    assert np.mean([is_mnist_form(image) for image in many.images]) > 0.95
