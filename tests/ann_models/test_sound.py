"""Whether an entry can be trained, said as sentences; and which study can show it."""

from dataclasses import replace
from pathlib import Path

import pytest

from ann_models import data_name
from ann_models.entry import (
    ActivationLayer,
    BatchNormalization,
    Convolution,
    Dense,
    Deslant,
    Distillation,
    Dropout,
    EarlyStopping,
    Flatten,
    MaxPooling,
    OtherHands,
)
from ann_models.networks import build
from ann_models.recipes import RECIPES
from ann_models.sound import faults_of, kind_of, suitable_study
from ann_models.variants import AUGMENTATION, VARIANTS

ROWS = [v for v in VARIANTS.values() if v.layers and v not in RECIPES]
CURVE = VARIANTS["relu_regression_4"]
PLANE = VARIANTS["linear_classification"]
DIGITS = VARIANTS["mnist_ann"]
SOFTMAX, SIGMOID, LINEAR = Dense(10, "softmax"), Dense(1, "sigmoid"), Dense(1)


@pytest.fixture
def points(tmp_path):
    """Files of points: a curve, and two classes."""
    (tmp_path / "curve.csv").write_text("1,2\n2,3\n3,5\n4,1\n")
    (tmp_path / "classes.csv").write_text("1,2,a\n2,3,b\n3,5,a\n4,1,b\n")
    return tmp_path


@pytest.fixture
def letters(tmp_path):
    """The name of an image data set of three classes."""
    for name in ("A", "B", "C"):
        (tmp_path / "letters" / name).mkdir(parents=True)
    return f"images:letters={tmp_path / 'letters'}"


@pytest.mark.parametrize("variant", ROWS, ids=lambda variant: variant.name)
def test_every_row_of_the_lecture_is_sound_and_keeps_its_study(variant):
    assert faults_of(variant) == []
    assert suitable_study(variant) == variant.study


def test_the_kind_of_a_file_is_that_of_its_points(points, letters):
    kinds = [
        kind_of(data_name.parse(text))
        for text in (f"points:{points / 'curve.csv'}", f"points:{points / 'classes.csv'}", letters)
    ]
    assert kinds == ["regression", "classification", "digits"]
    assert kind_of(data_name.parse("gates")) == "gates"


@pytest.mark.parametrize(
    ("variant", "layers", "faults"),
    [
        (CURVE, (), ["the last layer must be dense: it gives the answer"]),
        (CURVE, (LINEAR, Dropout(0.5)), ["the last layer must be dense: it gives the answer"]),
        (CURVE, (Dense(2),), ["the last layer has 2 units; regression needs 1"]),
        (CURVE, (Dense(1, "tanh"),), []),
        (PLANE, (Dense(3, "sigmoid"),), ["the last layer has 3 units; classification needs 1"]),
        (PLANE, (LINEAR,), ["two classes need sigmoid in the last layer, not linear"]),
        (
            PLANE,
            (Dense(1, "softmax"),),
            ["softmax on one unit always answers 1; did you mean sigmoid?"],
        ),
        (
            DIGITS,
            (Flatten(), Dense(9, "softmax")),
            ["the last layer has 9 units; the data needs 10"],
        ),
        (
            DIGITS,
            (Flatten(), Dense(10, "sigmoid")),
            ["digits need softmax in the last layer, not sigmoid"],
        ),
        (DIGITS, (Flatten(), Dense(10), BatchNormalization(), ActivationLayer("softmax")), []),
        (
            DIGITS,
            (Flatten(), Dense(10), BatchNormalization(), ActivationLayer("tanh")),
            ["digits need softmax in the last layer, not tanh"],
        ),
        (
            DIGITS,
            (Flatten(), Dense(8), BatchNormalization(), ActivationLayer("softmax")),
            ["the last layer has 8 units; the data needs 10"],
        ),
    ],
)
def test_the_last_layer_gives_the_answer_that_the_data_need(variant, layers, faults):
    assert faults_of(replace(variant, layers=layers)) == faults


