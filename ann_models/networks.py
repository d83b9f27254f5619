"""An entry's layers as a Keras model."""

from __future__ import annotations

import re

import keras

from ann_models import entry
from ann_models.entry import Variant
from ann_models.layers import Deslant


def build(variant: Variant, input_shape: tuple[int, ...], seed: int) -> keras.Model:
    """The entry's network with the initial weights of `seed` (Glorot uniform kernels).

    A committee answers with the mean of its networks' answers; it has none of its own seed.

    Args:
        variant: an entry with layers, or with members.
        input_shape: the shape of one example, e.g. (28, 28) or (2,).
        seed: decides the initial weights and the dropout masks.

    Returns:
        A built, uncompiled model: (batch, *input_shape) → (batch, units of the last layer).
    """
    if variant.members:
        images = keras.Input(input_shape)
        answers = [build(seat, input_shape, s)(images) for seat, s in variant.seats(seed)]
        return keras.Model(images, keras.layers.Average()(answers), name=variant.name)
    regularizer = _regularizer(variant.penalty)
    layers: list[keras.Layer] = [keras.Input(input_shape)]
    first_convolution = next(
        (i for i, layer in enumerate(variant.layers) if isinstance(layer, entry.Convolution)), None
    )
    for position, layer in enumerate(variant.layers):
        if position == first_convolution:
            layers.append(keras.layers.Reshape((*input_shape, 1)))
        layers.append(_keras_layer(layer, seed * 1000 + position, regularizer))
    return keras.Sequential(layers, name=re.sub(r"\W", "_", variant.name))


def members(model: keras.Model) -> list[keras.Sequential]:
    """The networks of a committee; of any other model, itself."""
    if isinstance(model, keras.Sequential):
        return [model]
    return [layer for layer in model.layers if isinstance(layer, keras.Sequential)]


def _regularizer(penalty: entry.Penalty | None) -> keras.Regularizer | None:
    if penalty is None:
        return None
    kinds = {"l1": keras.regularizers.L1, "l2": keras.regularizers.L2}
    return kinds[penalty.norm](penalty.strength)


def _keras_layer(
    layer: entry.Layer, seed: int, regularizer: keras.Regularizer | None
) -> keras.Layer:
    kernel = {
        "kernel_initializer": keras.initializers.GlorotUniform(seed),
        "kernel_regularizer": regularizer,
    }
    match layer:
        case entry.Dense(units, activation, use_bias):
            return keras.layers.Dense(units, activation, use_bias, **kernel)
        case entry.Convolution(filters, size, strides, activation):
            return keras.layers.Conv2D(
                filters, size, strides, padding="same", activation=activation, **kernel
            )
        case entry.MaxPooling(size):
            return keras.layers.MaxPooling2D(size)
        case entry.Flatten():
            return keras.layers.Flatten()
        case entry.BatchNormalization(momentum):
            return keras.layers.BatchNormalization(momentum=momentum)
        case entry.ActivationLayer(activation):
            return keras.layers.Activation(activation)
        case entry.Deslant():
            return Deslant()
        case entry.Dropout(rate):
            return keras.layers.Dropout(rate, seed=seed)
