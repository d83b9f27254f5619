"""The table of contents against the lecture, row by row."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ann_models import datasets, entry, studies, variants
from ann_models.entry import (
    ActivationLayer,
    Adam,
    Convolution,
    Dense,
    Dropout,
    EarlyStopping,
    Flatten,
    Penalty,
)
from ann_models.errors import UnknownName
from ann_models.fast_recipe import FAST_CNN
from ann_models.questions import QUESTIONS
from ann_models.recipes import RECIPES
from ann_models.variants import VARIANTS

BCE, CROSS_ENTROPY = "binary_crossentropy", "sparse_categorical_crossentropy"
DEEP = (30, 100, 100, 30)  # sigmoid units of rows 19 to 23
ROW_16 = (Flatten(), Dense(100, "relu"), Dense(10, "softmax"))
ROW_5 = (Dense(2, "sigmoid"), Dense(1, "sigmoid"))
ROW_19 = (*(Dense(units, "sigmoid") for units in DEEP), Dense(1))

# The lecture's settings: row, variant, data, layers, loss, optimiser, epochs.
TRAINED = [
    (2, "xor_mlp", "xor", ROW_5, BCE, None, None),
    (4, "linear_classification", "linear", (Dense(1, "sigmoid"),), BCE, Adam(0.1), 10),
    (5, "nonlinear_classification", "nonlinear", ROW_5, BCE, Adam(0.1), 10),
    *(
        (
            row,
            f"relu_regression_{units}",
            "cubic",
            (Dense(units, "relu"), Dense(1, use_bias=False)),
            "mse",
            Adam(0.001),
            epochs,
        )
        for row, units, epochs in ((7, 1, 500), (8, 2, 3000), (9, 4, 4000), (10, 100, 1000))
    ),
    (16, "mnist_ann", "digits", ROW_16, CROSS_ENTROPY, Adam(0.001), 5),
    (19, "overfit_base", "ten_points", ROW_19, "mse", Adam(0.001), 5000),
    (20, "overfit_batch_norm", "ten_points", None, "mse", Adam(0.001), 4000),
    (21, "overfit_dropout", "ten_points", None, "mse", Adam(0.001), 200),
    (23, "overfit_early_stopping", "ten_points_held_out", ROW_19, "mse", Adam(0.001), None),
    (24, "mnist_augmented", "digits", ROW_16, CROSS_ENTROPY, Adam(0.001), None),
]
UNTRAINED = [
    (1, "perceptron", "gates"),
    (3, "xor_kernel", "xor"),
    (6, "relu_shapes", "none"),
    (11, "recursion", "none"),
    (12, "losses", "none"),
    (13, "gradient_descent", "linear"),
    (14, "backpropagation", "nonlinear"),
    (15, "mnist_samples", "digits"),
]
every_variant = pytest.mark.parametrize("variant", VARIANTS.values(), ids=lambda v: v.name)


def row(number: int) -> list[entry.Variant]:
    return [variant for variant in VARIANTS.values() if variant.row == number]


# --- the lecture's rows ---------------------------------------------------------------------------


def test_every_row_of_the_lecture_is_there_in_its_order():
    rows = [variant.row for variant in variants.find([])]
    assert sorted(set(rows)) == list(range(1, 26))
    assert rows == sorted(rows)


@pytest.mark.parametrize(
    ("row", "name", "data", "layers", "loss", "optimizer", "epochs"),
    TRAINED,
    ids=[name for _, name, *_ in TRAINED],
)
def test_a_trained_row_has_the_lectures_settings(row, name, data, layers, loss, optimizer, epochs):
    variant = VARIANTS[name]
    assert (variant.row, variant.data, variant.loss) == (row, data, loss)
    assert variant.batch_size == 32
    assert layers is None or variant.layers == layers
    assert optimizer is None or variant.optimizer == optimizer
    assert epochs is None or variant.epochs == epochs


@pytest.mark.parametrize(("row", "name", "data"), UNTRAINED, ids=[n for _, n, _ in UNTRAINED])
def test_a_row_without_training_has_no_network(row, name, data):
    variant = VARIANTS[name]
    assert (variant.row, variant.data, variant.layers) == (row, data, ())


def test_row_17_is_a_convolutional_network_on_row_16s_digits():
    (cnn,) = row(17)
    assert cnn.name == "mnist_cnn"
    assert any(isinstance(layer, Convolution) for layer in cnn.layers)
    assert (cnn.data, cnn.loss, cnn.study) == ("digits", CROSS_ENTROPY, row(16)[0].study)


def test_row_18_is_one_deep_stack_with_three_activations():
    stacks = {}
    for variant in row(18):
        activation = variant.name.removeprefix("vanishing_gradient_")
        hidden = [layer for layer in variant.layers if isinstance(layer, Dense)][:-1]
        assert {layer.activation for layer in hidden} == {activation}
        stacks[activation] = tuple(layer.units for layer in hidden)
    assert stacks.keys() == {"sigmoid", "tanh", "relu"}
    assert len(set(stacks.values())) == 1
    assert len(stacks["relu"]) >= 5


def test_row_20_normalises_before_each_activation():
    kinds = [type(layer).__name__ for layer in VARIANTS["overfit_batch_norm"].layers]
    assert kinds == [*["Dense", "BatchNormalization", "ActivationLayer"] * 4, "Dense"]
    dense = [layer for layer in VARIANTS["overfit_batch_norm"].layers if isinstance(layer, Dense)]
    assert [layer.units for layer in dense] == [*DEEP, 1]
    assert {layer.activation for layer in dense} == {"linear"}


def test_row_21_drops_a_fifth_after_each_hidden_layer():
    assert VARIANTS["overfit_dropout"].layers == (
        *(part for units in DEEP for part in (Dense(units, "sigmoid"), Dropout(0.2))),
        Dense(1),
    )


def test_row_22_is_row_19_with_a_grid_of_penalties_that_its_names_tell():
    grid = row(22)
    assert {variant.penalty.norm for variant in grid} == {"l1", "l2"}
    for variant in grid:
        assert variant.name == f"overfit_{variant.penalty.norm}_{variant.penalty.strength:g}"
        assert variant.layers == ROW_19
        assert (variant.data, variant.epochs) == ("ten_points", 5000)
    for norm in ("l1", "l2"):
        strengths = [v.penalty.strength for v in grid if v.penalty.norm == norm]
        assert len(strengths) >= 3
        assert strengths == sorted(strengths)


def test_only_row_22_is_penalised_only_row_23_stops_early_only_rows_24_and_25_are_augmented():
    for variant in variants.find([]):
        assert isinstance(variant.penalty, Penalty) is (variant.row == 22)
        assert isinstance(variant.early_stopping, EarlyStopping) is (variant.row == 23)
        assert variant.row in (24, 25) or variant.augmentation is None


def test_row_24_compares_training_set_sizes_with_and_without_augmentation():
    plain = {v.train_size for v in row(24) if v.augmentation is None}
    augmented = {v.train_size or 50_000 for v in row(24) if v.augmentation}
    assert plain == augmented
    assert len(plain) >= 3
    assert {v.layers for v in row(24)} == {ROW_16}


# --- every entry ----------------------------------------------------------------------------------


@every_variant
def test_an_entry_belongs_to_a_question_and_says_what_to_look_at(variant):
    assert variant.question in QUESTIONS
    assert re.fullmatch(r".{10,}\.", variant.look_at)


@every_variant
def test_an_entrys_study_exists(variant):
    assert callable(studies.study_of(variant))


@every_variant
def test_an_entrys_data_exists(variant):
    if variant.data != "digits":
        assert datasets.generate(variant.data, 0).name == variant.data


@every_variant
def test_an_entrys_name_can_be_typed(variant):
    assert re.fullmatch(r"[a-z][a-z0-9_.-]*", variant.name)


def test_every_question_is_answered_by_some_variant():
    assert {variant.question for variant in VARIANTS.values()} == set(QUESTIONS)


def test_only_networks_that_read_digits_are_candidates_for_the_service():
    registered = [variant for variant in VARIANTS.values() if variant.registered]
    assert {"mnist_ann", "mnist_cnn"} <= {variant.name for variant in registered}
    assert {variant.data for variant in registered} == {"digits"}
    networks = [n for variant in registered for n in (variant.members or [variant])]
    for network in networks:
        classes = 11 if network.other_hands else 10  # the eleventh: not one digit
        assert [each for each in network.layers if isinstance(each, Dense)][-1].units == classes
        assert network.layers[-1] in (Dense(classes, "softmax"), ActivationLayer("softmax"))
    assert all(variant.train_size is None for variant in registered)  # trained on all digits


# --- find -----------------------------------------------------------------------------------------


def test_no_name_means_all_of_the_lecture_but_not_the_recipes_that_take_minutes():
    assert variants.find([]) == [v for v in VARIANTS.values() if v not in (*RECIPES, FAST_CNN)]


def test_a_questions_key_means_all_that_answer_it():
    assert variants.find(["accuracy"]) == [
        v for v in (*RECIPES, FAST_CNN) if v.question == "accuracy"
    ]
    hands = [variant.name for variant in variants.find(["hands"])]
    assert hands == ["handwriting_cnn", "handwriting_without"]
    boundary = [v for v in VARIANTS.values() if v.question == "boundary"]
    assert variants.find(["boundary"]) == boundary


def test_no_question_is_called_like_a_variant():
    assert not QUESTIONS.keys() & VARIANTS.keys()


def test_a_committee_and_a_student_come_after_those_they_build_on():
    names = list(VARIANTS)
    for variant in VARIANTS.values():
        teacher = [variant.distillation.teacher] if variant.distillation else []
        for needed in (*(member.name for member in variant.members), *teacher):
            assert names.index(needed) < names.index(variant.name)


def test_names_are_found_in_the_lectures_order_and_once():
    found = variants.find(["mnist_ann", "perceptron", "mnist_ann"])
    assert [variant.name for variant in found] == ["perceptron", "mnist_ann"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("mnist", "mnist_ann"), ("overfit_droput", "overfit_dropout"), ("Perceptron", "perceptron")],
)
def test_an_unknown_name_gets_the_nearest_ones(typed, meant):
    with pytest.raises(UnknownName, match=rf"'{typed}'; did you mean .*{meant}"):
        variants.find(["perceptron", typed])


def test_a_name_like_no_other_gets_the_way_to_the_list():
    with pytest.raises(UnknownName, match=r"none is near\. `ann list` names them all"):
        variants.find(["zzz"])


@given(st.text())
def test_any_other_text_is_refused_by_name(text):
    if text not in {*VARIANTS, *QUESTIONS}:
        with pytest.raises(UnknownName, match=re.escape(repr(text))):
            variants.find([text])
