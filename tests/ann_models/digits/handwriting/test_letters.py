from collections import Counter

import numpy as np

from ann_models.digits.handwriting.forms import FORMS, points_of
from ann_models.digits.handwriting.letters import LETTERS, NO_DIGIT

LOOK_ALIKE = set("OoIlSsZzBbGgQqDiJjLty")  # of 0, 1, 5, 2, 8, 6, 9, 0, 1, …


def test_letters_are_of_a_class_beyond_the_digits():
    assert {letter.digit for letter in LETTERS} == {NO_DIGIT}
    assert NO_DIGIT not in {form.digit for form in FORMS}


def test_each_letter_has_a_name_that_begins_with_it():
    assert all(count == 1 for count in Counter(letter.name for letter in LETTERS).values())
    assert all(letter.name.split()[0].isalpha() for letter in LETTERS)
    assert all(len(letter.name.split()[0]) == 1 for letter in LETTERS)


def test_no_letter_looks_like_a_digit():
    assert not LOOK_ALIKE & {letter.name[0] for letter in LETTERS}


def test_every_stroke_can_be_drawn_in_its_box():
    for letter in LETTERS:
        for stroke in letter.strokes:
            points, corners = points_of(stroke)
            assert len(points) == len(corners) >= 3
            assert np.min(points) >= 0 and np.max(points) <= 1, letter


def test_every_letter_fills_its_box():
    for letter in LETTERS:
        points = np.concatenate([points_of(stroke)[0] for stroke in letter.strokes])
        assert (np.ptp(points, axis=0) > 0.65).all(), letter


def test_wide_letters_are_wider_than_the_others():
    wide = {letter.name: letter.width for letter in LETTERS if letter.width != 0.7}
    ones = {"a": 0.9, "n": 0.85, "u": 0.9, "x": 0.85}
    assert wide == {"M": 0.9, "W": 1.0, "m": 1.3, "w": 1.1, **ones}
