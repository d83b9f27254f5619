"""The part of a script that makes the data makes those that the pipeline trains on."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from ann_models import datasets
from ann_models.code import data_source
from ann_models.digits.augmentation import augment
from ann_models.errors import UnsupportedLayer
from ann_models.variants import AUGMENTATION, VARIANTS

CURVE, PLANE = VARIANTS["relu_regression_4"], VARIANTS["linear_classification"]
NAMES = {"x_train": "train_x", "y_train": "train_y", "x_val": "val_x", "y_val": "val_y"}
CLASSES = "# mine\nx1;x2;class\n" + "".join(
    f"{i % 5};{i * i % 7};{'red' if i % 3 else 'blue'}\n" for i in range(24)
)


def executed(code, **names):
    """The names that the code leaves behind."""
    exec(code, names := {"np": np} | names)
    return names


@pytest.mark.parametrize(
    "data",
    [
        "xor",
        "linear",
        "nonlinear",
        "cubic",
        "ten_points",
        "ten_points_held_out",
        "cubic size=50",
        "nonlinear size=30 noise=0.2",
        "cubic noise=0.1",
        "xor noise=0.3",
        "ten_points noise=0.1",
        "ten_points_held_out noise=0.2",
    ],
)
def test_generated_data_are_those_of_the_pipeline(data):
    made = executed(data_source.code(replace(CURVE, data=data)))
    arrays = datasets.generate(data, datasets.DATA_SEED).arrays
    for name, array in arrays.items():
        np.testing.assert_allclose(made[NAMES[name]], array, rtol=0, atol=1e-6, err_msg=name)
        assert made[NAMES[name]].dtype == np.float32
    assert ("val_x" in made) == ("x_val" in arrays)


@pytest.mark.parametrize(
    ("content", "held_out"),
    [
        (CLASSES, False),
        (CLASSES, True),
        ("".join(f"{i * 7 % 20 / 4},{i * i / 9}\n" for i in range(20)), False),
        ("".join(f"{i * 7 % 20 / 4},{i * i / 9}\n" for i in range(20)), True),
        ("\ufeff" + CLASSES, False),
        (CLASSES.replace("red", 'the "red" one#1').replace("blue", "it's blue"), False),
        (CLASSES.replace("red", '"red; not blue"').replace("0;0;", '"0";"0";'), False),
        ("\n# mine, too\n" + CLASSES.replace("\n4;", "\n\n# four\n4;"), False),
        (CLASSES.replace("\n3;", "\n3,25;").replace("red", "red, dark"), True),
    ],
    ids=[
        *("classes", "classes, some held out", "curve", "curve, some held out"),
        *("byte-order mark", "hash and quotes", "quoted cells", "comments between"),
        "decimal commas",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("name", ["own.csv", 'it\'s "#1" \\ {x} % ä.csv'])
def test_a_file_is_read_as_the_pipeline_reads_it(tmp_path, content, held_out, name, encoding):
    (tmp_path / name).write_text(
        content.lstrip("\ufeff") if encoding == "utf-16" else content, encoding
    )
    data = f"{'held_out ' if held_out else ''}points:{tmp_path / name}"
    made = executed(data_source.code(replace(CURVE, data=data)))
    arrays = datasets.generate(data, 0).arrays
    assert ("x_val" in arrays) == held_out == ("val_x" in made)
    for name in arrays.keys() & NAMES.keys():
        np.testing.assert_array_equal(made[NAMES[name]], arrays[name], err_msg=name)


def test_the_panel_of_points_of_ones_own_names_their_classes(tmp_path):
    (tmp_path / "own.csv").write_text(CLASSES.replace("red", "5 $ or {6} $"))
    panel = data_source.panel(replace(PLANE, data=f"points:{tmp_path / 'own.csv'}"))
    assert r"label = '5 \\$ or {6} \\$'" in panel
    assert "label = 'blue'" in panel


@pytest.mark.parametrize("size", [None, 300])
def test_the_digits_are_split_as_the_pipeline_splits_them(size):
    labels = np.random.default_rng(0).integers(0, 10, 10_500)
    pictures = np.arange(10_500)[:, None] % 256
    keras = SimpleNamespace(
        datasets=SimpleNamespace(
            mnist=SimpleNamespace(load_data=lambda: ((pictures, labels), (pictures, labels)))
        )
    )
    code = data_source.code(replace(VARIANTS["mnist_ann"], train_size=size))
    made = executed(code, tf=SimpleNamespace(keras=keras))
    order = datasets.stratified_order(labels)
    np.testing.assert_array_equal(made["val"], order[-10_000:])
    np.testing.assert_array_equal(made["train"], order[:500][:size])
    np.testing.assert_array_equal(made["train_y"], labels[made["train"]])
    np.testing.assert_array_equal(made["val_y"], labels[made["val"]])
    assert made["train_x"].max() <= 1
    np.testing.assert_allclose(made["test_x"], pictures / 255, rtol=1e-6)


def test_data_without_a_script_are_refused_by_name():
    with pytest.raises(UnsupportedLayer, match=r"perceptron: the data 'gates' has no script"):
        data_source.code(replace(CURVE, name="perceptron", data="gates"))


def test_pictures_of_ones_own_are_refused_with_a_row_that_has_a_script():
    variant = replace(VARIANTS["mnist_ann"], data="images:letters=/home/me/letters")
    with pytest.raises(UnsupportedLayer, match=r"letters=/home/me/letters.*`ann code mnist_cnn`"):
        data_source.code(variant)


@pytest.mark.parametrize(
    ("data", "has"),
    [("digits", True), ("ten_points_held_out", True), ("ten_points", False), ("cubic", False)],
)
def test_digits_and_held_out_points_have_validation_data(data, has):
    assert data_source.has_validation(replace(CURVE, data=data)) == has


@pytest.mark.parametrize(
    ("data", "shape"), [("digits", "(28, 28)"), ("linear", "(2,)"), ("cubic", "(1,)")]
)
def test_the_input_has_the_shape_of_one_example(data, shape):
    assert data_source.input_layer(replace(CURVE, data=data)) == f"tf.keras.layers.Input({shape})"


def test_the_panel_fits_the_data():
    digits, plane, curve = (
        data_source.panel(VARIANTS[name])
        for name in ("mnist_ann", "linear_classification", "relu_regression_4")
    )
    assert "low - margin, high + margin" in plane  # the corners of XOR are not on the frame
    assert "stem" in digits and "contourf" in plane and "'network'" in curve
    for code in (digits, plane, curve):
        assert code.endswith("plt.show()")


def test_the_layer_distorts_training_digits_as_the_pipeline_does_and_no_others():
    settings = replace(AUGMENTATION, shift=2.5, rotation=7.0)
    made = executed(data_source.distortion(settings, seed=3), tf=tf)
    layer, images = made["Distortion"](), np.random.default_rng(0).random((5, 28, 28), np.float32)
    np.testing.assert_array_equal(layer(images), images)
    for step in (0, 1):
        expected = augment(tf.constant(images), settings, tf.constant([3, step]))
        np.testing.assert_allclose(layer(images, training=True), expected, atol=1e-4)
