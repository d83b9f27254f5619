"""The trainer does what `fit` does, for each kind of layer, and is reproducible per seed."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from functools import cache
from itertools import pairwise

import keras
import numpy as np
import pytest

from ann_models import networks
from ann_models.datasets import Dataset, generate
from ann_models.entry import (
    SGD,
    Adam,
    Convolution,
    CosineDecay,
    Dense,
    Dropout,
    EarlyStopping,
    Flatten,
    MaxPooling,
    Penalty,
    Variant,
)
from ann_models.errors import InvalidData, TrainingDiverged
from ann_models.training import backends, loop, program, trainer
from tests.support.small_trainings import BATCH_NORM, REGRESSION, cubic, images


@pytest.fixture
def in_order(monkeypatch):
    """The batches in the data's order, as `fit(shuffle=False)` takes them."""

    def unshuffled(generator, chunk, examples, epochs):
        return np.tile(np.arange(examples, dtype=np.int32), (chunk, 1))

    monkeypatch.setattr(program, "shuffled", unshuffled)


def fitted(variant: Variant, data: Dataset, optimizer: keras.Optimizer) -> keras.callbacks.History:
    model = networks.build(variant, data.arrays["x_train"].shape[1:], seed=0)
    metrics = [] if variant.loss == "mse" else ["accuracy"]
    model.compile(optimizer, variant.loss, metrics=metrics)
    validation = (data.arrays["x_val"], data.arrays["y_val"]) if "x_val" in data.arrays else None
    return model.fit(
        data.arrays["x_train"],
        data.arrays["y_train"],
        epochs=variant.epochs,
        batch_size=variant.batch_size,
        shuffle=False,
        validation_data=validation,
        verbose=0,
    )


def assert_equal_weights(model: keras.Model, other: keras.Model, tolerance: float) -> None:
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=tolerance)


# 7 batches an epoch, the last incomplete
HUNDRED_STEPS = {
    "adam": ({}, keras.optimizers.Adam),
    "sgd": ({"optimizer": SGD(0.01)}, keras.optimizers.SGD),
    "momentum": ({"optimizer": SGD(0.01, 0.9)}, lambda rate: keras.optimizers.SGD(rate, 0.9)),
    "batch_norm": ({"layers": BATCH_NORM}, keras.optimizers.Adam),
    "l2": ({"penalty": Penalty("l2", 0.01)}, keras.optimizers.Adam),
    "l1": ({"penalty": Penalty("l1", 0.01)}, keras.optimizers.Adam),
    "dropout_off": ({"layers": (Dense(8, "relu"), Dropout(0.0), Dense(1))}, keras.optimizers.Adam),
}


@cache
def fitted_for_a_hundred_steps(name: str) -> tuple[Variant, keras.callbacks.History]:
    change, optimizer = HUNDRED_STEPS[name]
    variant = replace(REGRESSION, epochs=14, **change)
    return variant, fitted(variant, cubic(), optimizer(variant.optimizer.learning_rate))


@pytest.mark.parametrize("name", HUNDRED_STEPS)
def test_a_hundred_steps_give_the_weights_and_losses_of_fit(backend, in_order, name):
    variant, history = fitted_for_a_hundred_steps(name)
    trained = trainer.train(variant, cubic(), (0,))
    assert_equal_weights(trained.models[0], history.model, 1e-5)
    np.testing.assert_allclose(
        trained.history["train_loss"][:, 0], history.history["loss"], rtol=1e-4
    )


def test_images_are_classified_and_validated_as_by_fit(in_order):
    variant = replace(
        REGRESSION,
        layers=(Convolution(4), MaxPooling(2), Flatten(), Dense(3, "softmax")),
        loss="sparse_categorical_crossentropy",
        optimizer=Adam(0.01),
    )
    history = fitted(variant, images(), keras.optimizers.Adam(0.01))
    trained = trainer.train(variant, images(), (0,))
    assert_equal_weights(trained.models[0], history.model, 1e-5)
    for ours, theirs in (
        ("train_loss", "loss"),
        ("train_accuracy", "accuracy"),
        ("val_loss", "val_loss"),
        ("val_accuracy", "val_accuracy"),
    ):
        np.testing.assert_allclose(
            trained.history[ours][:, 0], history.history[theirs], rtol=1e-4, err_msg=ours
        )


