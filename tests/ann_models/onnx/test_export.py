"""A network and its ONNX form give the same answers."""

import json

import keras
import numpy as np
import onnxruntime
import pytest
from keras import layers

from ann_models import datasets
from ann_models.entry import Dense, Flatten, Variant
from ann_models.errors import UnsupportedLayer
from ann_models.evaluation import digit_probabilities, digit_scores, predict
from ann_models.layers import Deslant
from ann_models.networks import build as build_variant
from ann_models.onnx.export import SUPPORTED_LAYERS, largest_difference, to_onnx
from ann_models.onnx.inference import (
    scored_predictor,
)


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return datasets.digits("offline-digits").arrays["x_val"]


def network(*hidden: keras.Layer, seed: int = 1) -> keras.Sequential:
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((28, 28)), *hidden, layers.Dense(10, "softmax")])


def dense() -> keras.Sequential:
    return network(layers.Flatten(), layers.Dense(100, "relu"))


def every_supported_layer() -> keras.Sequential:
    return network(
        Deslant(),
        layers.Reshape((28, 28, 1)),
        layers.Conv2D(8, 3, padding="same"),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(16, 3, strides=2, activation="tanh"),
        layers.AveragePooling2D(2),
        layers.Dropout(0.2),
        layers.Flatten(),
        layers.Dense(32, "sigmoid"),
        layers.Reshape((4, 4, 2)),
        layers.GlobalAveragePooling2D(),
    )


def committee() -> keras.Model:
    members = [
        Variant(
            16, name, "", "", "", layers=(Flatten(), Dense(units, "relu"), Dense(10, "softmax"))
        )
        for name, units in (("first", 8), ("second", 16))
    ]
    return build_variant(Variant(16, "both", "", "", "", members=tuple(members)), (28, 28), seed=1)


def with_moved_weights(model: keras.Model) -> keras.Model:
    """Biases and batch statistics away from 0 and 1, where a translator could drop them."""
    rng = np.random.default_rng(0)
    model.set_weights([w + rng.uniform(0, 0.2, w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("build", [dense, every_supported_layer, committee])
def test_both_forms_give_the_same_probabilities_for_real_digits(build, digits):
    model = with_moved_weights(build())
    assert largest_difference(model, to_onnx(model), digits) <= 1e-5


def test_the_networks_tested_here_hold_every_supported_layer():
    assert {type(layer) for layer in every_supported_layer().layers} == set(SUPPORTED_LAYERS)


def test_the_contract_names_one_input_and_one_output():
    session = onnxruntime.InferenceSession(to_onnx(dense()))
    (images,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (images.name, images.type, images.shape) == ("images", "tensor(float)", ["N", 28, 28])
    assert (probabilities.name, probabilities.shape) == ("probabilities", ["N", 10])


@pytest.mark.parametrize("build", [dense, every_supported_layer])
def test_equal_models_give_equal_bytes(build):
    first, second = build(), build()
    assert first is not second
    assert to_onnx(first) == to_onnx(second)


def test_a_difference_between_the_forms_is_seen(digits):
    other = to_onnx(network(layers.Flatten(), layers.Dense(100, "relu"), seed=2))
    assert largest_difference(dense(), other, digits) > 1e-3


def test_nan_weights_make_the_difference_nan(digits):
    model = dense()
    model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])
    assert np.isnan(largest_difference(model, to_onnx(model), digits[:2]))


def test_an_unsupported_layer_is_named_with_what_is_supported():
    model = network(layers.Flatten(), layers.LayerNormalization(name="odd_one"))
    with pytest.raises(UnsupportedLayer, match=r"'odd_one' is a LayerNormalization.*Conv2D, Dense"):
        to_onnx(model)


def with_no_digit() -> keras.Sequential:
    keras.utils.set_random_seed(3)
    return keras.Sequential([keras.Input((28, 28)), layers.Flatten(), layers.Dense(11, "softmax")])


def test_the_eleventh_class_becomes_a_score_of_its_own(digits):
    model = with_no_digit()
    onnx_bytes = to_onnx(model)
    probabilities, scores = scored_predictor(onnx_bytes)(digits)
    outputs = predict(model, digits)
    assert probabilities.shape == (len(digits), 10)
    np.testing.assert_allclose(probabilities, digit_probabilities(outputs), atol=1e-6)
    np.testing.assert_allclose(scores, digit_scores(outputs), atol=1e-6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert 0 < scores.min() < scores.max() < 1
    assert largest_difference(model, onnx_bytes, digits) < 1e-5
    assert to_onnx(with_no_digit()) == onnx_bytes


def test_eleven_named_classes_are_not_ten_digits_and_a_rest(digits):
    names = list("ABCDEFGHIJK")
    onnx_bytes = to_onnx(with_no_digit(), classes=names)
    session = onnxruntime.InferenceSession(onnx_bytes)
    assert [output.name for output in session.get_outputs()] == ["probabilities"]
    assert json.loads(session.get_modelmeta().custom_metadata_map["classes"]) == names
    assert largest_difference(with_no_digit(), onnx_bytes, digits[:4]) < 1e-5
