"""Every example of a pass is counted exactly once, whatever the batch size."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from ann_models.training.batches import Sums, sum_over_batches


@pytest.mark.parametrize("pad_last_batch", [True, False])
@pytest.mark.parametrize(("examples", "batch"), [(7, 3), (6, 3), (2, 5), (1, 1)])
def test_each_example_is_counted_once_for_each_replica(examples, batch, pad_last_batch):
    order = tf.constant([np.arange(examples), np.arange(examples)[::-1] + 100])

    def step(indices, mask):
        assert indices.shape[0] == 2
        values = tf.cast(indices, tf.float32)
        return Sums(tf.reduce_sum(values * mask, 1), tf.fill([2], tf.reduce_sum(mask)))

    sums = sum_over_batches(order, batch, step, pad_last_batch)
    expected = np.arange(examples).sum()
    np.testing.assert_array_equal(sums.loss, [expected, expected + 100 * examples])
    np.testing.assert_array_equal(sums.correct, [examples, examples])


def test_batches_are_taken_in_the_order_of_the_pass():
    seen = []

    def step(indices, mask):
        seen.append(indices.numpy().tolist())
        return Sums(tf.zeros(1), tf.zeros(1))

    sum_over_batches(tf.constant([[4, 2, 0, 1, 3]]), 2, step, pad_last_batch=False)
    assert seen == [[[4, 2]], [[0, 1]], [[3]]]


def test_padding_is_masked():
    masks = []

    def step(indices, mask):
        masks.append(mask.numpy().tolist())
        return Sums(tf.zeros(1), tf.zeros(1))

    sum_over_batches(tf.constant([[4, 2, 0]]), 2, step, pad_last_batch=True)
    assert masks == [[1, 1], [1, 0]]
