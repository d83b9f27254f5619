"""What training a variant gave, and its form on disk between two steps of a pipeline."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ann_models import archives

if TYPE_CHECKING:
    import keras

    from ann_models.entry import Variant

Weights = list[NDArray[np.float32]]


@dataclass
class Training:
    """What training one variant gave.

    Attributes:
        models: one trained Keras model a seed.
        seeds: the seeds, in the order of `models`.
        history: `train_loss` (with penalties, as `fit` reports it) and, where they exist,
            `train_accuracy`, `val_loss`, `val_accuracy`; each (epochs, seeds), NaN after a seed
            stopped early.
        seconds: wall time, compilation included.
        snapshots: for entries that keep weights or have frames: epoch → [seed] → weights, as
            `model.get_weights()` gives them; epoch 0 is untrained.
        best_epoch: (seeds,), the first epoch is 1; with early stopping only.
        interrupted: whether Ctrl-C ended it before its last epoch.
    """

    models: list[keras.Model]
    seeds: tuple[int, ...]
    history: dict[str, NDArray[np.float64]]
    seconds: float
    snapshots: dict[int, list[Weights]] = field(default_factory=dict)
    best_epoch: NDArray[np.int64] | None = None
    interrupted: bool = False

    @property
    def weights_sha256(self) -> str:
        """SHA-256 over the weights of all seeds: equal exactly if every weight is."""
        digest = hashlib.sha256()
        for model in self.models:
            for weights in model.get_weights():
                digest.update(np.ascontiguousarray(weights).tobytes())
        return digest.hexdigest()

    def only(self, seed: int) -> Training:
        """One seed's network, without its history."""
        model = self.models[self.seeds.index(seed)]
        return Training([model], (seed,), history={}, seconds=self.seconds)

    def save(self, path: Path) -> None:
        """Write everything but the architecture, which the entry says, to one .npz."""
        arrays = {
            "seeds": np.array(self.seeds),
            "seconds": np.array(self.seconds),
            "interrupted": np.array(self.interrupted),
        }
        if self.best_epoch is not None:
            arrays["best_epoch"] = self.best_epoch
        for name, values in self.history.items():
            arrays[f"history/{name}"] = values
        for i, weights in enumerate(zip(*(m.get_weights() for m in self.models), strict=True)):
            arrays[f"weights/{i}"] = np.stack(weights)
        if self.snapshots:
            arrays["snapshot_epochs"] = np.array(list(self.snapshots))
            for i in range(len(self.snapshots[0][0])):
                arrays[f"snapshots/{i}"] = np.stack(
                    [[weights[i] for weights in seeds] for seeds in self.snapshots.values()]
                )
        archives.write(path, arrays)

    @classmethod
    def load(cls, path: Path, variant: Variant, input_shape: tuple[int, ...]) -> Training:
        """Read what `save` wrote for this entry.

        Raises:
            InvalidData: the file is missing, damaged or of another network.
        """
        from ann_models import networks

        arrays = archives.read(path)

        def group(prefix: str) -> dict[str, np.ndarray]:
            return {
                name.removeprefix(prefix): values
                for name, values in arrays.items()
                if name.startswith(prefix)
            }

        seeds = tuple(int(seed) for seed in arrays["seeds"])
        variant = replace(variant, seeds=len(seeds))  # which decides how large a committee is
        models = [networks.build(variant, input_shape, seed) for seed in seeds]
        weights = list(group("weights/").values())
        for i, model in enumerate(models):
            model.set_weights([stacked[i] for stacked in weights])
        kept = list(group("snapshots/").values())
        return cls(
            models=models,
            seeds=seeds,
            history=group("history/"),
            seconds=float(arrays["seconds"]),
            snapshots={
                int(epoch): [[stacked[place, i] for stacked in kept] for i in range(len(seeds))]
                for place, epoch in enumerate(arrays.get("snapshot_epochs", ()))
            },
            best_epoch=arrays.get("best_epoch"),
            interrupted=bool(arrays["interrupted"]),
        )


def joined(parts: Sequence[Training], seconds: float) -> Training:
    """The trainings of several groups of seeds as one; `seconds` for all together."""
    interrupted = parts[-1].interrupted
    lengths = [len(part.history["train_loss"]) for part in parts]
    # Early stopping ends each part on its own; after an interruption no later epoch has all seeds.
    epochs = lengths[-1] if interrupted else max(lengths)
    best = [part.best_epoch for part in parts if part.best_epoch is not None]
    return Training(
        models=[model for part in parts for model in part.models],
        seeds=tuple(seed for part in parts for seed in part.seeds),
        history={
            name: np.concatenate([_of_length(part.history[name], epochs) for part in parts], axis=1)
            for name in parts[0].history
        },
        seconds=seconds,
        snapshots={
            epoch: [weights for part in parts for weights in _snapshot(part, epoch)]
            for epoch in sorted({epoch for part in parts for epoch in part.snapshots})
            if epoch <= epochs
            and all(min(part.snapshots, default=epochs + 1) <= epoch for part in parts)
        },
        best_epoch=np.concatenate(best) if best else None,
        interrupted=interrupted,
    )


def _of_length(measures: NDArray[np.float64], epochs: int) -> NDArray[np.float64]:
    """Measures (n, seeds) as (epochs, seeds): NaN after a seed's stop."""
    missing = np.full((max(epochs - len(measures), 0), measures.shape[1]), np.nan)
    return np.concatenate([measures[:epochs], missing])


def _snapshot(part: Training, epoch: int) -> list[Weights]:
    """The weights after an epoch; of a training that had stopped before, the last ones."""
    return part.snapshots[max(taken for taken in part.snapshots if taken <= epoch)]
