"""The network that is trained computes what Keras's does, in training and in validation."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from ann_models import networks
from ann_models.entry import ActivationLayer, BatchNormalization, Convolution, Dense, Flatten
from ann_models.training import fused
from ann_models.training.program import Program
from tests.support.small_trainings import REGRESSION, images

NORMALIZED = replace(
    REGRESSION,
    layers=(
        Convolution(4, activation="linear"),
        BatchNormalization(momentum=0.9),
        ActivationLayer("silu"),
        Flatten(),
        Dense(5),
        BatchNormalization(),
        ActivationLayer("relu"),
        Dense(3, "softmax"),
    ),
    loss="sparse_categorical_crossentropy",
)
X = images().arrays["x_train"]


@pytest.fixture
def keras_network() -> keras.Sequential:
    return networks.build(NORMALIZED, (8, 8), seed=0)


@pytest.fixture
def trained_network(keras_network) -> keras.Sequential:
    """The same with fused layers, and weights that no initialiser gives."""
    rng = np.random.default_rng(1)
    keras_network.set_weights(
        [rng.uniform(0.5, 1.5, weights.shape) for weights in keras_network.get_weights()]
    )
    network = fused.for_training(keras_network)
    network.set_weights(keras_network.get_weights())
    return network


def outputs_and_gradients(network: keras.Sequential) -> tuple[tf.Tensor, list[tf.Tensor]]:
    with tf.GradientTape() as tape:
        outputs = network(X, training=True)
        loss = tf.reduce_mean(tf.square(outputs))
    return outputs, tape.gradient(loss, network.trainable_variables)


def test_outputs_gradients_and_moving_statistics_in_training_are_keras(
    keras_network, trained_network
):
    outputs, gradients = outputs_and_gradients(trained_network)
    expected_outputs, expected_gradients = outputs_and_gradients(keras_network)
    np.testing.assert_allclose(outputs, expected_outputs, atol=1e-5)
    for gradient, expected in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, expected, atol=1e-6)
    for ours, theirs in zip(
        trained_network.get_weights(), keras_network.get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_outputs_in_validation_are_keras(keras_network, trained_network):
    np.testing.assert_allclose(trained_network(X), keras_network(X), atol=1e-6)


def test_feature_maps_alone_are_normalised_by_the_fused_layer(trained_network):
    kinds = [
        type(layer)
        for layer in trained_network.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert kinds == [fused.BatchNormalization, keras.layers.BatchNormalization]


@pytest.mark.parametrize("layer", [Convolution(4), Dense(4), ActivationLayer("linear")])
@pytest.mark.parametrize(
    ("activation", "trained"),
    [("silu", fused.silu), ("relu", keras.activations.relu), ("tanh", keras.activations.tanh)],
)
def test_the_silu_alone_is_replaced_in_a_layer_of_any_kind(layer, activation, trained):
    layers = (replace(layer, activation=activation), Flatten(), Dense(3))
    network = networks.build(replace(REGRESSION, layers=layers), (8, 8), seed=0)
    found = [getattr(layer, "activation", None) for layer in fused.for_training(network).layers]
    assert trained in found
    assert [getattr(layer, "activation", None) for layer in network.layers] == [
        keras.activations.silu if function is fused.silu else function for function in found
    ]


def test_other_settings_of_the_layers_are_kept(keras_network, trained_network):
    for ours, theirs in zip(trained_network.layers, keras_network.layers, strict=True):
        changed = {"activation"} & set(theirs.get_config())
        for name in set(theirs.get_config()) - changed:
            assert ours.get_config()[name] == theirs.get_config()[name], (theirs.name, name)


def test_the_variables_have_the_order_and_shapes_of_the_models(keras_network, trained_network):
    shapes = [[w.shape for w in network.weights] for network in (keras_network, trained_network)]
    assert shapes[0] == shapes[1]


def test_a_program_trains_the_fused_network():
    program = Program(NORMALIZED, images(), (0,))
    kinds = [type(layer) for layer in program.problem.model.layers]
    assert fused.BatchNormalization in kinds


@pytest.mark.parametrize(
    ("layer", "copied"),
    [
        (Dense(4, "silu"), True),
        (ActivationLayer("silu"), True),
        (Dense(4, "relu"), False),
        (BatchNormalization(), False),  # of vectors
    ],
    ids=["silu", "silu alone", "relu", "vectors"],
)
def test_a_network_without_anything_to_fuse_is_trained_itself(layer, copied):
    variant = replace(NORMALIZED, layers=(Flatten(), layer, Dense(3, "softmax")))
    network = networks.build(variant, (8, 8), seed=0)
    assert (fused.for_training(network) is not network) == copied
