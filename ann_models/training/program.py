"""A training program: compiled once, called for chunks of epochs, interruptible between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ann_models import networks
from ann_models.datasets import Dataset
from ann_models.entry import Variant
from ann_models.errors import InvalidData, TrainingDiverged
from ann_models.training import backends, fused, loop
from ann_models.training.checkpoints import Checkpoint, Progress, ctrl_c_waits
from ann_models.training.flattening import ParameterLayout
from ann_models.training.result import Training
from ann_models.training.state import State
from ann_models.training.step import Problem, examples, mean_loss

PROGRESS_REPORTS = 20  # of a training without frames
MOST_SECONDS = 2.0  # of a call, for whose end Ctrl-C waits; an epoch may take longer
FIRST_STEPS = 2_000  # of the first call, before its speed is known
ORDERS_IN_MEMORY = 10_000_000  # indices of examples in one chunk
CONVERSION_BATCH = 1_000  # images


class Program:
    """The compiled loop for `replicas` networks of one shape.

    Attributes:
        replicas: how many networks it trains at once: all seeds vectorised, or one at a time.
    """

    def __init__(self, variant: Variant, data: Dataset, seeds: tuple[int, ...]) -> None:
        """Build the loop; it is compiled when it is first run.

        Raises:
            InvalidData: inputs and targets differ in number, or there are none.
        """
        x, y = data.arrays["x_train"], data.arrays["y_train"]
        if len(x) != len(y) or not len(x):
            raise InvalidData(
                f"{variant.name}: {len(x)} inputs and {len(y)} targets do not pair up."
            )
        model = fused.for_training(networks.build(variant, x.shape[1:], seeds[0]))
        parameters = model.count_params()
        vectorized = backends.vectorizes_seeds(variant, parameters)
        self.replicas = len(seeds) if vectorized else 1
        self.variant = variant
        self.examples = len(x)
        self.problem = Problem(variant, model, _tensors(data))
        layout = ParameterLayout(
            tuple(tuple(v.shape) for v in model.trainable_variables),
            one_vector=backends.is_small(parameters),
        )
        steps = variant.epochs * backends.batches(variant, self.examples)
        self.state = State(model, layout, variant, self.replicas, steps)
        self.stops = stops(variant)
        longest = int(np.diff(self.stops, prepend=0).max(initial=1))
        self.chunk = min(longest, max(1, ORDERS_IN_MEMORY // (self.examples * self.replicas)))
        self.run_epochs = tf.function(
            partial(loop.run_epochs, self.problem, self.state),
            autograph=False,
            jit_compile=backends.suits_xla(variant, self.examples),
        )

    def rebind(self, variant: Variant) -> None:
        """Use the program for an entry that differs only in the strength of its penalty."""
        self.variant = variant
        self.state.penalty_scale.assign(variant.penalty.strength if variant.penalty else 1.0)

    def train(
        self,
        models: list[keras.Model],
        seeds: tuple[int, ...],
        report: Callable[[Progress], None],
        checkpoint: Checkpoint | None,
    ) -> Training:
        """Train these models in place, one a replica; Ctrl-C keeps the finished epochs.

        Args:
            models: their weights are the start, and are overwritten by the trained ones.
            seeds: of the models.
            report: called at each stop.
            checkpoint: resumed from if it holds this training, and kept up to date.

        Raises:
            TrainingDiverged: a loss is no longer finite, or the trained weights are not.
        """
        started = time.perf_counter()
        progress = self._start(models, seeds, checkpoint)
        most = max(1, FIRST_STEPS // backends.batches(self.variant, self.examples))
        interrupted, compiled = False, False
        try:
            while progress.epochs < self.variant.epochs and not progress.stopped:
                called = time.perf_counter()
                with ctrl_c_waits():
                    epochs = self._advance(progress, seeds, most)
                if compiled:  # the first call's time is mostly that of compiling
                    most = next_most(most, epochs, time.perf_counter() - called)
                compiled = True
                if checkpoint and checkpoint.is_due():
                    checkpoint.save(progress, self._values())
                # only there, so that a search prunes by the same epochs on any machine
                if progress.epochs in self.stops or progress.stopped:
                    report(progress)
        except KeyboardInterrupt:
            interrupted = True
            if checkpoint:
                checkpoint.save(progress, self._values())
        else:
            if checkpoint:
                checkpoint.remove()
        stopping = self.variant.early_stopping is not None
        trained = self.state.weights_by_replica(best=stopping)
        for model, weights in zip(models, trained, strict=True):
            model.set_weights(weights)
        if not interrupted:
            self._require_finite_networks(models, seeds)
        return Training(
            models=models,
            seeds=seeds,
            history=progress.history,
            seconds=time.perf_counter() - started,
            snapshots=progress.snapshots,
            best_epoch=self.state.best_epoch.numpy() if stopping else None,
            interrupted=interrupted,
        )

    def _start(
        self, models: list[keras.Model], seeds: tuple[int, ...], checkpoint: Checkpoint | None
    ) -> Progress:
        self.state.reset(models, seeds)
        if checkpoint and (saved := checkpoint.load()):
            progress, values = saved
            self.state.restore(values)
            return progress
        names = loop.measure_names(self.problem)
        return Progress(
            history={name: np.zeros((0, self.replicas)) for name in names},
            generators=[np.random.default_rng(seed) for seed in seeds],
            snapshots={0: self.state.weights_by_replica()} if self._takes_snapshots else {},
        )

    def _advance(self, progress: Progress, seeds: tuple[int, ...], most: int) -> int:
        """Train for one chunk of epochs, `most` at most; how many it was."""
        next_stop = self.stops[np.searchsorted(self.stops, progress.epochs, side="right")]
        epochs = min(self.chunk, int(next_stop) - progress.epochs, most)
        orders = [
            shuffled(generator, self.chunk, self.examples, epochs)
            for generator in progress.generators
        ]
        history, active = self.run_epochs(np.stack(orders, axis=1), tf.constant(epochs))
        measures = {name: values.numpy()[:epochs] for name, values in history.items()}
        self._require_finite(measures, active.numpy()[:epochs], progress, seeds)
        progress.extend(measures)
        if self._takes_snapshots and progress.epochs == next_stop:
            now, (last, before) = self.state.weights_by_replica(), [*progress.snapshots.items()][-1]
            losses = progress.history["train_loss"][last:]  # NaN of a seed that has stopped, whose
            trains = np.atleast_1d(np.isfinite(losses).any(axis=0))  # weights still change
            progress.snapshots[progress.epochs] = [
                now[i] if trains[i] else before[i] for i in range(self.replicas)
            ]
        return epochs

    @property
    def _takes_snapshots(self) -> bool:
        return self.variant.keep_weights or self.variant.frames > 0

    def _values(self) -> list[np.ndarray]:
        return [variable.numpy() for variable in self.state.checkpointed]

    def _require_finite(
        self,
        measures: Mapping[str, np.ndarray],
        active: np.ndarray,
        progress: Progress,
        seeds: tuple[int, ...],
    ) -> None:
        """Refuse a loss (epochs, replicas) that is not finite while its replica trains."""
        for name, what in (("train_loss", "training loss"), ("val_loss", "validation loss")):
            losses = measures.get(name, np.zeros_like(active, float))
            for epoch, replica in np.argwhere(active & ~np.isfinite(losses))[:1]:
                when = f"in epoch {progress.epochs + epoch + 1}"
                raise self._diverged(f"{what} is {losses[epoch, replica]} {when}", seeds[replica])

    def _require_finite_networks(self, models: list[keras.Model], seeds: tuple[int, ...]) -> None:
        """Refuse networks that the last step made diverge: the losses are of before it."""
        count = min(self.examples, loop.EVALUATION_BATCH)
        x, y = examples(self.problem.data, "train", tf.range(count))
        for model, seed in zip(models, seeds, strict=True):
            if not all(np.isfinite(weights).all() for weights in model.get_weights()):
                raise self._diverged("weights are not finite after the last epoch", seed)
            if self.problem.size("val"):
                continue  # whose loss was measured after it
            loss = float(mean_loss(self.variant.loss, y, model(x), tf.ones(count)))
            if not np.isfinite(loss):
                raise self._diverged(f"training loss is {loss} after the last epoch", seed)

    def _diverged(self, what: str, seed: int) -> TrainingDiverged:
        return TrainingDiverged(
            f"{self.variant.name}: the {what} with seed {seed}; a smaller learning rate than "
            f"{self.variant.optimizer.learning_rate} may help."
        )


def next_most(most: int, epochs: int, seconds: float) -> int:
    """How many epochs the next call may train for, after one of so many took so long."""
    if seconds > MOST_SECONDS:
        return max(1, epochs // 2)
    return 2 * most if epochs == most and seconds < MOST_SECONDS / 2 else most


def shuffled(
    generator: np.random.Generator, chunk: int, examples: int, epochs: int
) -> NDArray[np.int32]:
    """A new permutation of the examples for each epoch, (chunk, examples).

    The rows from `epochs` on, after the training's last epoch, are zeros.
    """
    order = np.zeros((chunk, examples), np.int32)
    order[:epochs] = np.arange(examples)
    generator.permuted(order[:epochs], axis=1, out=order[:epochs])
    return order


def stops(variant: Variant) -> NDArray[np.int64]:
    """After which epochs the compiled loop returns, to report progress and to take snapshots.

    Each one if every epoch's weights are kept; denser at the start for frames, because there the
    most is learned; else evenly.
    """
    if variant.keep_weights:
        return np.arange(1, variant.epochs + 1)
    count, power = (variant.frames, 2) if variant.frames else (PROGRESS_REPORTS, 1)
    steps = np.arange(1, count + 1) ** power
    return np.unique(-(-variant.epochs * steps // count**power))


def _tensors(data: Dataset) -> Mapping[str, tf.Tensor]:
    names = ("x_train", "y_train", "x_val", "y_val")
    return {n: tf.constant(_as_bytes(data.arrays[n])) for n in names if n in data.arrays}


def _as_bytes(values: NDArray[Any]) -> NDArray[Any]:
    """Images (n, side, side) of whole 255ths as uint8, a quarter of the memory; else unchanged.

    `step.examples` converts each batch back.
    """
    if values.ndim < 3 or values.dtype != np.float32:
        return values
    found = np.empty(values.shape, np.uint8)
    for first in range(0, len(values), CONVERSION_BATCH):
        part = slice(first, first + CONVERSION_BATCH)
        found[part] = np.rint(values[part].clip(0, 1) * 255)
        if not np.array_equal(found[part] / np.float32(255), values[part]):
            return values
    return found