@pytest.mark.parametrize(
    ("variant", "layers", "faults"),
    [
        (
            CURVE,
            (Convolution(4), LINEAR),
            ["layers.0 (Convolution) needs images and stands on regression"],
        ),
        (
            PLANE,
            (MaxPooling(), SIGMOID),
            ["layers.0 (MaxPooling) needs images and stands on classification"],
        ),
        (
            DIGITS,
            (Flatten(), Deslant(), SOFTMAX),
            ["layers.1 (Deslant) needs images and stands after flatten"],
        ),
        (
            DIGITS,
            (Dense(8), Dense(8), SOFTMAX),
            ["layers.0 (Dense) needs vectors: put flatten before it"],
        ),
        (DIGITS, (Deslant(), Convolution(4), MaxPooling(), Flatten(), SOFTMAX), []),
        (
            DIGITS,
            (Flatten(), Dense(8, "softmax"), SOFTMAX),
            [
                "layers.1 (Dense) is softmax before the last layer; "
                "did you mean sigmoid, tanh or relu?"
            ],
        ),
        (
            CURVE,
            (ActivationLayer("softmax"), LINEAR),
            [
                "layers.0 (ActivationLayer) is softmax before the last layer; "
                "did you mean sigmoid, tanh or relu?"
            ],
        ),
    ],
)
def test_each_layer_stands_where_it_can(variant, layers, faults):
    assert faults_of(replace(variant, layers=layers)) == faults


@pytest.mark.parametrize(
    ("layers", "fault"),
    [
        (
            (Convolution(4, strides=7), MaxPooling(5)),
            "layers.1 (MaxPooling): size=5 is larger than the picture of 4×4 pixels",
        ),
        (
            (Convolution(4), MaxPooling(4), Convolution(4, kernel=8)),
            "layers.2 (Convolution): kernel=8 is larger than the picture of 7×7 pixels",
        ),
        (
            (Convolution(4), MaxPooling(9), Convolution(4, strides=4)),
            "layers.2 (Convolution): strides=4 is larger than the picture of 3×3 pixels",
        ),
        (
            (Convolution(4), *[MaxPooling()] * 5),
            "layers.5 (MaxPooling): size=2 is larger than the picture of 1×1 pixels",
        ),
        ((MaxPooling(),), "layers.0 (MaxPooling) needs channels: put conv before it"),
        (
            (Convolution(4), Deslant()),
            "layers.1 (Deslant) sets pictures of one channel upright: put it before conv",
        ),
    ],
)
def test_no_layer_is_larger_than_the_picture_that_reaches_it(layers, fault):
    (said,) = faults_of(replace(DIGITS, layers=(*layers, Flatten(), SOFTMAX)))
    assert said.startswith(fault)


def test_layers_as_large_as_their_picture_are_built():
    layers = (Convolution(2, kernel=28, strides=7), MaxPooling(4), Flatten(), SOFTMAX)
    assert faults_of(replace(DIGITS, layers=layers)) == []
    assert build(replace(DIGITS, layers=layers), (28, 28), 0).output_shape == (None, 10)


@pytest.mark.parametrize(
    ("variant", "layers", "weights"),
    [
        (CURVE, (Dense(100_000), Dense(1000), LINEAR), "100,202,001"),
        (DIGITS, (Convolution(10_000), Flatten(), Dense(13), SOFTMAX), "102,020,153"),
        (
            DIGITS,
            (Convolution(10_000, 3, 2), Convolution(10_000, 1), MaxPooling(2), Flatten(), SOFTMAX),
            "105,010,010",
        ),
    ],
)
def test_a_network_of_too_many_weights_is_refused(variant, layers, weights):
    (fault,) = faults_of(replace(variant, layers=layers))
    assert fault == f"the network has {weights} weights; expected at most 100,000,000"


def test_numbers_out_of_their_range_are_told_before_all_else():
    assert faults_of(replace(CURVE, epochs=0, layers=(Dense(0), LINEAR))) == [
        "epochs=0: expected 1 to 1,000,000",
        "layers.0.units=0: expected 1 to 100,000",
    ]


