"""Networks with known weights, for studies that need no real training."""

import numpy as np

from ann_models import networks, studies
from ann_models.datasets import Dataset
from ann_models.training.trainer import Training

EPOCHS = 4


def an_untrained(variant, data, seeds=3):
    """A Training whose losses fall and are the lowest for the last seed."""
    models = [networks.build(variant, data.arrays["x_train"].shape[1:], s) for s in range(seeds)]
    loss = np.outer(1 / np.arange(1, EPOCHS + 1), np.arange(seeds, 0, -1))
    history = {"train_loss": loss}
    if "x_val" in data.arrays:
        history["val_loss"] = loss + 0.1
    if variant.loss != "mse":
        history |= {n.replace("loss", "accuracy"): np.exp(-v) for n, v in history.items()}
    return Training(models, tuple(range(seeds)), history, 1.0)


def tiny_digits():
    """Pictures whose pixel number k is lit where the label is k; other pixels are faint."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, n in (("train", 60), ("val", 40), ("test", 50)):
        y = np.arange(n, dtype=np.int32) % 10
        x = rng.random((n, 28, 28), dtype=np.float32) / 100
        x[np.arange(n), 0, y] = 1
        arrays |= {f"x_{split}": x, f"y_{split}": y}
    return Dataset("digits", "generated", arrays)


def study(variant, data, training):
    return studies.study_of(variant)(variant, data, training)
