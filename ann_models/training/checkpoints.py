"""Checkpoints: a training that was interrupted or killed resumes and ends with the same weights."""

from __future__ import annotations

import hashlib
import json
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ann_models import archives
from ann_models.datasets import Dataset
from ann_models.entry import Variant
from ann_models.errors import InvalidData

SECONDS_BETWEEN = 10.0
FORMAT = 2  # of the file: an earlier one is ignored

Arrays = list[NDArray[np.float32]]


@dataclass
class Progress:
    """The progress of a training between two chunks of epochs.

    Attributes:
        history: each measure so far, (epochs, seeds); NaN after a seed stopped early.
        generators: what orders the batches, one a seed.
        snapshots: epoch → [seed] → weights, for entries that keep them; 0 is untrained.
    """

    history: dict[str, NDArray[np.float64]]
    generators: list[np.random.Generator]
    snapshots: dict[int, list[Arrays]] = field(default_factory=dict)

    @property
    def epochs(self) -> int:
        """Epochs done."""
        return len(self.history["train_loss"])

    @property
    def loss(self) -> float:
        """The mean over the seeds of the last training loss."""
        return self._last("train_loss")

    @property
    def val_loss(self) -> float | None:
        """The same of the validation loss, if there is validation data."""
        return self._last("val_loss") if "val_loss" in self.history else None

    def _last(self, measure: str) -> float:
        values = self.history[measure]
        finite = values[np.isfinite(values).any(axis=1)]
        return float(np.nanmean(finite[-1])) if len(finite) else float("nan")

    @property
    def stopped(self) -> bool:
        """Whether early stopping has ended every seed."""
        return self.epochs > 0 and bool(np.isnan(self.history["train_loss"][-1]).all())

    def extend(self, measures: Mapping[str, np.ndarray]) -> None:
        """Append the measures of further epochs, (epochs, seeds) each."""
        for name, values in measures.items():
            self.history[name] = np.concatenate([self.history[name], values])


@dataclass
class Checkpoint:
    """A file that holds everything on which the next epoch depends.

    Attributes:
        path: where it is; it is removed when the training is complete.
        fingerprint: of the entry, the data and the seeds; another's checkpoint is ignored.
    """

    path: Path
    fingerprint: str
    _saved_at: float = field(default_factory=time.monotonic)

    def is_due(self) -> bool:
        """Whether the last save is long ago."""
        return time.monotonic() - self._saved_at >= SECONDS_BETWEEN

    def save(self, progress: Progress, variables: Sequence[np.ndarray]) -> None:
        """Write the file, whole or not at all."""
        states = [generator.bit_generator.state for generator in progress.generators]
        arrays = {f"variable/{i}": value for i, value in enumerate(variables)}
        for epoch, seeds in progress.snapshots.items():
            for seed, weights in enumerate(seeds):
                arrays |= {f"snapshot/{epoch}/{seed}/{i}": w for i, w in enumerate(weights)}
        arrays |= {f"history/{name}": values for name, values in progress.history.items()}
        arrays["generators"] = np.array(json.dumps(states))
        arrays["fingerprint"] = np.array(self.fingerprint)
        archives.write(self.path, arrays)
        self._saved_at = time.monotonic()

    def load(self) -> tuple[Progress, list[np.ndarray]] | None:
        """What was saved, and the variables; None if there is nothing of this training."""
        try:
            arrays = archives.read(self.path)
        except InvalidData:
            return None
        if str(arrays.get("fingerprint")) != self.fingerprint:
            return None
        generators = []
        for state in json.loads(str(arrays["generators"])):
            generators.append(np.random.default_rng())
            generators[-1].bit_generator.state = state
        kept: dict[int, dict[int, Arrays]] = defaultdict(lambda: defaultdict(list))
        history: dict[str, np.ndarray] = {}
        variables = []
        for name, value in arrays.items():  # in the order in which they were written
            kind, *place = name.split("/")
            if kind == "variable":
                variables.append(value)
            elif kind == "history":
                history[place[0]] = value
            elif kind == "snapshot":
                epoch, seed, _ = map(int, place)
                kept[epoch][seed].append(value)
        snapshots = {epoch: list(seeds.values()) for epoch, seeds in kept.items()}
        return Progress(history, generators, snapshots), variables

    def remove(self) -> None:
        """The training is complete."""
        self.path.unlink(missing_ok=True)


def fingerprint(variant: Variant, data: Dataset, seeds: Sequence[int]) -> str:
    """SHA-256 over everything that decides the weights."""
    settings = f"{FORMAT} {variant!r} {data.digest} {list(seeds)}"
    return hashlib.sha256(settings.encode()).hexdigest()


@contextmanager
def ctrl_c_waits() -> Iterator[None]:
    """Ctrl-C takes effect after the block, so that weights and history stay in step."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        signal.raise_signal(signal.SIGINT)