@pytest.mark.parametrize(
    ("variant", "loss", "meant"),
    [
        (CURVE, "mse", None),
        (CURVE, "binary_crossentropy", "regression; did you mean mse"),
        (PLANE, "mse", None),
        (
            PLANE,
            "sparse_categorical_crossentropy",
            "classification; did you mean binary_crossentropy",
        ),
        (DIGITS, "mse", "digits; did you mean sparse_categorical_crossentropy"),
        (DIGITS, "sparse_categorical_crossentropy", None),
        (
            DIGITS,
            "categorical_crossentropy",
            "digits; did you mean sparse_categorical_crossentropy",
        ),
    ],
)
def test_a_loss_that_does_not_fit_is_named_with_one_that_does(variant, loss, meant):
    expected = [f"loss={loss} does not fit {meant}?"] if meant else []
    assert faults_of(replace(variant, loss=loss)) == expected


def test_a_network_that_learns_answers_may_have_their_loss():
    taught = Distillation("teachers", copies=1, augmentation=AUGMENTATION)
    assert faults_of(replace(DIGITS, loss="categorical_crossentropy", distillation=taught)) == []


def test_all_faults_are_told_at_once():
    broken = replace(CURVE, layers=(Convolution(4), Dense(2)), loss="binary_crossentropy")
    assert [fault.split()[0] for fault in faults_of(broken)] == [
        "the",
        "loss=binary_crossentropy",
        "layers.0",
    ]


def test_only_digits_are_distorted():
    (fault,) = faults_of(replace(CURVE, augmentation=AUGMENTATION))
    assert fault == "augmentation distorts digits; for points there is data.noise"
    assert faults_of(replace(DIGITS, augmentation=AUGMENTATION)) == []


def test_early_stopping_needs_validation_data():
    stopping = EarlyStopping(patience=5)
    (fault,) = faults_of(replace(VARIANTS["overfit_base"], early_stopping=stopping))
    assert fault == "early stopping needs validation data; did you mean data=ten_points_held_out?"
    assert faults_of(replace(DIGITS, early_stopping=stopping)) == []
    held_out = replace(VARIANTS["overfit_base"], data="ten_points_held_out")
    assert faults_of(replace(held_out, early_stopping=stopping)) == []


def test_data_that_no_network_learns_are_named_with_those_that_one_does():
    (fault,) = faults_of(replace(CURVE, data="gates"))
    assert fault.startswith("data=gates trains no Keras network; expected one of xor, linear, ")
    assert fault.endswith("digits")
    assert "none" not in fault


def test_data_that_are_not_there_are_the_only_fault(tmp_path):
    (unknown,) = faults_of(replace(CURVE, data="cubik", layers=()))
    assert "No data set is called 'cubik'" in unknown
    (missing,) = faults_of(replace(CURVE, data=f"points:{tmp_path / 'nosuch.csv'}", layers=()))
    assert str(tmp_path / "nosuch.csv") in missing


def test_pictures_of_ones_own_need_a_unit_a_class(letters, tmp_path):
    own = replace(DIGITS, data=letters, layers=(Flatten(), Dense(3, "softmax")))
    assert faults_of(own) == []
    (fault,) = faults_of(replace(own, layers=DIGITS.layers))
    assert fault == "the last layer has 10 units; the data needs 3"
    Path(tmp_path / "letters" / "A").rename(tmp_path / "A")
    for name in ("B", "C"):
        (tmp_path / "letters" / name).rmdir()
    (missing,) = faults_of(own)
    assert "letters" in missing


@pytest.mark.parametrize(
    ("name", "learns"),
    [("best_cnn", "other networks"), ("handwriting_cnn", "generated digits")],
)
def test_what_learns_from_more_than_pictures_is_not_for_those_of_ones_own(letters, name, learns):
    (fault,) = faults_of(replace(VARIANTS[name], data=letters))
    set_of_ones_own = letters.removeprefix("images:")
    assert fault == (
        f"it learns from {learns}; on {set_of_ones_own} run mnist_ann, mnist_cnn or fast_cnn"
    )


@pytest.mark.parametrize(
    ("name", "learns"),
    [("best_mlp", "other networks"), ("handwriting_cnn", "generated digits")],
)
def test_what_learns_from_more_than_its_data_is_not_for_points(points, name, learns):
    fitting = replace(VARIANTS[name], layers=(Dense(8, "relu"), Dense(2)), loss="mse")
    for data in ("cubic", "cubic size=20", f"points:{points / 'curve.csv'}"):
        said = f"it learns from {learns}, so its data must be digits, not {data}"
        assert faults_of(replace(fitting, data=data)) == [said]


