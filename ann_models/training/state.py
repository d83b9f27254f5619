"""Everything that training changes, as variables of `replicas` networks stacked on the first axis.

A replica is one network with one seed. Several replicas of a small network train vectorised, in
one program; replicas of a large one train sequentially, one at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ann_models.entry import Variant
from ann_models.training import optimizers
from ann_models.training.flattening import ParameterLayout

Weights = list[NDArray[np.float32]]


class State:
    """The variables of a training.

    Attributes:
        parameters: trainable weights in their layout, each (replicas, …).
        buffers: the model's non-trainable variables, each (replicas, …): moving statistics, and the
            seeds of dropout.
        optimizer: one for all replicas; its moments are shaped like `parameters`.
        epoch: epochs done.
        seeds: of the replicas, (replicas,); with the optimiser's step they seed the augmentation.
        penalty_scale: what the model's penalties are multiplied by.
        best: a copy of parameters and buffers from each replica's best epoch, for early stopping;
            of the start before its first.
        best_loss: the validation loss of that epoch, (replicas,).
        best_epoch: its number, the first being 1, (replicas,).
    """

    def __init__(
        self,
        model: keras.Model,
        layout: ParameterLayout,
        variant: Variant,
        replicas: int,
        steps: int,
    ) -> None:
        """Create the variables with the model's weights in every replica.

        Args:
            model: whose variables are replicated; it is not changed.
            layout: of its trainable weights.
            variant: names the optimiser.
            replicas: how many networks train together.
            steps: gradient steps of the whole training, for a learning rate schedule.
        """
        self.layout = layout
        self.replicas = replicas
        parameters = _arrays(layout.flatten([v.numpy() for v in model.trainable_variables]))
        self.parameters = [_stacked(array, replicas) for array in parameters]
        self.buffers = [_stacked(v.numpy(), replicas) for v in model.non_trainable_variables]
        self.optimizer = optimizers.build(variant.optimizer, steps)
        self.optimizer.build(self.parameters)
        self.best = [keras.Variable(v.numpy()) for v in self.network_variables]
        self.best_loss = tf.Variable(tf.zeros(replicas))
        self.best_epoch = tf.Variable(tf.zeros(replicas, tf.int32))
        self.epoch = tf.Variable(0)
        self.seeds = tf.Variable(tf.zeros(replicas, tf.int32))
        self.penalty_scale = tf.Variable(1.0)
        self._initial_optimizer = [(v, v.numpy()) for v in self.optimizer.variables]
        variables = (*model.trainable_variables, *model.non_trainable_variables)
        positions = {id(variable): i for i, variable in enumerate(variables)}
        self._weights = [positions[id(weight)] for weight in model.weights]  # no dropout seeds

    @property
    def network_variables(self) -> list[keras.Variable]:
        """Parameters, then buffers."""
        return [*self.parameters, *self.buffers]

    @property
    def checkpointed(self) -> list[Any]:
        """All that the next epoch depends on, except the order of the batches."""
        best = (*self.best, self.best_loss, self.best_epoch)
        return [*self.network_variables, *self.optimizer.variables, *best, self.epoch]

    def reset(self, models: Sequence[keras.Model], seeds: Sequence[int]) -> None:
        """Start a training from these models' weights, one model a replica."""
        flattened = [
            self.layout.flatten([v.numpy() for v in m.trainable_variables]) for m in models
        ]
        buffers = [[v.numpy() for v in m.non_trainable_variables] for m in models]
        for variables, by_model in ((self.parameters, flattened), (self.buffers, buffers)):
            for variable, arrays in zip(variables, zip(*by_model, strict=True), strict=True):
                variable.assign(np.stack(arrays))
        for variable, value in self._initial_optimizer:
            variable.assign(value)
        self.seeds.assign(seeds)
        self.epoch.assign(0)
        self.best_epoch.assign(tf.zeros_like(self.best_epoch))
        self.best_loss.assign(tf.fill([self.replicas], np.inf))
        for best, now in zip(self.best, self.network_variables, strict=True):
            best.assign(now.value)

    def restore(self, values: Sequence[np.ndarray]) -> None:
        """Assign what a checkpoint saved of `checkpointed`."""
        for variable, value in zip(self.checkpointed, values, strict=True):
            variable.assign(value)

    def weights_by_replica(self, best: bool = False) -> list[Weights]:
        """[replica] → arrays as `model.get_weights()` gives them; of its best epoch if `best`."""
        arrays = [v.numpy() for v in (self.best if best else self.network_variables)]
        parameters, buffers = arrays[: len(self.parameters)], arrays[len(self.parameters) :]
        found = []
        for replica in range(self.replicas):
            values = _arrays(self.layout.unflatten([array[replica] for array in parameters]))
            values += [array[replica] for array in buffers]
            found.append([values[position] for position in self._weights])
        return found


def _stacked(value: NDArray[Any], replicas: int) -> keras.Variable:
    return keras.Variable(np.repeat(value[None], replicas, axis=0), dtype=str(value.dtype))


def _arrays(tensors: Sequence[tf.Tensor]) -> Weights:
    return [np.asarray(tensor) for tensor in tensors]
