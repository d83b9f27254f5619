"""What is prepared outside the compiled loop: orders, chunks of epochs, images as bytes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from ann_models import networks
from ann_models.datasets import Dataset
from ann_models.entry import Penalty
from ann_models.errors import InvalidData, TrainingDiverged
from ann_models.training import program
from ann_models.training.checkpoints import Progress
from ann_models.training.program import Program
from ann_models.training.trainer import train
from tests.support.small_trainings import REGRESSION, cubic, images


def test_every_epoch_has_a_permutation_of_its_own():
    order = program.shuffled(np.random.default_rng(0), chunk=4, examples=50, epochs=3)
    assert order.shape == (4, 50)
    for row in order[:3]:
        np.testing.assert_array_equal(np.sort(row), np.arange(50))
    assert not np.array_equal(order[0], order[1])
    assert not order[3].any()


def test_shorter_chunks_give_the_same_orders():
    one, other = np.random.default_rng(0), np.random.default_rng(0)
    whole = program.shuffled(one, 4, 20, 4)
    parts = [program.shuffled(other, 2, 20, 2) for _ in range(2)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


@pytest.mark.parametrize(("epochs", "in_memory", "chunk"), [(100, 10_000, 5), (100, 30, 3)])
def test_a_chunk_reaches_to_the_next_stop_in_bounded_memory(monkeypatch, epochs, in_memory, chunk):
    monkeypatch.setattr(program, "ORDERS_IN_MEMORY", in_memory)
    assert Program(replace(REGRESSION, epochs=epochs), cubic(10), (0,)).chunk == chunk


@pytest.mark.parametrize(
    ("most", "epochs", "seconds", "expected"),
    [
        (8, 8, 0.1, 16),
        (8, 5, 0.1, 8),  # the next stop ended it: nothing is known of 8
        (8, 8, 1.5, 8),
        (8, 8, 2.1, 4),
        (8, 5, 2.1, 2),
        (1, 1, 60, 1),
    ],
)
def test_calls_get_longer_until_one_takes_a_second_and_shorter_after_two(
    most, epochs, seconds, expected
):
    assert program.next_most(most, epochs, seconds) == expected


@pytest.mark.parametrize("most", [1, 3])
def test_short_calls_change_neither_weights_nor_reports(monkeypatch, most):
    variant, data = replace(REGRESSION, epochs=100, frames=4), cubic(10)
    whole, seen = [], []
    expected = train(variant, data, (0, 1), on_progress=lambda *done: whole.append(done))
    calls = []
    run = Program._advance

    def advance(self, progress, seeds, most):
        calls.append(run(self, progress, seeds, most))
        return calls[-1]

    monkeypatch.setattr(Program, "_advance", advance)
    monkeypatch.setattr(program, "FIRST_STEPS", most)
    monkeypatch.setattr(program, "MOST_SECONDS", 0.0)  # each call is too long
    found = train(variant, data, (0, 1), on_progress=lambda *done: seen.append(done))
    assert max(calls) == most and sum(calls) == 100
    assert found.weights_sha256 == expected.weights_sha256
    assert found.snapshots.keys() == expected.snapshots.keys() == {0, 7, 25, 57, 100}
    assert found.best_epoch is None
    assert seen == whole


def test_progress_is_reported_twenty_times_and_weights_are_kept_after_each_epoch():
    assert program.stops(replace(REGRESSION, epochs=100)).tolist() == list(range(5, 101, 5))
    assert program.stops(replace(REGRESSION, epochs=3)).tolist() == [1, 2, 3]
    kept = replace(REGRESSION, epochs=100, keep_weights=True)
    assert program.stops(kept).tolist() == list(range(1, 101))


def test_frames_are_denser_at_the_start_and_end_with_the_training():
    stops = program.stops(replace(REGRESSION, epochs=900, frames=30))
    assert stops[[0, 1, 14, -1]].tolist() == [1, 4, 225, 900]
    assert program.stops(replace(REGRESSION, epochs=5, frames=30)).tolist() == [1, 2, 3, 4, 5]


def test_images_of_whole_255ths_are_stored_as_bytes_and_others_as_they_are():
    data = images()
    assert Program(REGRESSION, data, (0,)).problem.data["x_train"].dtype == "float32"
    rounded = {n: np.rint(a * 255) / np.float32(255) for n, a in data.arrays.items() if a.ndim > 1}
    stored = Program(REGRESSION, Dataset("i", "generated", dict(data.arrays) | rounded), (0,))
    x = stored.problem.data["x_train"]
    assert x.dtype == "uint8"
    np.testing.assert_array_equal(x.numpy() / np.float32(255), rounded["x_train"])


@pytest.mark.parametrize("part", ["x_train", "y_train"])
@pytest.mark.parametrize("left", [0, 9])
def test_inputs_and_targets_that_do_not_pair_up_are_refused(part, left):
    arrays = cubic(10).arrays
    data = Dataset("cubic", "generated", dict(arrays) | {part: arrays[part][:left]})
    sizes = (left, 10) if part == "x_train" else (10, left)
    with pytest.raises(InvalidData, match="{} inputs and {} targets".format(*sizes)):
        Program(REGRESSION, data, (0,))


def test_without_examples_nothing_can_be_trained():
    with pytest.raises(InvalidData, match="0 inputs and 0 targets"):
        Program(REGRESSION, cubic(0), (0,))


@pytest.mark.parametrize("validated", [False, True])
def test_any_seed_whose_last_step_diverged_is_named(validated):
    data = cubic(10)
    if not validated:
        train_only = {name: data.arrays[name] for name in ("x_train", "y_train")}
        data = Dataset("cubic", "generated", train_only)
    models = [networks.build(REGRESSION, (1,), seed) for seed in (4, 7)]
    trained = Program(REGRESSION, data, (4, 7))
    trained._require_finite_networks(models, (4, 7))
    models[1].set_weights([np.full_like(weights, np.nan) for weights in models[1].get_weights()])
    with pytest.raises(TrainingDiverged, match=r"weights are not finite .* with seed 7;"):
        trained._require_finite_networks(models, (4, 7))


def test_images_are_stored_as_they_are_if_a_later_batch_is_not_of_whole_255ths(monkeypatch):
    monkeypatch.setattr(program, "CONVERSION_BATCH", 30)
    whole = np.rint(255 * images().arrays["x_train"]) / np.float32(255)
    np.testing.assert_array_equal(program._as_bytes(whole), np.rint(whole * 255))
    whole[79, 7, 7] = 0.3333
    assert program._as_bytes(whole) is whole
    assert program._as_bytes(whole[:, 0]).dtype == np.float32  # numbers are no images


def test_a_seed_that_has_stopped_keeps_its_weights_in_later_snapshots():
    trained = Program(replace(REGRESSION, keep_weights=True), cubic(10), (4, 7))
    nan_and_one = tf.constant([[np.nan, 1.0]], tf.float64)
    trained.run_epochs = lambda *_: ({"train_loss": nan_and_one}, tf.constant([[False, True]]))
    trained.state.weights_by_replica = lambda: ["of 4 now", "of 7 now"]
    generators = [np.random.default_rng(seed) for seed in (4, 7)]
    progress = Progress({"train_loss": np.zeros((0, 2))}, generators, {0: ["of 4", "of 7"]})
    assert trained._advance(progress, (4, 7), most=9) == 1  # to the next stop
    assert progress.snapshots[1] == ["of 4", "of 7 now"]


@pytest.mark.parametrize(
    ("measure", "what"), [("train_loss", "training loss"), ("val_loss", "validation loss")]
)
def test_a_loss_that_is_not_finite_is_named_with_its_epoch_and_seed(measure, what):
    trained = Program(REGRESSION, cubic(10), (4, 7))
    progress = Progress({"train_loss": np.zeros((5, 2))}, [])
    losses = {measure: np.array([[1.0, 2.0], [1.0, np.inf]])}
    active = np.ones((2, 2), bool)
    with pytest.raises(TrainingDiverged, match=f"the {what} is inf in epoch 7 with seed 7; a sm"):
        trained._require_finite(losses, active, progress, (4, 7))
    active[1, 1] = False  # it has stopped
    trained._require_finite(losses, active, progress, (4, 7))


def test_rebind_changes_the_scale_of_the_penalty():
    trained = Program(replace(REGRESSION, penalty=Penalty("l2", 1.0)), cubic(10), (0,))
    trained.rebind(replace(REGRESSION, penalty=Penalty("l2", 0.25)))
    assert float(trained.state.penalty_scale) == 0.25
    trained.rebind(REGRESSION)
    assert float(trained.state.penalty_scale) == 1.0
