"""A pass over the data in batches, inside a compiled program."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class Sums(NamedTuple):
    """What a pass adds up over its examples, for each replica.

    Attributes:
        loss: the examples' losses, penalties included, (replicas,).
        correct: how many examples are classified correctly, (replicas,); 0 in regression.
    """

    loss: tf.Tensor
    correct: tf.Tensor


Step = Callable[[tf.Tensor, tf.Tensor], Sums]  # indices (replicas, batch), mask (batch,)


def sum_over_batches(order: tf.Tensor, batch: int, step: Step, pad_last_batch: bool) -> Sums:
    """Run `step` on every batch of a pass and add up what it returns.

    Args:
        order: indices of the examples in the order of the pass, (replicas, examples).
        batch: examples a step.
        step: called with the batch's indices and a mask, 1 for an example and 0 for padding.
        pad_last_batch: whether an incomplete last batch is padded with masked examples, so that
            one compiled body serves all batches; else it is a shorter batch of its own.
    """
    replicas, examples = order.shape
    batch = min(batch, examples)
    steps = -(-examples // batch) if pad_last_batch else examples // batch
    order = tf.pad(order, [[0, 0], [0, max(0, steps * batch - examples)]])

    def body(i: tf.Tensor, sums: Sums) -> tuple[tf.Tensor, Sums]:
        mask = tf.cast(i * batch + tf.range(batch) < examples, tf.float32)
        return i + 1, _add(sums, step(tf.slice(order, [0, i * batch], [replicas, batch]), mask))

    start = tf.constant(0), Sums(tf.zeros(replicas), tf.zeros(replicas))
    _, sums = tf.while_loop(lambda i, _: i < steps, body, start, parallel_iterations=1)
    rest = examples - steps * batch
    return _add(sums, step(order[:, -rest:], tf.ones(rest))) if rest > 0 else sums


def _add(one: Sums, other: Sums) -> Sums:
    return Sums(one.loss + other.loss, one.correct + other.correct)
