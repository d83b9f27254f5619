"""Between which numbers a setting lies, and what is said of others."""

from dataclasses import fields, replace

import pytest

from ann_models import entry
from ann_models.digits.augmentation import Augmentation
from ann_models.entry import SGD, Adam, CosineDecay, Dense, Distillation, Dropout, OtherHands
from ann_models.errors import InvalidSetting
from ann_models.limits import RANGES, Range, check, faults_of
from ann_models.variants import VARIANTS

ROW = VARIANTS["relu_regression_4"]


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=lambda variant: variant.name)
def test_every_network_of_the_lecture_lies_within(variant):
    assert not variant.layers or list(faults_of(variant)) == []


@pytest.mark.parametrize(
    ("given", "inside", "outside", "said"),
    [
        (Range(1, 5), [1, 3, 5], [0, 6], "1 to 5"),
        (Range(0, 1000, "low"), [1e-9, 1000], [0, -1, 1001], "more than 0 and at most 1,000"),
        (Range(0, 1, "high"), [0, 0.999], [1, -0.1], "0 or more and less than 1"),
        (Range(0, 0.5), [0, 0.5], [float("nan"), float("inf")], "0 to 0.5"),
    ],
)
def test_a_range_has_its_ends_where_they_are_not_excluded(given, inside, outside, said):
    assert all(value in given for value in inside)
    assert not any(value in given for value in outside)
    assert str(given) == said


def test_the_settings_have_these_ranges():
    share, million = "0 or more and less than 1", "1,000,000"
    assert {key: str(found) for key, found in RANGES.items()} == {
        "epochs": f"1 to {million}",
        "batch_size": f"1 to {million}",
        "seeds": "1 to 100",
        "train_size": f"10 to {million}",
        "frames": "0 to 1,000",
        "data.noise": f"0 to {million}",
        "optimizer.learning_rate": "more than 0 and at most 1,000",
        "optimizer.learning_rate.peak": "more than 0 and at most 1,000",
        "optimizer.learning_rate.warmup": share,
        "optimizer.momentum": share,
        "optimizer.weight_decay": "0 to 1,000",
        "penalty.strength": f"0 to {million}",
        "early_stopping.patience": f"1 to {million}",
        "augmentation.shift": "0 to 28",
        "augmentation.rotation": "0 to 180",
        "augmentation.scale": share,
        "augmentation.shear": "0 to 10",
        "augmentation.elastic_alpha": "0 to 1,000",
        "augmentation.elastic_sigma": "more than 0 and at most 28",
        "augmentation.thickness": "0 to 1",
        "augmentation.blur": "0 to 28",
        "augmentation.noise": "0 to 10",
        "distillation.copies": "1 to 1,000",
        "other_hands.generated": f"0 to {million}",
        "other_hands.copies": "0 to 1,000",
        "other_hands.non_digits": f"0 to {million}",
        "layers.units": "1 to 100,000",
        "layers.filters": "1 to 10,000",
        "layers.kernel": "1 to 28",
        "layers.strides": "1 to 28",
        "layers.size": "1 to 28",
        "layers.rate": share,
        "layers.momentum": share,
    }


def test_a_number_out_of_range_is_refused_with_its_key_and_the_range():
    check("epochs", 1)
    with pytest.raises(InvalidSetting, match=r"^epochs=0: expected 1 to 1,000,000\.$"):
        check("epochs", 0)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"seeds": 101}, "seeds=101: expected 1 to 100"),
        ({"batch_size": 0}, "batch_size=0: expected 1 to 1,000,000"),
        ({"frames": -1}, "frames=-1: expected 0 to 1,000"),
        ({"train_size": 9}, "train_size=9: expected 10 to 1,000,000"),
        (
            {"optimizer": Adam(-0.1)},
            "optimizer.learning_rate=-0.1: expected more than 0 and at most 1,000",
        ),
        (
            {"optimizer": Adam(CosineDecay(0.0))},
            "optimizer.learning_rate.peak=0.0: expected more than 0 and at most 1,000",
        ),
        (
            {"optimizer": SGD(momentum=1)},
            "optimizer.momentum=1: expected 0 or more and less than 1",
        ),
        (
            {"layers": (Dense(1), Dropout(1.5), Dense(1))},
            "layers.1.rate=1.5: expected 0 or more and less than 1",
        ),
        (
            {"other_hands": OtherHands(-1, 0, 0)},
            "other_hands.generated=-1: expected 0 to 1,000,000",
        ),
        (
            {"distillation": Distillation("teachers", 1, Augmentation(shift=99))},
            "augmentation.shift=99: expected 0 to 28",
        ),
    ],
)
def test_each_number_of_an_entry_is_checked(changes, fault):
    assert list(faults_of(replace(ROW, **changes))) == [fault]


@pytest.mark.parametrize(
    ("settings", "prefix"),
    [
        (Augmentation, "augmentation"),
        (entry.Adam, "optimizer"),
        (entry.SGD, "optimizer"),
        (entry.OtherHands, "other_hands"),
        (entry.EarlyStopping, "early_stopping"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_no_number_has_no_range(settings, prefix):
    assert {f"{prefix}.{f.name}" for f in fields(settings)} <= RANGES.keys()