@pytest.mark.parametrize(("layers", "bodies"), [(REGRESSION.layers, 1), (BATCH_NORM, 2)])
def test_an_incomplete_batch_is_a_body_of_its_own_only_for_batch_normalization(
    monkeypatch, layers, bodies
):
    sizes = []
    step = loop.training_step

    def recorded(problem, state, indices, mask):
        sizes.append(indices.shape[1])
        return step(problem, state, indices, mask)

    monkeypatch.setattr(loop, "training_step", recorded)
    trainer.train(replace(REGRESSION, layers=layers, epochs=1), cubic(), (0,))
    assert sizes == [32, 200 % 32][:bodies]


def test_the_same_seed_gives_the_same_weights(backend):
    one, two = (trainer.train(REGRESSION, cubic(), (3,)) for _ in range(2))
    assert one.weights_sha256 == two.weights_sha256


@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_entries_of_other_penalties_share_a_program_and_no_weight(backend, monkeypatch, norm):
    weak, strong = (
        replace(REGRESSION, name=f"of_{strength}", penalty=Penalty(norm, strength))
        for strength in (0.001, 0.1)
    )
    alone = trainer.train(strong, cubic(), (3,)).weights_sha256
    trainer._shared.clear()
    first = trainer.train(weak, cubic(), (3,))
    trained_weak = first.weights_sha256
    monkeypatch.setattr(trainer, "Program", lambda *_: pytest.fail("a second program"))
    second = trainer.train(strong, cubic(), (3,))
    assert second.weights_sha256 == alone != trained_weak == first.weights_sha256
    for trained, strength in ((first, 0.001), (second, 0.1)):
        shrinks = trained.models[0].layers[0].kernel_regularizer
        assert float(getattr(shrinks, norm)) == pytest.approx(strength)


def test_another_seed_gives_other_weights():
    trained = trainer.train(REGRESSION, cubic(), (3, 4))
    first, second = (model.get_weights()[0] for model in trained.models)
    assert np.abs(first - second).max() > 0.01


@pytest.mark.parametrize(
    "layers",
    [REGRESSION.layers, BATCH_NORM, (Dense(8, "relu"), Dropout(0.5), Dense(1))],
    ids=["dense", "batch_norm", "dropout"],
)
def test_a_seed_gives_the_same_weights_alone_and_among_others(backend, layers):
    variant = replace(REGRESSION, layers=layers)
    together = trainer.train(variant, cubic(), (0, 1, 2))
    alone = trainer.train(variant, cubic(), (1,))
    assert_equal_weights(together.models[1], alone.models[0], 1e-5)


def test_seeds_trained_sequentially_get_the_same_weights_as_vectorised(monkeypatch):
    together = trainer.train(REGRESSION, cubic(), (0, 1))
    monkeypatch.setattr(backends, "SMALL", 0)
    sequential = trainer.train(REGRESSION, cubic(), (0, 1))
    for one, other in zip(together.models, sequential.models, strict=True):
        assert_equal_weights(one, other, 1e-5)


def test_the_number_of_progress_reports_changes_no_weight(monkeypatch):
    one = trainer.train(replace(REGRESSION, epochs=7), cubic(), (0,))
    monkeypatch.setattr(program, "PROGRESS_REPORTS", 2)
    other = trainer.train(replace(REGRESSION, epochs=7), cubic(), (0,))
    assert one.weights_sha256 == other.weights_sha256


def test_dropout_draws_a_new_mask_at_each_step(backend):
    layers = (Dense(64, "relu"), Dropout(0.5), Dense(1))
    with_dropout = replace(REGRESSION, layers=layers, optimizer=SGD(0.0), epochs=3)
    losses = trainer.train(with_dropout, cubic(), (0,)).history["train_loss"][:, 0]
    assert all(abs(a - b) > 1e-4 for a, b in pairwise(losses)), losses


