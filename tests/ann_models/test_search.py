"""What a search tries and is judged by: every end and choice is sound, no test example decides."""

from dataclasses import replace

import numpy as np
import pytest

from ann_models import datasets, networks
from ann_models.datasets import Dataset
from ann_models.derive import derive
from ann_models.errors import InvalidSetting
from ann_models.search import Choices, Interval, objective, parse_space, with_validation
from ann_models.training import train
from ann_models.variants import VARIANTS

ROW = VARIANTS["relu_regression_4"]


def test_intervals_and_choices_are_read():
    space = parse_space(
        ROW,
        [
            "optimizer.learning_rate=1e-4..1e-1:log",
            "layers.0.units=2..30",
            "layers.0.activation=relu,tanh",
            "dropout=0..0.5",
        ],
    )
    assert space == {
        "optimizer.learning_rate": Interval(1e-4, 0.1, is_whole=False, is_log=True),
        "layers.0.units": Interval(2, 30, is_whole=True, is_log=False),
        "layers.0.activation": Choices(("relu", "tanh")),
        "dropout": Interval(0, 0.5, is_whole=False, is_log=False),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learning_rate=1..2", "did you mean optimizer.learning_rate|did you mean"),
        ("layers.0.units=0..5", "units must be 1 to 100,000, not 0"),
        ("layers.0.units=1.5..5", "expected whole numbers"),
        ("layers.0.activation=relu,tan", "did you mean tanh"),
        ("layers.0.activation=relu", "two values or more"),
        ("epochs=5..2", "first number must be the smaller"),
        ("optimizer.learning_rate=0..1:log", "starts above 0"),
        ("epochs=a..b", "expected a number"),
        ("epochs", "expected key=lo..hi"),
        ("data.noise=0..1", "the data is what a search is judged by"),
    ],
)
def test_what_cannot_be_searched_is_refused(text, message):
    with pytest.raises(InvalidSetting, match=message):
        parse_space(ROW, [text])


def test_nothing_to_search_and_a_key_twice_are_refused():
    with pytest.raises(InvalidSetting, match="nothing to search"):
        parse_space(ROW, [])
    with pytest.raises(InvalidSetting, match="searched twice"):
        parse_space(ROW, ["epochs=1..2", "epochs=3..4"])


@pytest.mark.parametrize(
    ("name", "changes", "count"),
    [
        ("relu_regression_4", {}, 1000),
        ("linear_classification", {"data.size": "50"}, 50),
        ("overfit_base", {}, 3),
        ("xor_mlp", {}, 4),
        ("overfit_early_stopping", {}, 3),
    ],
)
def test_every_row_has_validation_examples_of_the_same_form(name, changes, count):
    variant = derive(VARIANTS[name], changes)
    variant, data, judged_by = with_validation(variant, datasets.generate(variant.data, 0))
    assert len(data.arrays["x_val"]) == len(data.arrays["y_val"]) == count
    assert data.arrays["x_val"].shape[1:] == data.arrays["x_train"].shape[1:]
    assert str(count) in judged_by or count == 4 or "1,000" in judged_by


def test_drawn_validation_points_are_none_of_the_training():
    _, data, _ = with_validation(ROW, datasets.generate(ROW.data, 0))
    assert not set(data.arrays["x_val"].ravel()) & set(data.arrays["x_train"].ravel())


def test_no_test_example_is_handed_to_a_search():
    arrays = {
        f"{xy}_{part}": np.zeros((4, 28, 28) if xy == "x" else 4, np.float32)
        for xy in "xy"
        for part in ("train", "val", "test")
    }
    variant = VARIANTS["mnist_ann"]
    _, data, _ = with_validation(variant, Dataset("digits", "mnist", arrays))
    assert not any(name.endswith("_test") for name in data.arrays)


@pytest.mark.parametrize("name", ["relu_regression_1", "linear_classification"])
def test_the_objective_is_the_loss_without_the_penalty(name):
    variant = replace(VARIANTS[name], epochs=2)
    variant, data, _ = with_validation(variant, datasets.generate(variant.data, 0))
    trained = train(variant, data, (0,))
    assert objective(variant, trained.models, data) == pytest.approx(
        float(trained.history["val_loss"][-1, 0]), rel=1e-4
    )
    penalised = derive(variant, {"penalty.strength": "10"})
    model = networks.build(penalised, data.arrays["x_train"].shape[1:], 0)
    model.set_weights(trained.models[0].get_weights())
    assert objective(variant, [model], data) == objective(variant, trained.models, data)


def test_validation_is_reported_after_each_chunk_and_may_end_the_training():
    variant, data, _ = with_validation(ROW, datasets.generate(ROW.data, 0))
    variant = replace(variant, epochs=20)
    seen: list[tuple[int, float]] = []

    def validated(epoch: int, loss: float) -> None:
        seen.append((epoch, loss))
        if len(seen) == 3:
            raise StopIteration

    with pytest.raises(StopIteration):
        train(variant, data, (0, 1), on_validation=validated)
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    assert all(np.isfinite(loss) for _, loss in seen)
