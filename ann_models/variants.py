"""The lecture's table of contents: adding a variant means adding an entry here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal

from ann_models.digits.augmentation import Augmentation
from ann_models.entry import (
    ActivationLayer,
    Adam,
    BatchNormalization,
    Convolution,
    Dense,
    Dropout,
    EarlyStopping,
    Flatten,
    Layer,
    MaxPooling,
    Penalty,
    Variant,
)
from ann_models.errors import UnknownName
from ann_models.fast_recipe import FAST_CNN
from ann_models.questions import QUESTIONS
from ann_models.recipes import HANDWRITING_CNN, RECIPES


def _relu_units(units: int) -> tuple[Layer, ...]:
    return Dense(units, "relu"), Dense(1, use_bias=False)


def _deep(activation: str) -> tuple[Layer, ...]:
    hidden = tuple(Dense(32, activation) for _ in range(8))  # type: ignore[arg-type]
    return Flatten(), *hidden, Dense(10, "softmax")


FRAMES = 30
HIDDEN = (30, 100, 100, 30)
OVERFIT = (*(Dense(units, "sigmoid") for units in HIDDEN), Dense(1))
OVERFIT_BATCH_NORM = (
    *(
        layer
        for units in HIDDEN
        for layer in (Dense(units), BatchNormalization(), ActivationLayer("sigmoid"))
    ),
    Dense(1),
)
OVERFIT_DROPOUT = (
    *(layer for units in HIDDEN for layer in (Dense(units, "sigmoid"), Dropout(0.2))),
    Dense(1),
)
MNIST_ANN = (Flatten(), Dense(100, "relu"), Dense(10, "softmax"))
MNIST_CNN = (
    Convolution(8),
    MaxPooling(),
    Convolution(16),
    MaxPooling(),
    Flatten(),
    Dense(64, "relu"),
    Dense(10, "softmax"),
)
PENALTIES: tuple[tuple[Literal["l1", "l2"], tuple[float, ...]], ...] = (
    ("l2", (0.0001, 0.001, 0.01, 0.1)),
    ("l1", (0.00001, 0.0001, 0.001, 0.01)),  # from 0.01 on every weight is zero
)
AUGMENTATION = Augmentation(shift=2.0, rotation=10.0, elastic_alpha=8.0, elastic_sigma=4.0)
DATA_SIZES = {500: 100, 2_000: 50, 10_000: 20, 50_000: 10}  # training digits: epochs

_ENTRIES = (
    Variant(
        row=1,
        name="perceptron",
        question="one_neuron",
        look_at="AND and OR end with no error; XOR never passes three of four.",
        study="perceptron",
        data="gates",
        epochs=50,
    ),
    Variant(
        row=2,
        name="xor_mlp",
        question="one_neuron",
        look_at="Two hidden units bend the plane until one line separates XOR.",
        study="xor_mlp",
        data="xor",
        layers=(Dense(2, "sigmoid"), Dense(1, "sigmoid")),
        loss="binary_crossentropy",
        optimizer=Adam(0.05),
        epochs=1000,
        frames=FRAMES,
        seeds=10,
    ),
    Variant(
        row=3,
        name="xor_kernel",
        question="one_neuron",
        look_at="With the added feature x₁·x₂ the perceptron's plane separates XOR.",
        study="xor_kernel",
        data="xor",
        epochs=50,
    ),
    Variant(
        row=4,
        name="linear_classification",
        question="boundary",
        look_at="The learned normal points within a few degrees of the true one.",
        study="linear_classification",
        data="linear",
        layers=(Dense(1, "sigmoid"),),
        loss="binary_crossentropy",
        optimizer=Adam(0.1),
        epochs=10,
        frames=FRAMES,
        seeds=10,
    ),
    Variant(
        row=5,
        name="nonlinear_classification",
        question="boundary",
        look_at="In the hidden space z₁, z₂ one line is enough again.",
        study="nonlinear_classification",
        data="nonlinear",
        layers=(Dense(2, "sigmoid"), Dense(1, "sigmoid")),
        loss="binary_crossentropy",
        optimizer=Adam(0.1),
        epochs=10,
        frames=FRAMES,
        seeds=10,
    ),
    Variant(
        row=6,
        name="relu_shapes",
        question="neurons",
        look_at="Shift, scale and flip one kink.",
        study="relu_shapes",
    ),
    *(
        Variant(
            row=row,
            name=f"relu_regression_{units}",
            question="neurons",
            look_at=look_at,
            study="relu_regression",
            data="cubic",
            layers=_relu_units(units),
            epochs=epochs,
            frames=FRAMES,
            seeds=5,
        )
        for row, units, epochs, look_at in (
            (7, 1, 500, "One neuron gives one kink: most of the cubic stays out of reach."),
            (8, 2, 3000, "Two kinks; which two depends on the seed."),
            (9, 4, 4000, "Four kinks can follow the cubic, if no neuron dies."),
            (10, 100, 1000, "A hundred neurons follow the curve closely."),
        )
    ),
    Variant(
        row=11,
        name="recursion",
        question="learning",
        look_at="Naive calls grow like the golden ratio's powers; with memory they grow linearly.",
        study="recursion",
    ),
    Variant(
        row=12,
        name="losses",
        question="learning",
        look_at="The formulas in NumPy agree with Keras's losses.",
        study="losses",
    ),
    Variant(
        row=13,
        name="gradient_descent",
        question="learning",
        look_at="Three ways down the same loss surface.",
        study="gradient_descent",
        data="linear",
        epochs=200,
    ),
    Variant(
        row=14,
        name="backpropagation",
        question="learning",
        look_at="The gradients agree with central differences and with TensorFlow's tape; "
        "without the memory the cost grows with the cube of the depth.",
        study="backpropagation",
        data="nonlinear",
    ),
    Variant(
        row=15,
        name="mnist_samples",
        question="digits",
        look_at="What the network will see.",
        study="mnist_samples",
        data="digits",
    ),
    Variant(
        row=16,
        name="mnist_ann",
        question="digits",
        look_at="About 97 of 100 test digits; the training accuracy is higher: overfitting.",
        study="mnist",
        data="digits",
        layers=MNIST_ANN,
        loss="sparse_categorical_crossentropy",
        epochs=5,
        frames=FRAMES,
        seeds=3,
        registered=True,
    ),
    Variant(
        row=17,
        name="mnist_cnn",
        question="digits",
        look_at="Convolutions share their weights over the picture and make half of the errors.",
        study="mnist",
        data="digits",
        layers=MNIST_CNN,
        loss="sparse_categorical_crossentropy",
        epochs=3,
        frames=FRAMES,
        batch_size=64,
        registered=True,
    ),
    *(
        Variant(
            row=18,
            name=f"vanishing_gradient_{activation}",
            question="vanishing",
            look_at=look_at,
            study="vanishing_gradient",
            data="digits",
            train_size=10_000,
            layers=_deep(activation),
            loss="sparse_categorical_crossentropy",
            epochs=10,
            seeds=3,
            keep_weights=True,
        )
        for activation, look_at in (
            ("sigmoid", "The gradient shrinks by an order of magnitude every few layers."),
            ("tanh", "The gradient keeps its size at the start."),
            ("relu", "The gradient passes, and about half of the activations are zero."),
        )
    ),
    Variant(
        row=19,
        name="overfit_base",
        question="overfitting",
        look_at="The curve chases the ten points and wiggles between them.",
        study="overfit",
        data="ten_points",
        layers=OVERFIT,
        epochs=5000,
        frames=FRAMES,
        seeds=5,
    ),
    Variant(
        row=20,
        name="overfit_batch_norm",
        question="overfitting",
        look_at="Batch statistics while training, moving statistics afterwards.",
        study="overfit_batch_norm",
        data="ten_points",
        layers=OVERFIT_BATCH_NORM,
        epochs=4000,
        frames=FRAMES,
        seeds=5,
    ),
    Variant(
        row=21,
        name="overfit_dropout",
        question="overfitting",
        look_at="Dropping a fifth of the neurons gives a smooth curve; scaling by 1/(1−rate) "
        "keeps the mean output.",
        study="overfit_dropout",
        data="ten_points",
        layers=OVERFIT_DROPOUT,
        epochs=200,
        frames=FRAMES,
        seeds=5,
    ),
    *(
        Variant(
            row=22,
            name=f"overfit_{norm}_{strength:g}",
            question="overfitting",
            look_at=f"The penalty λ = {strength:g} shrinks the weights' {norm.upper()} norm.",
            study="overfit",
            data="ten_points",
            layers=OVERFIT,
            epochs=5000,
            frames=FRAMES,
            seeds=3,
            penalty=Penalty(norm, strength),
        )
        for norm, strengths in PENALTIES
        for strength in strengths
    ),
    Variant(
        row=23,
        name="overfit_early_stopping",
        question="overfitting",
        look_at="The validation loss turns while the training loss still falls.",
        study="overfit_early_stopping",
        data="ten_points_held_out",
        layers=OVERFIT,
        epochs=5000,
        frames=FRAMES,
        seeds=5,
        early_stopping=EarlyStopping(patience=500),
    ),
    Variant(
        row=24,
        name="mnist_augmented",
        question="data",
        look_at="Shifted, rotated and distorted digits stand in for more data.",
        study="mnist_augmented",
        data="digits",
        layers=MNIST_ANN,
        loss="sparse_categorical_crossentropy",
        epochs=10,
        frames=FRAMES,
        augmentation=AUGMENTATION,
        registered=True,
    ),
    *(
        Variant(
            row=24,
            name=f"mnist_data_size_{size}" + ("_augmented" if augmentation else ""),
            question="data",
            look_at=f"{size:,} training digits" + (", augmented." if augmentation else "."),
            study="mnist_data_size",
            data="digits",
            train_size=size,
            layers=MNIST_ANN,
            loss="sparse_categorical_crossentropy",
            epochs=epochs,
            augmentation=augmentation,
        )
        for size, epochs in DATA_SIZES.items()
        for augmentation in (None, AUGMENTATION)
        if not (size == 50_000 and augmentation)  # that is mnist_augmented
    ),
    HANDWRITING_CNN,
)

VARIANTS = {variant.name: variant for variant in (*_ENTRIES, *RECIPES, FAST_CNN)}


def find(names: tuple[str, ...] | list[str]) -> list[Variant]:
    """The entries of these names, or of the questions of these keys, in the table's order.

    For no name, those of the lecture: the recipes take minutes each and are named when wanted.

    Raises:
        UnknownName: for a name that is not in the table, with the nearest ones.
    """
    if not names:
        return list(_ENTRIES)
    known = [*VARIANTS, *QUESTIONS]
    for name in names:
        if name not in known:
            raise unknown(name, known)
    return [v for v in VARIANTS.values() if v.name in names or v.question in names]


def unknown(name: str, known: Iterable[str]) -> UnknownName:
    """The error for a name that is none of the known ones, with the nearest of them."""
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else "none is near."
    return UnknownName(f"no variant is called {name!r}; {hint} `ann list` names them all.")
