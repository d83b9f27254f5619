"""An entry's layers become the Keras model that they say, from a seed."""

from dataclasses import replace
from itertools import combinations

import keras
import numpy as np
import pytest

from ann_models import networks
from ann_models.entry import (
    ActivationLayer,
    BatchNormalization,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    MaxPooling,
    Penalty,
    Variant,
)
from ann_models.variants import VARIANTS

SHAPES = {"digits": (28, 28), "xor": (2,), "linear": (2,), "nonlinear": (2,)}
NETWORKS = [variant for variant in VARIANTS.values() if variant.layers]


def a_variant(*layers, penalty: Penalty | None = None) -> Variant:
    return Variant(
        row=0, name="a.b", question="", look_at="", study="", layers=layers, penalty=penalty
    )


def shape_of(variant: Variant) -> tuple[int, ...]:
    return SHAPES.get(variant.data, (1,))


@pytest.mark.parametrize("variant", NETWORKS, ids=lambda variant: variant.name)
def test_every_network_of_the_table_maps_its_data_to_its_targets(variant):
    model = networks.build(variant, shape_of(variant), seed=0)
    classes = 11 if variant.other_hands else 10  # the eleventh: not one digit
    outputs = classes if variant.data == "digits" else 1
    assert model.output_shape == (None, outputs)
    assert model(np.zeros((3, *shape_of(variant)), np.float32)).shape == (3, outputs)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("linear_classification", 3),
        ("nonlinear_classification", 9),
        ("relu_regression_4", 12),  # without the output's bias
        ("mnist_ann", 784 * 100 + 100 + 100 * 10 + 10),
        ("overfit_base", 60 + 3100 + 10_100 + 3030 + 31),
        ("overfit_dropout", 60 + 3100 + 10_100 + 3030 + 31),
        ("overfit_batch_norm", 60 + 3100 + 10_100 + 3030 + 31 + 4 * 260),
    ],
)
def test_a_network_has_the_lectures_number_of_weights(name, parameters):
    variant = VARIANTS[name]
    assert networks.build(variant, shape_of(variant), 0).count_params() == parameters


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    one, again, other = (networks.build(VARIANTS["mnist_ann"], (28, 28), s) for s in (3, 3, 4))
    for a, b in zip(one.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one.get_weights()[0], other.get_weights()[0])


def test_a_layers_weights_are_kerass_for_the_seed_that_the_scripts_of_the_entry_name():
    """1000 times the network's seed, plus the layer's position: stored networks rest on it."""
    model = networks.build(a_variant(Dense(4), ActivationLayer("relu"), Dense(5)), (3,), 7)
    for position, shape in ((0, (3, 4)), (2, (4, 5))):
        expected = keras.initializers.GlorotUniform(7000 + position)(shape)
        np.testing.assert_array_equal(model.layers[position].kernel, expected)


def test_layers_of_the_same_shape_start_with_different_weights():
    kernels = [
        weights.tobytes()
        for seed in range(3)
        for weights in networks.build(a_variant(Dense(4), Dense(4)), (4,), seed).get_weights()[::2]
    ]
    assert all(a != b for a, b in combinations(kernels, 2))


def test_kernels_are_glorot_uniform_and_biases_zero():
    kernel, bias = networks.build(a_variant(Dense(300)), (500,), 0).get_weights()
    limit = np.sqrt(6 / (500 + 300))
    assert np.abs(kernel).max() <= limit
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
    assert not bias.any()


def test_each_kind_of_layer_becomes_its_keras_layer():
    model = networks.build(
        a_variant(
            Convolution(4, kernel=5, strides=2, activation="tanh"),
            MaxPooling(3),
            Flatten(),
            Dense(6, "sigmoid", use_bias=False),
            BatchNormalization(momentum=0.9),
            ActivationLayer("relu"),
            Dropout(0.3),
            Dense(10, "softmax"),
        ),
        (28, 28),
        0,
    )
    _, convolution, pooling, flatten, dense, normalisation, activation, dropout, last = model.layers
    assert isinstance(flatten, keras.layers.Flatten)
    assert isinstance(normalisation, keras.layers.BatchNormalization)
    assert normalisation.momentum == 0.9
    assert (convolution.filters, convolution.kernel_size, convolution.strides) == (
        4,
        (5, 5),
        (2, 2),
    )
    assert (convolution.padding, convolution.activation.__name__) == ("same", "tanh")
    assert pooling.pool_size == (3, 3)
    assert (dense.units, dense.activation.__name__, dense.use_bias) == (6, "sigmoid", False)
    assert activation.activation.__name__ == "relu"
    assert dropout.rate == 0.3
    assert last.activation.__name__ == "softmax"


def test_a_convolution_takes_the_digits_as_pictures_of_one_channel():
    model = networks.build(a_variant(Convolution(2), Flatten(), Dense(10)), (28, 28), 0)
    assert model.input_shape == (None, 28, 28)
    assert model.layers[1].kernel.shape == (3, 3, 1, 2)


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_a_penalty_is_on_every_kernel_and_on_no_bias(norm):
    model = networks.build(a_variant(Dense(3), Dense(1), penalty=Penalty(norm, 0.5)), (2,), 0)
    kernels = [layer.kernel.numpy() for layer in model.layers]
    model.layers[0].bias.assign([7.0, 7.0, 7.0])
    size = {"l1": np.abs, "l2": np.square}[norm]
    expected = 0.5 * sum(size(kernel).sum() for kernel in kernels)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)


def test_without_a_penalty_there_is_none():
    assert networks.build(a_variant(Dense(3)), (2,), 0).losses == []


def test_a_name_with_a_point_becomes_one_that_keras_takes():
    assert networks.build(a_variant(Dense(1)), (1,), 0).name == "a_b"


def test_a_committee_has_members_and_any_other_network_itself():
    first, second = (replace(a_variant(Dense(2)), name=name, seeds=2) for name in "ab")
    both = replace(a_variant(), members=(first, second), seeds=2)
    assert len(networks.members(networks.build(both, (3,), 0))) == 2
    alone = networks.build(first, (3,), 0)
    assert networks.members(alone) == [alone]
