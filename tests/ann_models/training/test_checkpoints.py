"""An interrupted training resumes and ends with the weights that it would have had."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from ann_models.datasets import generate
from ann_models.entry import Adam, EarlyStopping
from ann_models.training import checkpoints, trainer
from ann_models.training.checkpoints import Checkpoint, Progress, ctrl_c_waits
from tests.support.small_trainings import BATCH_NORM, REGRESSION, cubic


@pytest.mark.parametrize("layers", [REGRESSION.layers, BATCH_NORM], ids=["dense", "batch_norm"])
def test_an_interrupted_training_resumes_to_the_same_weights(backend, layers, tmp_path):
    variant = replace(REGRESSION, layers=layers, epochs=6, keep_weights=True)

    def press(done, total, loss):
        if done == 3:
            raise KeyboardInterrupt

    assert trainer.train(variant, cubic(), (0, 1), press, tmp_path).interrupted
    reported = []
    resumed = trainer.train(variant, cubic(), (0, 1), lambda *r: reported.append(r[0]), tmp_path)
    whole = trainer.train(variant, cubic(), (0, 1))
    assert reported[0] == 4, "it began again from the start"
    assert resumed.weights_sha256 == whole.weights_sha256
    np.testing.assert_array_equal(resumed.history["train_loss"], whole.history["train_loss"])
    np.testing.assert_array_equal(resumed.snapshots[2][1][0], whole.snapshots[2][1][0])
    assert not list(tmp_path.iterdir()), "a complete training leaves no checkpoint"


def test_early_stopping_is_resumed_with_its_best_weights(tmp_path):
    data = generate("ten_points_held_out", 0)
    stopping = EarlyStopping(patience=20)
    variant = replace(REGRESSION, optimizer=Adam(0.02), epochs=400, early_stopping=stopping)

    def press(done, total, loss):
        raise KeyboardInterrupt

    trainer.train(variant, data, (0,), press, tmp_path)
    resumed = trainer.train(variant, data, (0,), checkpoints=tmp_path)
    assert resumed.weights_sha256 == trainer.train(variant, data, (0,)).weights_sha256


def test_a_checkpoint_of_other_settings_is_not_resumed(tmp_path):
    def press(done, total, loss):
        raise KeyboardInterrupt

    trainer.train(REGRESSION, cubic(), (0,), press, tmp_path)
    other = replace(REGRESSION, optimizer=Adam(0.01))
    resumed = trainer.train(other, cubic(), (0,), checkpoints=tmp_path)
    assert resumed.weights_sha256 == trainer.train(other, cubic(), (0,)).weights_sha256


def test_a_damaged_checkpoint_is_not_resumed(tmp_path):
    (tmp_path / "regression-0.npz").write_bytes(b"half a file")
    resumed = trainer.train(REGRESSION, cubic(), (0,), checkpoints=tmp_path)
    assert resumed.weights_sha256 == trainer.train(REGRESSION, cubic(), (0,)).weights_sha256


def test_a_checkpoint_of_another_file_format_is_not_resumed(tmp_path, monkeypatch):
    def press(done, total, loss):
        raise KeyboardInterrupt

    with monkeypatch.context() as earlier:
        earlier.setattr(checkpoints, "FORMAT", 1)
        trainer.train(REGRESSION, cubic(), (0,), press, tmp_path)
    reported = []
    trainer.train(REGRESSION, cubic(), (0,), lambda *r: reported.append(r[0]), tmp_path)
    assert reported[0] == 1


def test_early_stopping_has_ended_a_training_if_it_has_ended_every_seed():
    progress = Progress({"train_loss": np.zeros((0, 2))}, [])
    assert (progress.epochs, progress.stopped) == (0, False)
    for losses, stopped in (([1.0, 2.0], False), ([np.nan, 2.0], False), ([np.nan] * 2, True)):
        progress.extend({"train_loss": np.array([losses])})
        assert progress.stopped is stopped
    assert (progress.epochs, progress.loss) == (3, 2.0)  # the last that there was


def test_the_validation_loss_is_that_of_the_seeds_that_have_one():
    losses = {"train_loss": np.ones((1, 2)), "val_loss": np.array([[0.5, 1.0]])}
    assert Progress(losses, []).val_loss == 0.75
    assert Progress({"train_loss": np.ones((1, 2))}, []).val_loss is None


def test_a_checkpoint_has_what_the_next_epoch_depends_on(tmp_path):
    generators = [np.random.default_rng(seed) for seed in (4, 7)]
    generators[1].random(3)
    history = {"train_loss": np.array([[0.5, 0.25]])}
    snapshots = {0: [[np.zeros(2), np.ones(3)], [np.ones(2), np.zeros(3)]], 5: [[], []]}
    path = tmp_path / "a.npz"
    Checkpoint(path, "mine").save(Progress(history, generators, snapshots), [np.arange(4)])
    assert Checkpoint(path, "another's").load() is None
    progress, (variable,) = Checkpoint(path, "mine").load()
    np.testing.assert_array_equal(variable, np.arange(4))
    np.testing.assert_array_equal(progress.history["train_loss"], history["train_loss"])
    assert [g.random() for g in progress.generators] == [g.random() for g in generators]
    found = [[weights.tolist() for weights in seed] for seed in progress.snapshots[0]]
    assert found == [[[0, 0], [1, 1, 1]], [[1, 1], [0, 0, 0]]]


def test_a_checkpoint_is_due_ten_seconds_after_the_last(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    checkpoint = Checkpoint(tmp_path / "a.npz", "mine", 100.0)
    for later, due in ((9.9, False), (10.0, True)):
        now[0] = 100 + later
        assert checkpoint.is_due() is due
    checkpoint.save(Progress({"train_loss": np.zeros((0, 1))}, []), [])
    assert not checkpoint.is_due()


def test_ctrl_c_takes_effect_after_the_block_and_as_before():
    before = signal.getsignal(signal.SIGINT)
    finished = []
    with pytest.raises(KeyboardInterrupt), ctrl_c_waits():
        signal.raise_signal(signal.SIGINT)
        finished.append("the epoch")
    assert finished == ["the epoch"]
    assert signal.getsignal(signal.SIGINT) is before
    with ctrl_c_waits():
        pass


def test_in_another_thread_which_gets_no_ctrl_c_nothing_waits():
    with ThreadPoolExecutor(1) as pool:
        before = signal.getsignal(signal.SIGINT)

        def work():
            with ctrl_c_waits():
                return signal.getsignal(signal.SIGINT)

        assert pool.submit(work).result() is before


def test_the_loss_of_a_training_that_has_none_yet_is_nan():
    progress = Progress({"train_loss": np.full((2, 3), np.inf)}, [])
    assert np.isnan(progress.loss)
    progress.extend({"train_loss": np.array([[1.0, np.nan, 3.0]])})
    assert progress.loss == 2
