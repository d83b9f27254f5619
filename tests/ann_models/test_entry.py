"""What an entry says of itself: its settings as parameters, and itself shortened."""

from dataclasses import asdict, fields, replace

import pytest

from ann_models.digits.augmentation import Augmentation
from ann_models.entry import (
    SGD,
    Adam,
    BatchNormalization,
    Convolution,
    CosineDecay,
    Dense,
    Distillation,
    EarlyStopping,
    Flatten,
    MaxPooling,
    OtherHands,
    Penalty,
    Variant,
)
from ann_models.variants import VARIANTS

PLAIN = Variant(
    row=0, name="plain", question="neurons", look_at="A line.", study="s", layers=(Dense(1),)
)
every_variant = pytest.mark.parametrize("variant", VARIANTS.values(), ids=lambda v: v.name)


@every_variant
def test_settings_are_flat_and_short_enough_for_mlflow(variant):
    for name, value in variant.settings().items():
        assert isinstance(value, str | int | float)
        assert name.replace("_", "").isalnum()
        assert len(str(value)) <= 6000


@every_variant
def test_every_setting_of_an_entry_is_among_them(variant):
    no_settings = {"name", "question", "look_at", "derived_from", "changes"}
    given = {
        field.name: getattr(variant, field.name)
        for field in fields(variant)
        if field.name not in no_settings and getattr(variant, field.name) not in (None, ())
    }
    settings = variant.settings()
    for name, value in given.items():
        assert any(key == name or key.startswith(f"{name}_") for key in settings), name
        if isinstance(value, str | int | float):
            assert settings[name] == value


@pytest.mark.parametrize(
    "change",
    [
        {"layers": (Dense(2),)},
        {"layers": (Dense(1, "relu"),)},
        {"layers": (Dense(1, use_bias=False),)},
        {"layers": (Flatten(), BatchNormalization(), Dense(1))},
        {"loss": "binary_crossentropy"},
        {"optimizer": Adam(0.1)},
        {"optimizer": SGD(0.001)},
        {"optimizer": SGD(0.001, momentum=0.9)},
        {"optimizer": Adam(CosineDecay(0.01, warmup=0.1))},
        {"epochs": 3},
        {"batch_size": 64},
        {"train_size": 500},
        {"penalty": Penalty("l1", 0.1)},
        {"penalty": Penalty("l2", 0.1)},
        {"early_stopping": EarlyStopping(10)},
        {"data": "xor"},
        {"keep_weights": True},
    ],
    ids=str,
)
def test_two_entries_that_train_differently_have_different_settings(change):
    assert replace(PLAIN, **change).settings() != PLAIN.settings()


def test_a_network_is_described_layer_by_layer():
    variant = replace(PLAIN, layers=(Flatten(), Dense(100, "relu"), Dense(10, "softmax")))
    assert variant.settings()["layers"] == "Flatten → Dense 100 relu True → Dense 10 softmax True"


def test_nested_settings_are_named_by_their_path():
    variant = replace(PLAIN, optimizer=Adam(CosineDecay(0.01)), penalty=Penalty("l2", 0.5))
    settings = variant.settings()
    assert settings["optimizer"] == "Adam"
    assert settings["optimizer_learning_rate_peak"] == 0.01
    assert (settings["penalty_norm"], settings["penalty_strength"]) == ("l2", 0.5)


def test_what_is_not_used_is_not_told():
    assert not {"penalty", "early_stopping", "train_size"} & PLAIN.settings().keys()


@every_variant
def test_a_quick_look_is_the_same_row_and_shorter(variant):
    short = variant.shortened()
    same = ("row", "name", "question", "study", "data", "layers", "loss", "optimizer", "penalty")
    assert all(getattr(short, name) == getattr(variant, name) for name in same)
    assert 1 <= short.seeds <= min(variant.seeds, 2)
    assert short.epochs <= variant.epochs
    assert short.epochs <= 50 or not variant.layers
    assert (short.train_size is not None) is (variant.data == "digits")
    assert (short.train_size or 0) <= min(variant.train_size or 2000, 2000)


@every_variant
def test_a_quick_look_at_a_network_trains_at_least_one_epoch(variant):
    assert not variant.layers or variant.shortened().epochs >= 1


