import numpy as np
import pytest

from ann_models.digits.handwriting import write
from ann_models.digits.handwriting.letters import LETTERS as HANDWRITTEN
from ann_models.digits.non_digits import (
    FLIPPED,
    KINDS,
    LETTERS,
    LYING,
    MIRRORED,
    UPSIDE_DOWN,
    non_digits,
)
from ann_models.errors import InvalidData
from digit_images.normalization import SIDE, mnist_form

PEOPLE = write(200, 0)


@pytest.fixture(scope="module")
def some() -> tuple[np.ndarray, np.ndarray]:
    return non_digits(140, 1, PEOPLE.images, PEOPLE.labels)


def test_every_kind_is_made_equally_often(some):
    images, kinds = some
    assert (images.shape, images.dtype) == ((140, SIDE, SIDE), np.float32)
    assert np.bincount(kinds).tolist() == [10] * len(KINDS)


def test_all_have_ink_in_range(some):
    images, _ = some
    assert images.min() >= 0
    assert images.max() <= 1
    assert images.max(axis=(1, 2)).min() > 0.2


def test_a_seed_decides_them(some):
    again = non_digits(140, 1, PEOPLE.images, PEOPLE.labels)
    other = non_digits(140, 2, PEOPLE.images, PEOPLE.labels)
    np.testing.assert_array_equal(again[0], some[0])
    assert not np.array_equal(other[0], some[0])


def test_what_a_seed_makes_never_changes(some):
    """Networks that learned from it could not be trained again otherwise."""
    images, kinds = some
    means = [images[kinds == kind].sum(axis=(1, 2)).mean() for kind in range(len(KINDS))]
    assert dict(zip(KINDS, means, strict=True)) == pytest.approx(
        {
            "dots": 195.3,
            "scribbles": 179.2,
            "letters": 108.6,
            "handwritten letters": 92.2,
            "words": 81.0,
            "symbols": 109.6,
            "several digits": 91.9,
            "upside down": 79.5,
            "mirrored": 84.1,
            "flipped": 86.4,
            "lying": 83.7,
            "figures": 98.4,
            "ruled paper": 189.8,
            "textures": 214.2,
        },
        rel=2e-3,
    )


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("upside down", [lambda digit: digit[::-1, ::-1]]),
        ("mirrored", [lambda digit: digit[:, ::-1]]),
        ("flipped", [lambda digit: digit[::-1]]),
        ("lying", [np.rot90, lambda digit: np.rot90(digit, -1)]),
    ],
    ids=["upside down", "mirrored", "flipped", "lying"],
)
def test_turned_and_mirrored_digits_are_in_mnists_form_again(some, name, changes):
    images, kinds = some
    made = {
        mnist_form(np.ascontiguousarray(change(digit))).tobytes()
        for digit in PEOPLE.images
        for change in changes
    }
    assert {image.tobytes() for image in images[kinds == list(KINDS).index(name)]} <= made


@pytest.mark.parametrize("letter", "OolISZBgqb")
def test_letters_that_people_write_as_digits_are_left_out(letter):
    assert letter not in LETTERS
    assert not any(form.name.startswith(letter) for form in HANDWRITTEN)


def test_a_digit_that_stays_one_when_it_is_turned_or_mirrored_is_not_used():
    """A mirrored 2 reads as a 5 in many hands, a turned 6 is a 9."""
    assert not {0, 1, 2, 5, 6, 8, 9} & set(UPSIDE_DOWN)
    assert not {0, 1, 2, 5, 8} & {*MIRRORED, *FLIPPED}
    assert not {0, 1, 6, 9} & set(LYING)


def test_digits_of_every_class_are_needed():
    without = PEOPLE.labels != 4
    with pytest.raises(InvalidData, match="no digit 4"):
        non_digits(13, 0, PEOPLE.images[without], PEOPLE.labels[without])
