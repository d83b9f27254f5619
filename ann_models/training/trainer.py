"""The fast trainer: networks of one entry, one for each seed, through one compiled program.

`fit` calls Python once a batch; for the lecture's small networks that costs a hundred times the
arithmetic. Here Python is called once for a chunk of epochs: `ann_models.training.program`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ann_models import networks
from ann_models.datasets import Dataset
from ann_models.entry import Variant
from ann_models.training.checkpoints import Checkpoint, Progress, fingerprint
from ann_models.training.program import Program
from ann_models.training.result import Training, joined

Report = Callable[[int, int, float], None]  # epochs done, epochs in all, training loss
ValidationReport = Callable[[int, float], None]  # epochs done, validation loss


def train(
    variant: Variant,
    data: Dataset,
    seeds: tuple[int, ...],
    on_progress: Report | None = None,
    checkpoints: Path | None = None,
    on_validation: ValidationReport | None = None,
) -> Training:
    """Train a variant's network once for each seed.

    Args:
        variant: an entry with layers.
        data: x_train (n, …), y_train (n,) or (n, outputs); x_val and y_val if it has them.
        seeds: a seed decides the initial weights, the order of the batches and the dropout
            masks: the same seeds give the same weights on the same machine.
        on_progress: called at each of the program's stops with the epochs done, the epochs in all
            (of all seeds, where they train sequentially), and the training loss.
        checkpoints: a folder; a training that was interrupted or killed resumes from there and
            ends with the weights that it would have had.
        on_validation: called at each stop if there is validation data; what it raises ends the
            training.

    Raises:
        InvalidData: the arrays do not pair up.
        TrainingDiverged: a loss, or a weight in the end, is no longer a finite number.
    """
    started = time.perf_counter()
    program = _program(variant, data, seeds)
    replicas = program.replicas
    models = [networks.build(variant, data.arrays["x_train"].shape[1:], s) for s in seeds]
    parts: list[Training] = []
    for first in range(0, len(seeds), replicas):

        def report(progress: Progress, before: int = len(parts) * variant.epochs) -> None:
            done = before + progress.epochs
            if on_progress:
                on_progress(done, len(seeds) // replicas * variant.epochs, progress.loss)
            if on_validation and progress.val_loss is not None:
                on_validation(done, progress.val_loss)

        group = slice(first, first + replicas)
        checkpoint = None
        if checkpoints:
            checkpoint = Checkpoint(
                checkpoints / f"{variant.name}-{first}.npz",
                fingerprint(variant, data, seeds[group]),
            )
        parts.append(program.train(models[group], seeds[group], report, checkpoint))
        if parts[-1].interrupted:
            break
    return joined(parts, time.perf_counter() - started)


_shared: dict[str, Program] = {}


def _program(variant: Variant, data: Dataset, seeds: tuple[int, ...]) -> Program:
    """A new one; the last one if only the strength of the penalty differs."""
    if variant.penalty is None:
        return Program(variant, data, seeds)
    penalty = replace(variant.penalty, strength=1.0)
    alike = replace(variant, name=penalty.norm, look_at="", penalty=penalty)
    key = fingerprint(alike, data, seeds)
    if key not in _shared:
        _shared.clear()
        _shared[key] = Program(alike, data, seeds)
    _shared[key].rebind(variant)
    return _shared[key]