def test_where_nothing_else_is_said_optimizers_and_layers_have_kerass_values():
    assert (Adam().learning_rate, Adam().weight_decay) == (0.001, 0)
    assert (SGD().learning_rate, SGD().momentum) == (0.01, 0)
    assert (BatchNormalization().momentum, MaxPooling().size) == (0.99, 2)


def test_where_nothing_else_is_said_a_convolution_sees_the_neighbours_of_every_pixel():
    assert (Convolution(8).kernel, Convolution(8).strides) == (3, 1)


def test_where_nothing_else_is_said_a_row_is_trained_once_without_an_animation():
    assert (PLAIN.seeds, PLAIN.frames, PLAIN.keep_weights, PLAIN.registered) == (1, 0, False, False)
    assert PLAIN.optimizer == Adam()


@pytest.mark.parametrize(("epochs", "short"), [(5000, 50), (199, 1), (99, 1), (0, 1)])
def test_a_quick_look_has_a_hundredth_of_the_epochs(epochs, short):
    assert replace(PLAIN, epochs=epochs).shortened().epochs == short
    assert replace(PLAIN, epochs=epochs, layers=()).shortened().epochs == epochs


@pytest.mark.parametrize(("size", "generated", "non_digits"), [(None, 496, 248), (400, 100, 50)])
def test_a_quick_look_generates_few_pictures_of_other_hands(size, generated, non_digits):
    variant = replace(PLAIN, data="digits", train_size=size, other_hands=OtherHands(9999, 9, 9999))
    assert variant.shortened().other_hands == OtherHands(generated, 0, non_digits)
    assert PLAIN.shortened().other_hands is None


def test_the_committee_of_a_seed_is_formed_by_the_networks_of_all_other_seeds():
    members = (PLAIN, replace(PLAIN, name="other"))
    seats = replace(PLAIN, members=members, seeds=3).seats(1)
    assert [(member.name, seed) for member, seed in seats] == [
        *(("plain_0", 0), ("plain_2", 2)),
        *(("other_0", 0), ("other_2", 2)),
    ]
    (alone,) = replace(PLAIN, members=(PLAIN,)).seats(0)
    assert (alone[0].name, alone[1]) == ("plain_0", 0)


def test_an_entry_depends_on_its_members_and_on_its_teacher():
    learned = Distillation("teacher", 2, Augmentation())
    assert PLAIN.depends_on == []
    assert replace(PLAIN, members=(PLAIN,)).depends_on == ["plain"]
    assert replace(PLAIN, distillation=learned).depends_on == ["teacher"]
    assert replace(PLAIN, members=(PLAIN,), distillation=learned).depends_on == ["plain", "teacher"]


@pytest.mark.parametrize(
    ("change", "has_networks", "has_images"),
    [
        ({}, True, False),
        ({"layers": ()}, False, False),
        ({"layers": (), "members": (PLAIN,)}, True, False),
        ({"data": "digits"}, True, True),
        ({"data": "images:letters=a"}, True, True),
        ({"data": "points:a.csv"}, True, False),
    ],
    ids=str,
)
def test_an_entry_says_whether_it_has_networks_and_pictures(change, has_networks, has_images):
    variant = replace(PLAIN, **change)
    assert (variant.has_networks, variant.has_images) == (has_networks, has_images)


@pytest.mark.parametrize(
    ("change", "distorted"),
    [
        ({}, "none"),
        ({"augmentation": Augmentation(shift=1.0)}, "distorted"),
        ({"distillation": Distillation("teacher", 2, Augmentation())}, "distorted"),
    ],
    ids=str,
)
def test_the_settings_say_whether_the_pictures_are_distorted(change, distorted):
    settings = replace(PLAIN, **change).settings()
    assert settings["augmentation"] == distorted
    assert "members" not in settings
    assert replace(PLAIN, members=(PLAIN, PLAIN)).settings()["members"] == "plain, plain"


def test_an_entry_cannot_be_changed_by_mistake():
    with pytest.raises(AttributeError):
        PLAIN.epochs = 3  # type: ignore[misc]
    assert asdict(PLAIN)["epochs"] == 0
