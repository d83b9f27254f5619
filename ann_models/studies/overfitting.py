"""Rows 19 to 23: ten points, 16,000 weights, and what tames them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ann_models.evaluation import predict, roughness
from ann_models.figures import frames
from ann_models.figures import overfitting as figures
from ann_models.findings import Findings
from ann_models.studies.frames import trajectory
from ann_models.studies.over_seeds import learned, median_seed

if TYPE_CHECKING:
    import keras

    from ann_models.datasets import Dataset
    from ann_models.entry import Variant
    from ann_models.training.trainer import Training

GRID = np.linspace(-4.5, 4.5, 100, dtype=np.float32)  # where the lecture draws the fitted curve
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
NEARLY_ZERO = 1e-3
DRAWS = 1000  # training-mode outputs that are averaged at each point of the grid
MASKS = np.unique(np.geomspace(1, 10_000, 200).astype(int))  # means of so many are drawn


def overfit(variant: Variant, data: Dataset, training: Training) -> Findings:
    """Rows 19 and 22: the curve through the points, and the size of the weights behind it."""
    return _fitted(variant, data, training)


def overfit_batch_norm(variant: Variant, data: Dataset, training: Training) -> Findings:
    """Row 20: batch statistics while training, moving statistics afterwards."""
    x, y = data.arrays["x_train"], data.arrays["y_train"]
    passes = [_with_batch_statistics(model, x) for model in training.models]
    findings = _fitted(
        variant,
        data,
        training,
        train_mse_with_batch_statistics=[_mean_squared_error(outputs, y) for outputs, _ in passes],
    )
    _, layers = passes[median_seed(training)]
    means = [(layer["batch_mean"], layer["moving_mean"]) for layer in layers]
    variances = [(layer["batch_variance"], layer["moving_variance"]) for layer in layers]
    findings.figures["batch_and_moving_statistics"] = figures.batch_and_moving_statistics(
        means, variances
    )
    units = [len(mean) for mean, _ in means]
    findings.tables["batch_and_moving_statistics"] = {
        "layer": np.repeat(np.arange(1, len(units) + 1), units).tolist()
    } | {name: np.concatenate([layer[name] for layer in layers]).tolist() for name in layers[0]}
    return findings


def overfit_dropout(variant: Variant, data: Dataset, training: Training) -> Findings:
    """Row 21: training-mode outputs on average, the inference output, and the 1/(1−rate) scaling.

    Behind a linear layer the two agree: E[ω·(mask ∘ h)/(1−rate) + b] = ω·h + b, since each mask
    entry is 1 with probability 1−rate. Through the sigmoids in between they agree roughly.
    """
    findings = _fitted(variant, data, training)
    model = training.models[median_seed(training)]
    rate = next(layer.rate for layer in reversed(model.layers) if hasattr(layer, "rate"))
    inference = predict(model, GRID[:, None])[:, 0]
    outputs = np.concatenate([_draws(model, x) for x in np.split(GRID, 10)])  # in little memory
    mean, deviation = outputs.mean(axis=1), outputs.std(axis=1)

    scaled, unscaled, exact = _linear_layer_after_dropout(model, rate)
    findings.metrics |= {
        "training_mode_mean_gap": float(np.sqrt(np.mean((mean - inference) ** 2))),
        "training_mode_deviation": float(deviation.mean()),
        "linear_layer_gap_scaled": abs(float(scaled[-1]) - exact),
        "linear_layer_gap_unscaled": abs(float(unscaled[-1]) - exact),
    }
    findings.figures |= {
        "training_and_inference": figures.training_and_inference(GRID, inference, mean, deviation),
        "dropout_scaling": figures.dropout_scaling(MASKS, scaled, unscaled, exact, rate),
    }
    return findings


def _draws(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Training-mode outputs at each of these points, (points, DRAWS)."""
    outputs = model(np.repeat(x[:, None], DRAWS, axis=0), training=True)
    return np.asarray(outputs).reshape(len(x), DRAWS)


def overfit_early_stopping(variant: Variant, data: Dataset, training: Training) -> Findings:
    """Row 23: the validation loss turns while the training loss still falls."""
    validation = training.history["val_loss"]
    best_epoch = np.nanargmin(validation, axis=0) + 1
    findings = _fitted(
        variant,
        data,
        training,
        best_epoch=best_epoch,
        best_val_loss=np.nanmin(validation, axis=0),
        stopped_epoch=np.isfinite(validation).sum(axis=0),
    )
    shown = median_seed(training)
    findings.figures["stopping_point"] = figures.stopping_point(
        training.history["train_loss"][:, shown],
        validation[:, shown],
        int(best_epoch[shown]),
    )
    return findings


