"""A pass over the data in batches, inside a compiled program."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def over_batches(
    order: tf.Tensor, batch: int, step: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], fills_up: bool
) -> tf.Tensor:
    """Sum `step` over the batches of a pass, an incomplete last one included.

    Args:
        order: indices of the examples for each network, (width, examples).
        batch: examples a step.
        step: indices (width, batch) and which of them count (batch,), 1 or 0 → (2, width).
        fills_up: whether an incomplete batch is filled up with examples that do not count, which
            saves it a compiled body of its own.
    """
    width, examples = order.shape
    batch = min(batch, examples)
    steps = -(-examples // batch) if fills_up else examples // batch
    order = tf.pad(order, [[0, 0], [0, max(0, steps * batch - examples)]])

    def body(i: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        counts = tf.cast(i * batch + tf.range(batch) < examples, tf.float32)
        return i + 1, sums + step(tf.slice(order, [0, i * batch], [width, batch]), counts)

    start = (tf.constant(0), tf.zeros([2, width]))
    _, sums = tf.while_loop(lambda i, _: i < steps, body, start, parallel_iterations=1)
    rest = examples - steps * batch
    return sums + step(order[:, -rest:], tf.ones(rest)) if rest > 0 else sums
