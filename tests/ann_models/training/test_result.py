"""A training is read from disk as it was written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ann_models import networks
from ann_models.entry import Dense, Dropout
from ann_models.training import trainer
from ann_models.training.result import Training, joined
from tests.support.small_trainings import REGRESSION, cubic


def test_a_training_comes_back_from_disk_as_it_was(tmp_path):
    variant = replace(REGRESSION, keep_weights=True)
    trained = trainer.train(variant, cubic(), (0, 1))
    trained.save(tmp_path / "training.npz")
    loaded = Training.load(tmp_path / "training.npz", variant, (1,))
    assert loaded.weights_sha256 == trained.weights_sha256
    assert loaded.seeds == (0, 1)
    np.testing.assert_array_equal(loaded.history["train_loss"], trained.history["train_loss"])
    assert list(loaded.snapshots) == list(trained.snapshots) == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(loaded.snapshots[2][1][0], trained.snapshots[2][1][0])


def untrained(*seeds: int, epochs: int = 2, **more) -> Training:
    """A training of a few networks, each epoch's losses being the seeds."""
    models = [networks.build(REGRESSION, (1,), seed) for seed in seeds]
    losses = np.tile(np.array(seeds, float), (epochs, 1))
    return Training(models, seeds, {"train_loss": losses}, **({"seconds": 1.5} | more))


def test_when_each_seed_was_best_and_whether_it_was_interrupted_come_back_too(tmp_path):
    for best, interrupted in ((np.array([3, 5]), True), (None, False)):
        trained = untrained(4, 7, best_epoch=best, interrupted=interrupted)
        trained.save(tmp_path / "training.npz")
        loaded = Training.load(tmp_path / "training.npz", REGRESSION, (1,))
        assert (loaded.seeds, loaded.seconds, loaded.interrupted) == ((4, 7), 1.5, interrupted)
        np.testing.assert_array_equal(loaded.best_epoch, best)
        assert loaded.snapshots == {}
        assert loaded.weights_sha256 == trained.weights_sha256


def test_one_seed_of_several_is_taken_by_its_number():
    trained = untrained(4, 7)
    found = trained.only(7)
    assert (found.seeds, found.models) == ((7,), [trained.models[1]])
    assert found.weights_sha256 == untrained(7).weights_sha256 != untrained(4).weights_sha256


def test_groups_of_seeds_are_joined_and_early_stops_filled_with_nan():
    first = untrained(4, 7, epochs=1, best_epoch=np.array([1, 1]))
    second = untrained(9, epochs=3, best_epoch=np.array([2]))
    whole = joined([first, second], seconds=2.5)
    assert (whole.seeds, whole.seconds, whole.interrupted) == ((4, 7, 9), 2.5, False)
    assert whole.models == [*first.models, *second.models]
    assert whole.best_epoch.tolist() == [1, 1, 2]
    nan = np.nan
    np.testing.assert_array_equal(
        whole.history["train_loss"], [[4, 7, 9], [nan, nan, 9], [nan, nan, 9]]
    )
    assert joined([untrained(4), untrained(7)], 1.0).best_epoch is None


def test_an_interruption_ends_all_seeds_at_the_epoch_of_the_last_group():
    parts = [untrained(seed, epochs=epochs) for seed, epochs in ((4, 3), (7, 2))]
    whole = joined([*parts, untrained(9, epochs=1, interrupted=True)], seconds=1.0)
    assert whole.interrupted
    np.testing.assert_array_equal(whole.history["train_loss"], [[4, 7, 9]])


def test_dropout_draws_the_same_masks_after_training_and_from_disk(tmp_path):
    variant = replace(REGRESSION, layers=(Dense(8), Dropout(0.5), Dense(1)))
    trained = trainer.train(variant, cubic(), (0,))
    trained.save(tmp_path / "training.npz")
    loaded = Training.load(tmp_path / "training.npz", variant, (1,))
    x = cubic().arrays["x_train"]
    drawn, from_disk = (t.models[0](x, training=True) for t in (trained, loaded))
    np.testing.assert_array_equal(drawn, from_disk)


def test_a_part_that_stopped_early_does_not_shorten_an_interrupted_one():
    trained = trainer.train(replace(REGRESSION, keep_weights=True), cubic(), (0,))
    two = {name: measures[:2] for name, measures in trained.history.items()}
    few = {epoch: trained.snapshots[epoch] for epoch in (0, 1, 2)}
    stopped = replace(trained, history=two, snapshots=few)
    whole = joined([stopped, replace(trained, seeds=(1,), interrupted=True)], seconds=1.0)
    losses = whole.history["train_loss"]
    assert np.isfinite(losses).sum(axis=0).tolist() == [2, 4]
    assert list(whole.snapshots) == [0, 1, 2, 3, 4]
    assert whole.snapshots[4][0] is trained.snapshots[2][0]


def test_a_part_that_was_interrupted_before_its_first_epoch_ends_the_whole_there():
    """It has no snapshot, so no epoch has the weights of every seed."""
    trained = trainer.train(replace(REGRESSION, keep_weights=True), cubic(), (0,))
    no_measures = {name: measures[:0] for name, measures in trained.history.items()}
    interrupted = replace(trained, seeds=(1,), history=no_measures, snapshots={}, interrupted=True)
    whole = joined([trained, interrupted], seconds=1.0)
    assert whole.interrupted
    assert whole.seeds == (0, 1)
    assert whole.snapshots == {}
    assert whole.history["train_loss"].shape == (0, 2)
