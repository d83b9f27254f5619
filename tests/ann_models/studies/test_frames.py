"""The frames of an animation show the networks that were trained, epoch by epoch."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from ann_models import networks
from ann_models.datasets import generate
from ann_models.entry import Activation, ActivationLayer, BatchNormalization, Dense, Dropout
from ann_models.evaluation import predict
from ann_models.studies.frames import ACTIVATIONS, trajectory
from ann_models.training import train
from ann_models.variants import VARIANTS
from tests.support.small_trainings import REGRESSION, cubic
from tests.support.untrained import study

LAYERS = (
    Dense(6, "tanh"),
    Dropout(0.2),
    Dense(5, "relu"),
    Dense(4, use_bias=False),
    BatchNormalization(),
    ActivationLayer("sigmoid"),
    Dense(3, "silu"),
    Dense(3, "softmax"),
    Dense(1),
)


def test_the_outputs_are_those_of_the_network_after_each_epoch():
    variant = replace(REGRESSION, layers=LAYERS, epochs=4, frames=30)
    training = train(variant, cubic(), (0, 1))
    path = trajectory(variant, training, seed=1)
    assert path.epochs == [0, 1, 2, 3, 4]
    x = cubic(20).arrays["x_train"]
    outputs = path.outputs(x)
    assert [layer.shape[2] for layer in outputs] == [6, 6, 5, 4, 4, 4, 3, 3, 1]
    model = networks.build(variant, (1,), seed=0)
    for frame, epoch in enumerate(path.epochs):
        model.set_weights(training.snapshots[epoch][1])
        np.testing.assert_allclose(outputs[-1][frame], predict(model, x), atol=1e-5)


def test_every_activation_of_a_variant_can_be_shown():
    assert set(ACTIVATIONS) == set(get_args(Activation))


def test_frames_end_where_early_stopping_ended_the_seed():
    variant = replace(REGRESSION, epochs=4, frames=30)
    training = train(variant, cubic(), (0,))
    training.history["train_loss"][2:] = np.nan
    assert trajectory(variant, training, 0).epochs == [0, 1, 2]


def test_without_snapshots_there_is_nothing_to_show():
    assert trajectory(REGRESSION, train(REGRESSION, cubic(), (0,)), 0) is None


@pytest.mark.parametrize(
    ("name", "moving"),
    [
        ("linear_classification", {"boundary"}),
        ("nonlinear_classification", {"decision_regions", "hidden_space"}),
        ("relu_regression_2", {"sum_of_neurons"}),
        ("overfit_batch_norm", {"fitted_curve"}),
    ],
)
def test_rows_with_something_to_show_have_frames_and_a_small_file(name, moving):
    variant = replace(VARIANTS[name], epochs=3, seeds=2)
    data = generate(variant.data, 0)
    training = train(variant, data, (0, 1))
    animations = study(variant, data, training).animations
    assert set(animations) == moving
    for animation in animations.values():
        assert animation.epochs == [0, 1, 2, 3]
        assert animation.frames.dtype == np.uint8
        assert np.any(animation.frames[0] != animation.frames[-1])
        with Image.open(io.BytesIO(animation.gif())) as file:
            assert (file.n_frames, file.size) == (4, animation.frames.shape[2:0:-1])
    without = replace(variant, frames=0)
    assert not study(without, data, training).animations