def test_other_hands_need_an_eleventh_unit():
    others = replace(DIGITS, other_hands=OtherHands(10, 0, 10))
    assert faults_of(others) == ["the last layer has 10 units; the data needs 11"]


@pytest.mark.parametrize(
    ("name", "changes", "study"),
    [
        ("linear_classification", {"data": "nonlinear"}, "points_classification"),
        ("linear_classification", {"layers": (SIGMOID, SIGMOID)}, "points_classification"),
        (
            "linear_classification",
            {"layers": (Dense(1, "sigmoid", False),)},
            "points_classification",
        ),
        ("nonlinear_classification", {"data": "linear"}, "points_classification"),
        (
            "nonlinear_classification",
            {"layers": (Dense(3, "sigmoid"), SIGMOID)},
            "points_classification",
        ),
        ("xor_mlp", {"layers": (Dense(2, "tanh"), SIGMOID)}, "xor_mlp"),
        ("xor_mlp", {"layers": (Dense(2, "relu"), SIGMOID)}, "points_classification"),
        ("xor_mlp", {"data": "linear"}, "points_classification"),
        (
            "relu_regression_4",
            {"layers": (Dense(9, "relu"), Dense(1, use_bias=False))},
            "relu_regression",
        ),
        ("relu_regression_4", {"layers": (Dense(9, "relu"), LINEAR)}, "points_regression"),
        ("relu_regression_4", {"data": "ten_points"}, "points_regression"),
        ("overfit_base", {"data": "ten_points_held_out"}, "overfit"),
        ("overfit_base", {"data": "cubic"}, "points_regression"),
        ("overfit_batch_norm", {"layers": (Dense(3), LINEAR)}, "points_regression"),
        ("overfit_batch_norm", {"data": "cubic"}, "points_regression"),
        (
            "overfit_batch_norm",
            {"layers": (Dense(3), BatchNormalization(), Dropout(0.1), LINEAR)},
            "points_regression",
        ),
        ("overfit_dropout", {"layers": (Dense(3), Dropout(0.1), LINEAR)}, "overfit_dropout"),
        ("overfit_dropout", {"layers": (Dropout(0.1), Dense(3), LINEAR)}, "points_regression"),
        ("overfit_dropout", {"data": "cubic"}, "points_regression"),
        ("overfit_early_stopping", {"early_stopping": None}, "points_regression"),
        ("overfit_early_stopping", {"data": "ten_points"}, "points_regression"),
        ("mnist_ann", {"layers": (Flatten(), Dropout(0.1), SOFTMAX)}, "mnist"),
        ("mnist_ann", {"layers": (Flatten(),)}, "mnist"),
        (
            "vanishing_gradient_tanh",
            {"layers": (Flatten(), Dense(3), SOFTMAX)},
            "vanishing_gradient",
        ),
        ("vanishing_gradient_tanh", {"layers": (Flatten(), SOFTMAX)}, "mnist_data_size"),
        (
            "vanishing_gradient_tanh",
            {"layers": (Flatten(), Dense(3), Dropout(0.1), SOFTMAX)},
            "mnist_data_size",
        ),
        ("mnist_data_size_500", {"layers": (Flatten(), SOFTMAX)}, "mnist_data_size"),
    ],
)
def test_a_changed_entry_keeps_its_study_only_where_its_panels_can_be_drawn(name, changes, study):
    assert suitable_study(replace(VARIANTS[name], **changes)) == study


def test_ones_own_points_have_the_study_of_their_kind(points):
    assert suitable_study(replace(CURVE, data=f"points:{points / 'classes.csv'}")) == (
        "points_classification"
    )
    assert suitable_study(replace(PLANE, data=f"points:{points / 'curve.csv'}")) == (
        "points_regression"
    )


def test_other_hands_keep_their_study_whatever_the_layers():
    variant = VARIANTS["handwriting_cnn"]
    assert suitable_study(replace(variant, layers=())) == "other_hands"
