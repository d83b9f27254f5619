"""The compiled loop: a chunk of epochs in, the losses of those epochs out.

The shuffled order of a chunk of epochs goes in; gathering, gradients and the optimiser's steps
happen inside one compiled `tf.while_loop`. All seeds of a small network run in one program, batched
by `tf.vectorized_map`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ann_models import networks
from ann_models.datasets import Dataset
from ann_models.digits.augmentation import augment
from ann_models.entry import Variant
from ann_models.errors import InvalidData, TrainingDiverged
from ann_models.training import backends, optimizers
from ann_models.training.batches import over_batches
from ann_models.training.checkpoints import Checkpoint, Progress, ctrl_c_waits
from ann_models.training.flattening import Packing
from ann_models.training.result import Training

PROGRESS_REPORTS = 20  # chunks a training is cut into
SCORING_BATCH = 1_000
MEASURES = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")


class Program:
    """The compiled loop for `width` networks of one shape, weights stacked on the first axis.

    Attributes:
        width: how many networks it trains at once: all seeds, or one after the other.
    """

    def __init__(self, variant: Variant, data: Dataset, seeds: tuple[int, ...]) -> None:
        """Build the loop; it is compiled when it is first run.

        Raises:
            InvalidData: the arrays do not pair up.
        """
        x, y = data.arrays["x_train"], data.arrays["y_train"]
        if len(x) != len(y) or not len(x):
            raise InvalidData(
                f"{variant.name}: {len(x)} inputs and {len(y)} targets do not pair up."
            )
        self.variant = variant
        self.model = model = networks.build(variant, x.shape[1:], seeds[0])
        side_by_side = backends.runs_side_by_side(variant, model.count_params())
        self.width = width = len(seeds) if side_by_side else 1
        self.strength = tf.Variable(1.0)
        used = ("x_train", "y_train", "x_val", "y_val")
        self.tensors = {n: tf.constant(_small(data.arrays[n])) for n in used if n in data.arrays}
        self.examples = len(data.arrays["x_train"])
        self.chunk = self._epochs_a_chunk()
        self.fills_up = not backends.normalizes_batches(variant)
        self.loss = keras.losses.get(variant.loss)
        self.packing = Packing(
            tuple(tuple(v.shape) for v in model.trainable_variables),
            together=backends.is_small(model.count_params()),
        )
        self.weights = [_stacked(weight, width) for weight in self._packed(model)]
        self.state = [_stacked(v.numpy(), width) for v in model.non_trainable_variables]
        steps = variant.epochs * backends.batches(variant, self.examples)
        self.optimizer = optimizers.build(variant.optimizer, steps)
        self.optimizer.build(self.weights)
        self.best = [keras.Variable(v.numpy()) for v in (*self.weights, *self.state)]
        self.best_loss = tf.Variable(tf.zeros(width))
        self.best_epoch = tf.Variable(tf.zeros(width, tf.int32))
        self.epoch = tf.Variable(0)
        self.seeds = tf.Variable(tf.zeros(width, tf.int32))
        self.initial = [(v, v.numpy()) for v in self.optimizer.variables]
        self.run_epochs = tf.function(
            self._run_epochs,
            autograph=False,
            jit_compile=backends.suits_xla(variant, self.examples),
        )

    def take_on(self, variant: Variant) -> None:
        """Go on with an entry of which nothing but the strength of the penalty is new."""
        self.variant = variant
        self.strength.assign(variant.penalty.strength if variant.penalty else 1.0)

    def train(
        self,
        models: list[keras.Model],
        seeds: tuple[int, ...],
        report: Callable[[int, float], None],
        checkpoint: Checkpoint | None,
    ) -> Training:
        """Train these models in place; Ctrl-C keeps the chunks that are finished."""
        started = time.perf_counter()
        progress = self._start(models, seeds)
        if checkpoint and (saved := checkpoint.load()):
            progress, values = saved
            for variable, value in zip(self._variables(), values, strict=True):
                variable.assign(value)
        interrupted = False
        try:
            while len(progress.rows) < self.variant.epochs and not progress.stopped:
                with ctrl_c_waits():
                    self._advance(progress, seeds)
                if checkpoint and checkpoint.is_due():
                    checkpoint.save(progress, [v.numpy() for v in self._variables()])
                report(len(progress.rows), progress.loss)
        except KeyboardInterrupt:
            interrupted = True
            if checkpoint:
                checkpoint.save(progress, [v.numpy() for v in self._variables()])
        else:
            if checkpoint:
                checkpoint.remove()
        self._finish(models)
        return Training(
            models=models,
            seeds=seeds,
            history={n: progress.rows[:, i] for i, n in enumerate(MEASURES) if self._measures(n)},
            seconds=time.perf_counter() - started,
            snapshots=progress.snapshots,
            best_epoch=self.best_epoch.numpy() if self.variant.early_stopping else None,
            interrupted=interrupted,
        )

    def _advance(self, progress: Progress, seeds: tuple[int, ...]) -> None:
        """One chunk of epochs."""
        first = len(progress.rows)
        epochs = min(self.chunk, self.variant.epochs - first)
        order = np.stack([self._order(g, epochs) for g in progress.generators], axis=1)
        rows = self.run_epochs(order, tf.constant(epochs)).numpy()[:epochs]
        self._refuse_divergence(rows, seeds, first)
        progress.rows = np.concatenate([progress.rows, rows])
        if self.variant.keep_weights:
            progress.snapshots.append(self._snapshot())

    # --- inside the compiled program ------------------------------------------------------------

    def _run_epochs(self, order: tf.Tensor, epochs: tf.Tensor) -> tf.Tensor:
        """`epochs` passes in the given order (chunk, width, examples) → (chunk, 4, width)."""

        def one_epoch(i: tf.Tensor, history: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            stopped = self._stopped()
            sums = over_batches(order[i], self.variant.batch_size, self._step, self.fills_up)
            measures = [sums / self.examples]
            if "x_val" in self.tensors:
                count = len(self.tensors["x_val"])
                every = tf.tile(tf.range(count)[None], [self.width, 1])
                measures.append(over_batches(every, SCORING_BATCH, self._score, True) / count)
            self.epoch.assign_add(1)
            if self.variant.early_stopping:
                self._remember_the_best(measures[1][0], stopped)
            row = tf.concat([*measures, tf.zeros([4 - 2 * len(measures), self.width])], axis=0)
            row = tf.where(stopped, np.nan, row)
            return i + 1, tf.tensor_scatter_nd_update(history, [[i]], [row])

        start = (tf.constant(0), tf.fill([self.chunk, 4, self.width], np.nan))
        _, history = tf.while_loop(
            lambda i, _: (i < epochs) & ~tf.reduce_all(self._stopped()), one_epoch, start
        )
        return history

    def _step(self, indices: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """One gradient step on the examples `indices` (width, batch) that count → (2, width)."""

        def gradients(arguments: Any) -> tuple[tf.Tensor, tf.Tensor, Any, Any]:
            packed, state, mine, seed = arguments
            weights = self.packing.unpack(packed)
            images, targets = self._examples("train", mine)
            if self.variant.augmentation:
                images = augment(images, self.variant.augmentation, seed)
            with tf.GradientTape() as tape:  # outside vectorized_map XLA compiles at each call
                tape.watch(weights)
                outputs, state, penalties = self.model.stateless_call(
                    weights, state, images, training=True, return_losses=True
                )
                loss = self._mean_loss(targets, outputs, counts) + self.strength * sum(penalties)
            slopes = self.packing.pack(tape.gradient(loss, weights))
            return loss, self._correct(targets, outputs, counts), slopes, state

        steps = tf.fill([self.width], tf.cast(self.optimizer.iterations, tf.int32))
        seeds = tf.stack([self.seeds, steps], axis=1)
        loss, correct, slopes, state = self._each(gradients, (*self._values(), indices, seeds))
        self._apply(slopes)
        for variable, value in zip(self.state, state, strict=True):
            variable.assign(value)
        return tf.stack([loss * tf.reduce_sum(counts), correct])

    def _apply(self, slopes: list[tf.Tensor]) -> None:
        """The optimiser's step, outside any replica.

        Inside one Keras sums over replicas by a gradient that TensorFlow registers for ever, and
        with it this program and its data.
        """
        tf.distribute.get_replica_context().merge_call(
            lambda _: self.optimizer.apply(slopes, self.weights)
        )

    def _score(self, indices: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        """Validation sums over the examples `indices` (width, batch) that count → (2, width)."""

        def forward(arguments: Any) -> tuple[tf.Tensor, tf.Tensor]:
            packed, state, mine = arguments
            weights = self.packing.unpack(packed)
            images, targets = self._examples("val", mine)
            outputs, _, penalties = self.model.stateless_call(
                weights, state, images, return_losses=True
            )
            loss = self._mean_loss(targets, outputs, counts) + self.strength * sum(penalties)
            return loss, self._correct(targets, outputs, counts)

        loss, correct = self._each(forward, (*self._values(), indices))
        return tf.stack([loss * tf.reduce_sum(counts), correct])

    def _examples(self, split: str, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x, y = (tf.gather(self.tensors[f"{name}_{split}"], indices) for name in "xy")
        return (tf.cast(x, tf.float32) / 255 if x.dtype == tf.uint8 else x), y

    def _values(self) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        return [v.value.value() for v in self.weights], [v.value.value() for v in self.state]

    def _each(self, function: Callable[[Any], Any], stacked: Any) -> Any:
        """Apply to each seed's slice of the stacked arguments."""
        if self.width > 1:
            return tf.vectorized_map(function, stacked)
        one = tf.nest.map_structure(lambda t: tf.squeeze(t, 0), stacked)
        return tf.nest.map_structure(lambda t: tf.expand_dims(t, 0), function(one))

    def _mean_loss(self, targets: tf.Tensor, outputs: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(self.loss(targets, outputs) * counts) / tf.reduce_sum(counts)

    def _correct(self, targets: tf.Tensor, outputs: tf.Tensor, counts: tf.Tensor) -> tf.Tensor:
        match self.variant.loss:
            case "sparse_categorical_crossentropy":
                hits = tf.equal(tf.argmax(outputs, -1, tf.int32), tf.cast(targets, tf.int32))
            case "categorical_crossentropy":
                hits = tf.equal(tf.argmax(outputs, -1), tf.argmax(targets, -1))
            case "binary_crossentropy":
                hits = tf.equal(outputs[:, 0] > 0.5, tf.reshape(targets, [-1]) > 0.5)
            case "mse":
                return tf.constant(0.0)
        return tf.reduce_sum(tf.cast(hits, tf.float32) * counts)

    def _stopped(self) -> tf.Tensor:
        """(width,): which seeds early stopping has ended."""
        if self.variant.early_stopping is None:
            return tf.zeros(self.width, tf.bool)
        return self.epoch - self.best_epoch >= self.variant.early_stopping.patience

    def _remember_the_best(self, loss: tf.Tensor, stopped: tf.Tensor) -> None:
        better = (loss < self.best_loss) & ~stopped
        self.best_loss.assign(tf.where(better, loss, self.best_loss))
        self.best_epoch.assign(tf.where(better, self.epoch, self.best_epoch))
        for best, now in zip(self.best, (*self.weights, *self.state), strict=True):
            which = tf.reshape(better, [self.width] + [1] * (len(now.shape) - 1))
            best.assign(tf.where(which, now.value, best.value))

    # --- around it ------------------------------------------------------------------------------

    def _start(self, models: list[keras.Model], seeds: tuple[int, ...]) -> Progress:
        self.seeds.assign(seeds)
        weights = [self._packed(model) for model in models]
        states = [[v.numpy() for v in model.non_trainable_variables] for model in models]
        for variables, by_seed in ((self.weights, weights), (self.state, states)):
            for variable, arrays in zip(variables, zip(*by_seed, strict=True), strict=True):
                variable.assign(np.stack(arrays))
        for variable, value in self.initial:
            variable.assign(value)
        self.epoch.assign(0)
        self.best_epoch.assign(tf.zeros_like(self.best_epoch))
        self.best_loss.assign(tf.fill([self.width], np.inf))
        return Progress(
            rows=np.zeros((0, len(MEASURES), self.width)),
            generators=[np.random.default_rng(seed) for seed in seeds],
            snapshots=[self._snapshot()] if self.variant.keep_weights else [],
        )

    def _variables(self) -> list[Any]:
        """All that the next epoch depends on, besides the order of the batches."""
        best = (*self.best, self.best_loss, self.best_epoch)
        return [*self.weights, *self.state, *self.optimizer.variables, *best, self.epoch]

    def _finish(self, models: list[keras.Model]) -> None:
        trained = [*self.weights, *self.state]
        if self.variant.early_stopping and int(self.epoch) > 0:
            trained = self.best
        arrays = [variable.numpy() for variable in trained]
        packed, states = arrays[: len(self.weights)], arrays[len(self.weights) :]
        for seed, model in enumerate(models):
            values = self.packing.unpack([array[seed] for array in packed])
            values += [array[seed] for array in states]
            variables = (*model.trainable_variables, *model.non_trainable_variables)
            learnt = {id(weight) for weight in model.weights}  # dropout's seeds are not
            for variable, value in zip(variables, values, strict=True):
                if id(variable) in learnt:
                    variable.assign(value)

    def _snapshot(self) -> list[list[NDArray[np.float32]]]:
        arrays = [v.numpy() for v in self.weights]
        return [
            [np.asarray(w) for w in self.packing.unpack([array[seed] for array in arrays])]
            for seed in range(self.width)
        ]

    def _packed(self, model: keras.Model) -> list[NDArray[np.float32]]:
        weights = self.packing.pack([v.numpy() for v in model.trainable_variables])
        return [np.asarray(weight) for weight in weights]

    def _epochs_a_chunk(self) -> int:
        """One where the weights of each epoch are kept; else a twentieth, in bounded memory."""
        if self.variant.keep_weights:
            return 1
        within_memory = max(1, 10_000_000 // (self.examples * self.width))
        return min(within_memory, -(-self.variant.epochs // PROGRESS_REPORTS))

    def _order(self, generator: np.random.Generator, epochs: int) -> NDArray[np.int32]:
        """(chunk, examples): a new permutation an epoch; zeros after the last epoch."""
        order = np.zeros((self.chunk, self.examples), np.int32)
        order[:epochs] = np.arange(self.examples)
        generator.permuted(order[:epochs], axis=1, out=order[:epochs])
        return order

    def _measures(self, name: str) -> bool:
        return not (name.startswith("val_") and "x_val" not in self.tensors) and not (
            name.endswith("_accuracy") and self.variant.loss == "mse"
        )

    def _refuse_divergence(
        self, rows: NDArray[np.float32], seeds: tuple[int, ...], first: int
    ) -> None:
        """Seeds that stopped early are NaN in every measure; a diverged one has a real accuracy."""
        running = ~np.isnan(rows[:, 1])
        bad = np.argwhere(running & ~np.isfinite(rows[:, 0]))
        if len(bad):
            epoch, seed = bad[0]
            raise TrainingDiverged(
                f"{self.variant.name}: the training loss is {rows[epoch, 0, seed]} in epoch "
                f"{first + epoch + 1} with seed {seeds[seed]}; a smaller learning rate than "
                f"{self.variant.optimizer.learning_rate} may help."
            )


def _small(values: NDArray[Any]) -> NDArray[Any]:
    """Pictures (n, side, side) of whole 255ths as bytes, a quarter of the memory; else unchanged.

    `_examples` turns each batch back.
    """
    if values.ndim < 3 or values.dtype != np.float32:
        return values
    found = np.empty(values.shape, np.uint8)
    for first in range(0, len(values), SCORING_BATCH):
        part = slice(first, first + SCORING_BATCH)
        found[part] = np.rint(values[part].clip(0, 1) * 255)
        if not np.array_equal(found[part] / np.float32(255), values[part]):
            return values
    return found


def _stacked(value: NDArray[Any], width: int) -> keras.Variable:
    return keras.Variable(np.repeat(value[None], width, axis=0), dtype=str(value.dtype))
