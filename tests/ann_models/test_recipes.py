"""The recipes for the highest accuracy are sound, can be registered and depend on each other."""

from dataclasses import replace

import pytest

from ann_models import networks
from ann_models.entry import (
    ActivationLayer,
    BatchNormalization,
    Convolution,
    Dense,
    Deslant,
    Flatten,
    Variant,
)
from ann_models.fast_recipe import FAST_CNN
from ann_models.recipes import (
    BEST_100_UNITS,
    BEST_CNN,
    BEST_COMMITTEE,
    BEST_MLP,
    HANDWRITING_CNN,
    HANDWRITING_WITHOUT,
    PEOPLE_CNN,
    RECIPES,
    STRIDED_CNN,
    TEACHERS,
    UPRIGHT_CNN,
    with_no_digit,
)
from ann_models.sound import faults_of

TRAINED = [recipe for recipe in (*RECIPES, HANDWRITING_CNN, FAST_CNN) if recipe.layers]


def convolutions(variant: Variant) -> list[tuple[int, int, int]]:
    """Filters, kernel and stride of each."""
    layers = [layer for layer in variant.layers if isinstance(layer, Convolution)]
    return [(layer.filters, layer.kernel, layer.strides) for layer in layers]


@pytest.mark.parametrize("recipe", TRAINED, ids=lambda recipe: recipe.name)
def test_a_recipe_can_be_trained(recipe):
    assert faults_of(recipe) == []


def test_the_names_are_unique():
    names = [recipe.name for recipe in (*RECIPES, HANDWRITING_CNN, FAST_CNN)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_recipe_is_a_candidate_for_the_service(recipe):
    assert recipe.registered
    assert recipe.has_networks


def test_what_is_needed_comes_before():
    known = set()
    for recipe in RECIPES:
        assert set(recipe.depends_on) <= known, recipe.name
        known.add(recipe.name)


def test_each_stage_begins_with_a_stride_of_2_and_the_first_convolution_is_5_by_5():
    assert convolutions(STRIDED_CNN) == [
        (16, 5, 2),
        (32, 3, 1),
        (32, 3, 1),
        (48, 3, 2),
        (48, 3, 1),
        (48, 3, 1),
        (64, 3, 2),
        (64, 3, 1),
    ]
    after = STRIDED_CNN.layers[:3]
    assert after[1:] == (BatchNormalization(), ActivationLayer("silu"))
    assert after[0].activation == "linear"
    assert STRIDED_CNN.layers[-2:] == (Flatten(), Dense(10, "softmax"))


def test_upright_digits_are_read_by_the_same_layers():
    assert UPRIGHT_CNN.layers == (Deslant(), *STRIDED_CNN.layers)
    assert (
        replace(
            UPRIGHT_CNN,
            layers=STRIDED_CNN.layers,
            name=STRIDED_CNN.name,
            look_at=STRIDED_CNN.look_at,
        )
        == STRIDED_CNN
    )


@pytest.mark.parametrize("student", [BEST_CNN, BEST_MLP, BEST_100_UNITS])
def test_students_learn_the_answers_of_the_committee(student):
    assert student.distillation.teacher == TEACHERS.name
    assert student.distillation.copies == 10
    assert student.loss == "categorical_crossentropy"


def test_the_students_without_convolutions_see_upright_digits():
    units = [
        [layer.units for layer in student.layers if isinstance(layer, Dense)]
        for student in (BEST_MLP, BEST_100_UNITS)
    ]
    assert units == [[1024, 1024, 10], [100, 10]]
    for student in (BEST_MLP, BEST_100_UNITS):
        assert student.layers[:2] == (Deslant(), Flatten())
        assert convolutions(student) == []


def test_the_committees_are_formed_by_networks_of_several_kinds():
    assert [member.name for member in TEACHERS.members] == ["strided_cnn", "upright_cnn"]
    assert [member.name for member in BEST_COMMITTEE.members] == [
        "best_cnn",
        "strided_cnn",
        "upright_cnn",
    ]
    assert (len(TEACHERS.seats(0)), len(BEST_COMMITTEE.seats(0))) == (4, 6)


def test_an_eleventh_answer_is_the_only_change_of_a_network_that_knows_no_digits():
    layers = (Dense(3), Flatten(), Dense(10, "tanh"), BatchNormalization())
    assert with_no_digit(layers) == (Dense(3), Flatten(), Dense(11, "tanh"), BatchNormalization())
    assert HANDWRITING_WITHOUT.layers == FAST_CNN.layers
    assert HANDWRITING_WITHOUT.other_hands is None
    assert HANDWRITING_CNN.layers == with_no_digit(FAST_CNN.layers)
    assert PEOPLE_CNN.layers == with_no_digit(BEST_CNN.layers)


def test_the_network_with_and_without_other_hands_trains_alike():
    same = ("epochs", "batch_size", "optimizer", "loss", "data", "study", "row", "question")
    for name in same:
        assert getattr(HANDWRITING_CNN, name) == getattr(HANDWRITING_WITHOUT, name), name


def test_a_hundred_units_are_far_smaller_than_the_wide_layers():
    small, wide = (
        networks.build(recipe, (28, 28), seed=0).count_params()
        for recipe in (BEST_100_UNITS, BEST_MLP)
    )
    assert small < 100_000 < 1_000_000 < wide
