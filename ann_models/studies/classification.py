"""Rows 2, 4 and 5: where a network draws its boundary, and the hidden space that allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ann_models.evaluation import accuracy, angle_between, named_classes, predict
from ann_models.figures import classification as figures
from ann_models.figures import frames
from ann_models.findings import Findings
from ann_models.studies.frames import trajectory
from ann_models.studies.over_seeds import final, learned, median_seed

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from ann_models.datasets import Dataset
    from ann_models.entry import Variant
    from ann_models.figures.animation import Animation
    from ann_models.figures.classification import Limits
    from ann_models.training.trainer import Training

TRUE_NORMAL = np.array([0.8, 1.0])  # of row 4's data: class 1 where 0.8·x1 + x2 − 3 ≥ 0
RESOLUTION = 120  # points a side of the grid on which decision regions are drawn
COARSE = 60  # … in the frames of an animation


def xor_mlp(variant: Variant, data: Dataset, training: Training) -> Findings:
    """Row 2: the hidden layer bends the plane until one line separates XOR.

    Local minima stop many seeds, so the panels show the seed with the lowest loss.
    """
    x, y = data.arrays["x_train"], data.arrays["y_train"]
    outputs = [predict(model, x) for model in training.models]
    correct = np.array([np.sum(named_classes(o) == y[:, 0]) for o in outputs])
    findings = learned(variant, training, train_accuracy=correct / len(x), correct=correct)
    findings.metrics["share_of_seeds_solved"] = float(np.mean(correct == len(x)))
    shown = int(np.nanargmin(final(training.history["train_loss"])))
    best = training.models[shown]
    limits = (-1.1, 1.1) if best.layers[0].activation.__name__ == "tanh" else (-0.1, 1.1)
    findings.figures |= _hidden_space(best, x, y, limits)
    findings.figures |= _decision_regions(best, x, y, (-0.5, 1.5), (-0.5, 1.5))
    findings.animations = _animations(variant, training, shown, data, ((-0.5, 1.5), (-0.5, 1.5)))
    return findings


def linear_classification(variant: Variant, data: Dataset, training: Training) -> Findings:
    """Row 4: one sigmoid unit finds the true line."""
    x, y = data.arrays["x_train"], data.arrays["y_train"]
    normals = np.stack([model.get_weights()[0][:, 0] for model in training.models])
    biases = np.stack([model.get_weights()[1][0] for model in training.models])
    shown = median_seed(training)
    findings = learned(
        variant,
        training,
        train_accuracy=[accuracy(predict(model, x), y) for model in training.models],
        angle_degrees=[angle_between(normal, TRUE_NORMAL) for normal in normals],
        omega_1=normals[:, 0],
        omega_2=normals[:, 1],
        bias=biases,
    )
    findings.figures |= {
        "data": figures.data(x, y),
        "boundary": figures.boundary(x, y, normals, biases, shown),
    }
    if path := trajectory(variant, training, shown):
        kernels, offsets = path.weights
        findings.animations["boundary"] = frames.boundary(
            x, y, kernels[:, :, 0], offsets[:, 0], path.epochs
        )
    return findings


def nonlinear_classification(variant: Variant, data: Dataset, training: Training) -> Findings:
    """Row 5: two hidden units bend the line; in their space one line is enough again."""
    x, y = data.arrays["x_train"], data.arrays["y_train"]
    shown = median_seed(training)
    typical = training.models[shown]
    kernel, biases, _, _ = typical.get_weights()
    findings = learned(
        variant,
        training,
        train_accuracy=[accuracy(predict(model, x), y) for model in training.models],
    )
    findings.figures["data"] = figures.data(x, y, (-5, 5), (-4, 4))
    findings.figures |= _hidden_space(typical, x, y, (0, 1))
    findings.figures["hidden_lines"] = figures.hidden_lines(x, y, kernel, biases)
    findings.figures |= _decision_regions(typical, x, y, (-5, 5), (-4, 4))
    findings.animations = _animations(variant, training, shown, data, ((-5, 5), (-4, 4)))
    return findings


def _animations(
    variant: Variant, training: Training, shown: int, data: Dataset, limits: tuple[Limits, Limits]
) -> dict[str, Animation]:
    """Decision regions and hidden space of one seed, epoch by epoch."""
    path = trajectory(variant, training, shown)
    if path is None:
        return {}
    x, y = data.arrays["x_train"], data.arrays["y_train"]
    grid = np.stack(np.meshgrid(*(np.linspace(*ends, COARSE) for ends in limits)), axis=-1)
    regions = path.outputs(grid.reshape(-1, 2))[-1].reshape(-1, COARSE, COARSE)
    *_, kernels, biases = path.weights
    return {
        "decision_regions": frames.decision_regions(x, y, limits, regions, path.epochs),
        "hidden_space": frames.hidden_space(
            path.outputs(x)[0], y, kernels[:, :, 0], biases[:, 0], path.epochs
        ),
    }


def _hidden_space(
    model: keras.Model, x: np.ndarray, y: np.ndarray, limits: tuple[float, float]
) -> dict[str, Figure]:
    z = np.asarray(model.layers[0](x))
    normal, bias = model.layers[1].get_weights()
    return {
        "hidden_space": figures.hidden_space(z, y, limits),
        "hidden_space_with_boundary": figures.hidden_space_with_boundary(
            z, y, normal[:, 0], bias[0], limits
        ),
    }


def _decision_regions(
    model: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
) -> dict[str, Figure]:
    x1, x2 = np.linspace(*xlim, RESOLUTION), np.linspace(*ylim, RESOLUTION)
    grid = np.stack(np.meshgrid(x1, x2), axis=-1).reshape(-1, 2).astype(np.float32)
    probabilities = predict(model, grid, batch=len(grid)).reshape(RESOLUTION, RESOLUTION)
    return {"decision_regions": figures.decision_regions(x, y, x1, x2, probabilities)}