def _fitted(
    variant: Variant, data: Dataset, training: Training, **measured: Sequence[float] | np.ndarray
) -> Findings:
    """What all rows on the ten points share; `measured` adds values, one a seed.

    The array `fitted_curve` is by the points of GRID.
    """
    x, y = data.arrays["x_train"], data.arrays["y_train"]
    weights = np.stack([_kernels(model) for model in training.models])  # (seeds, weights)
    curves = np.concatenate([predict(m, GRID[:, None]) for m in training.models], axis=1)
    shown = median_seed(training)
    findings = learned(
        variant,
        training,
        train_mse=[_mean_squared_error(predict(model, x), y) for model in training.models],
        curve_roughness=[roughness(GRID, curve) for curve in curves.T],
        weights_norm_l1=np.abs(weights).sum(axis=1),
        weights_norm_l2=np.linalg.norm(weights, axis=1),
        nearly_zero_weights=np.mean(np.abs(weights) < NEARLY_ZERO, axis=1),
        **measured,
    )
    findings.metrics |= {
        f"weight_quantile_{q:g}": float(np.quantile(weights, q)) for q in QUANTILES
    }
    findings.arrays["fitted_curve"] = curves
    points = {
        split: (data.arrays[f"x_{key}"], data.arrays[f"y_{key}"])
        for key, split in (("train", "training"), ("val", "validation"))
        if f"x_{key}" in data.arrays
    }
    findings.figures |= {
        "ten_points": figures.ten_points(points),
        "fitted_curve": figures.fitted_curve(points, GRID, curves, shown),
        "weight_estimates": figures.weight_estimates(weights[shown]),
    }
    if path := trajectory(variant, training, shown):
        moving = path.outputs(GRID[:, None])[-1][:, :, 0]
        findings.animations["fitted_curve"] = frames.curve(
            "Fitted curve", GRID, moving, (x[:, 0], y[:, 0]), path.epochs
        )
    return findings


def _kernels(model: keras.Model) -> np.ndarray:
    """The weights ω of all layers in one row, biases left out."""
    return np.concatenate([w.ravel() for w in model.get_weights() if w.ndim == 2])


def _mean_squared_error(outputs: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean((outputs - y) ** 2))


def _with_batch_statistics(
    model: keras.Model, x: np.ndarray
) -> tuple[np.ndarray, list[dict[str, np.ndarray]]]:
    """The outputs as in training, and each normalisation's batch and moving statistics.

    Computed by hand, because Keras moves the moving statistics whenever it uses the batch's.
    """
    values, layers = x, []
    for layer in model.layers:
        if hasattr(layer, "moving_mean"):
            mean, variance = values.mean(axis=0), values.var(axis=0)
            layers.append(
                {
                    "batch_mean": mean,
                    "moving_mean": np.asarray(layer.moving_mean),
                    "batch_variance": variance,
                    "moving_variance": np.asarray(layer.moving_variance),
                }
            )
            normalised = (values - mean) / np.sqrt(variance + layer.epsilon)
            values = normalised * np.asarray(layer.gamma) + np.asarray(layer.beta)
        else:
            values = np.asarray(layer(values))
    return values, layers


def _linear_layer_after_dropout(
    model: keras.Model, rate: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """The output unit at x = 0: its means over the first MASKS masks, and its inference output.

    Returns:
        With the kept inputs scaled by 1/(1−rate), with them as they are, and without a mask.
    """
    hidden: np.ndarray = np.zeros((1, 1), np.float32)
    for layer in model.layers[:-2]:  # up to the dropout before the output unit
        hidden = np.asarray(layer(hidden, training=False))
    kernel, bias = model.layers[-1].get_weights()
    masks = np.random.default_rng(0).random((MASKS[-1], hidden.shape[1])) >= rate
    means = np.cumsum(masks * hidden @ kernel[:, 0])[MASKS - 1] / MASKS
    exact = float(hidden[0] @ kernel[:, 0] + bias[0])
    return means / (1 - rate) + bias[0], means + bias[0], exact
