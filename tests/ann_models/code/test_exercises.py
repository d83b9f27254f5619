"""Each question has its exercise: maths, a task, a hint and an answer."""

from dataclasses import fields, replace

import pytest

from ann_models.code.exercises import _EXERCISES, _GENERAL, Exercise, exercise_of
from ann_models.questions import QUESTIONS
from ann_models.recipes import RECIPES
from ann_models.variants import VARIANTS

ALL = [*_EXERCISES.values(), _GENERAL]


def test_every_question_with_a_trained_row_has_an_exercise_of_its_own():
    asked = {v.question for v in VARIANTS.values() if v.layers and v not in RECIPES}
    assert asked == set(_EXERCISES)


def test_a_question_of_ones_own_has_a_general_exercise():
    own = replace(VARIANTS["relu_regression_4"], question="mine")
    assert "seeds" in exercise_of(own).task


def test_the_exercise_of_a_variant_is_that_of_its_question():
    for variant in VARIANTS.values():
        if variant.question in _EXERCISES:
            assert exercise_of(variant) is _EXERCISES[variant.question]


def test_exercises_are_of_questions_that_there_are():
    assert set(_EXERCISES) <= set(QUESTIONS)


@pytest.mark.parametrize("part", [field.name for field in fields(Exercise)])
def test_no_part_of_an_exercise_is_empty_and_its_formulas_are_closed(part):
    for exercise in ALL:
        text = getattr(exercise, part)
        assert len(text) > 40
        assert text.count("$") % 2 == 0, text
        assert text.count("{") == text.count("}"), text


@pytest.mark.parametrize("part", ["task", "hint", "answer"])
def test_no_two_questions_are_the_same(part):
    texts = [getattr(exercise, part) for exercise in ALL]
    assert len(set(texts)) == len(texts)