def test_progress_is_reported_up_to_the_last_epoch():
    reported = []
    trainer.train(REGRESSION, cubic(), (0,), lambda *report: reported.append(report))
    done, total, loss = reported[-1]
    assert (done, total) == (4, 4)
    assert np.isfinite(loss)
    assert [report[0] for report in reported] == sorted(report[0] for report in reported)


@pytest.mark.parametrize("activation", ["tanh", "silu"])
def test_a_finished_training_leaves_nothing_of_its_data_in_memory(backend, monkeypatch, activation):
    copies = []
    constant = program.tf.constant

    def watched(*arguments):
        tensor = constant(*arguments)
        copies.append(weakref.ref(tensor))
        return tensor

    monkeypatch.setattr(program.tf, "constant", watched)
    variant = replace(REGRESSION, layers=(Dense(8, activation), Dense(1)))
    trainer.train(variant, generate("cubic", 0), (0,))
    gc.collect()
    assert copies and not any(copy() is not None for copy in copies)


STOPPING = replace(REGRESSION, layers=(Dense(30, "tanh"), Dense(1)), optimizer=Adam(0.02))


def test_early_stopping_keeps_the_weights_of_the_best_epoch(backend):
    data = generate("ten_points_held_out", 0)
    variant = replace(STOPPING, epochs=400, early_stopping=EarlyStopping(patience=20))
    trained = trainer.train(variant, data, (0, 1))
    for i, model in enumerate(trained.models):
        losses = trained.history["val_loss"][:, i]
        best = int(np.nanargmin(losses))
        assert trained.best_epoch[i] == best + 1
        assert np.isfinite(losses).sum() == min(best + 1 + 20, 400)
        outputs = model(data.arrays["x_val"])
        found = float(np.mean((outputs - data.arrays["y_val"]) ** 2))
        assert found == pytest.approx(losses[best], rel=1e-4)


def test_weights_after_each_epoch_are_kept_for_entries_that_ask():
    trained = trainer.train(replace(REGRESSION, keep_weights=True), cubic(), (0, 1))
    untrained = networks.build(REGRESSION, (1,), seed=1)
    assert len(trained.snapshots) == 5
    np.testing.assert_array_equal(trained.snapshots[0][1][0], untrained.get_weights()[0])
    np.testing.assert_array_equal(trained.snapshots[4][1][0], trained.models[1].get_weights()[0])


