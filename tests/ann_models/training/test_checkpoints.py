"""An interrupted training resumes and ends with the weights that it would have had."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ann_models.datasets import generate
from ann_models.entry import Adam, EarlyStopping
from ann_models.training import checkpoints, trainer
from ann_models.training.checkpoints import Progress
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


def test_the_loss_of_a_training_that_has_none_yet_is_nan():
    progress = Progress({"train_loss": np.full((2, 3), np.inf)}, [])
    assert np.isnan(progress.loss)
    progress.extend({"train_loss": np.array([[1.0, np.nan, 3.0]])})
    assert progress.loss == 2