@pytest.mark.parametrize("small", [True, False], ids=["vectorised", "sequential"])
def test_snapshots_for_frames_hold_all_weights_and_change_none(monkeypatch, small):
    if not small:
        monkeypatch.setattr(backends, "SMALL", 0)
    variant = replace(REGRESSION, layers=BATCH_NORM, epochs=6, frames=3)
    trained = trainer.train(variant, cubic(), (0, 1))
    assert list(trained.snapshots) == [0, 1, 3, 6]
    for seed, model in enumerate(trained.models):
        kept = trained.snapshots[6][seed]
        for ours, theirs in zip(kept, model.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    without = trainer.train(replace(variant, frames=0), cubic(), (0, 1))
    assert not without.snapshots
    assert trained.weights_sha256 == without.weights_sha256


def test_ctrl_c_keeps_the_weights_of_the_finished_epochs():
    def press(done, total, loss):
        if done >= 2:
            raise KeyboardInterrupt

    trained = trainer.train(REGRESSION, cubic(), (0,), press)
    assert trained.interrupted
    assert len(trained.history["train_loss"]) == 2
    short = trainer.train(replace(REGRESSION, epochs=2), cubic(), (0,))
    assert_equal_weights(trained.models[0], short.models[0], 0)


def test_a_loss_that_is_not_finite_is_an_error_that_says_where():
    variant = replace(REGRESSION, optimizer=SGD(1e6), epochs=50)
    with pytest.raises(TrainingDiverged, match=r"epoch \d+ with seed 7.*learning rate"):
        trainer.train(variant, cubic(), (7,))


@pytest.mark.parametrize("rate", [1e30, 1e38], ids=["of the loss", "of the weights"])
def test_divergence_in_the_very_last_step_is_an_error(rate):
    """One epoch of one batch, whose loss was measured before its step."""
    variant = replace(REGRESSION, optimizer=SGD(rate), epochs=1, batch_size=200)
    with pytest.raises(
        TrainingDiverged, match=r"after the last epoch with seed 7; .*learning rate"
    ):
        trainer.train(variant, cubic(), (7,))


def held_out_cubic(values: float = 1.0) -> Dataset:
    arrays = cubic().arrays
    some = {"x_val": arrays["x_train"][:50] * np.float32(values), "y_val": arrays["y_train"][:50]}
    return Dataset("held out", "generated", dict(arrays) | some)


def test_early_stopping_before_any_finite_validation_loss_is_an_error():
    stopping = EarlyStopping(patience=1)
    variant = replace(REGRESSION, optimizer=SGD(1e30), epochs=5, early_stopping=stopping)
    variant = replace(variant, batch_size=200)
    with pytest.raises(
        TrainingDiverged, match=r"validation loss is (nan|inf) in epoch 1 with seed"
    ):
        trainer.train(variant, held_out_cubic(), (7, 8))


def test_a_finite_training_has_nothing_to_refuse():
    stopping = EarlyStopping(patience=1)
    for data, variant in (
        (cubic(), REGRESSION),
        (held_out_cubic(), REGRESSION),
        (held_out_cubic(), replace(REGRESSION, early_stopping=stopping)),
    ):
        assert np.isfinite(trainer.train(variant, data, (7, 8)).history["train_loss"][0]).all()


def test_arrays_that_do_not_pair_up_are_refused():
    data = Dataset("odd", "generated", {"x_train": np.zeros((3, 1)), "y_train": np.zeros((2, 1))})
    with pytest.raises(InvalidData, match="3 inputs and 2 targets"):
        trainer.train(REGRESSION, data, (0,))


def test_the_learning_rate_follows_its_schedule_as_in_fit(in_order):
    variant = replace(REGRESSION, optimizer=Adam(CosineDecay(peak=0.02, warmup=0.25)), epochs=8)
    schedule = keras.optimizers.schedules.CosineDecay(0.0, 42, warmup_target=0.02, warmup_steps=14)
    history = fitted(variant, cubic(), keras.optimizers.Adam(schedule))
    trained = trainer.train(variant, cubic(), (0,))
    assert_equal_weights(trained.models[0], history.model, 1e-5)


def test_a_seed_that_stopped_keeps_its_weights_while_others_train(monkeypatch):
    data = generate("ten_points_held_out", 0)
    variant = replace(STOPPING, epochs=60, early_stopping=EarlyStopping(patience=5))
    variant = replace(variant, keep_weights=True)
    for small in (backends.SMALL, 0):  # vectorised, and one after another
        monkeypatch.setattr(backends, "SMALL", small)
        trained = trainer.train(variant, data, (0, 1, 2))
        ends = np.isfinite(trained.history["val_loss"]).sum(axis=0)
        assert min(ends) < max(ends) <= max(trained.snapshots)
        for seed, end in enumerate(ends):
            last, stopped = (trained.snapshots[epoch][seed] for epoch in (max(ends), end))
            for one, other in zip(last, stopped, strict=True):
                np.testing.assert_array_equal(one, other)


def test_seeds_that_train_one_after_another_stop_each_on_its_own(monkeypatch):
    data = generate("ten_points_held_out", 0)
    variant = replace(STOPPING, epochs=200, early_stopping=EarlyStopping(patience=5), frames=5)
    together = trainer.train(variant, data, (0, 1, 2))
    monkeypatch.setattr(backends, "SMALL", 0)
    apart = trainer.train(variant, data, (0, 1, 2))
    assert len(set(np.isfinite(together.history["val_loss"]).sum(axis=0))) > 1
    for name, measures in together.history.items():
        np.testing.assert_allclose(apart.history[name], measures, rtol=1e-3)
    assert apart.snapshots.keys() == together.snapshots.keys()
