"""Committees answer with their members' mean; students learn from what they say."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from ann_models import networks
from ann_models.committee import assemble, distilled
from ann_models.datasets import Dataset, digits
from ann_models.digits.augmentation import Augmentation
from ann_models.entry import Dense, Distillation, Flatten, Variant
from ann_models.errors import InvalidData
from ann_models.evaluation import accuracy, predict
from ann_models.training.result import Training
from ann_models.training.trainer import train

SHAPE = (28, 28)
FIRST = Variant(
    16, "first", "accuracy", "", "mnist", layers=(Flatten(), Dense(10, "softmax")), seeds=2
)
SECOND = replace(FIRST, name="second", layers=(Flatten(), Dense(5, "relu"), Dense(10, "softmax")))
COMMITTEE = Variant(16, "both", "accuracy", "", "mnist", members=(FIRST, SECOND), seeds=2)
STILL = Augmentation()
MOVED = Augmentation(shift=2.0)
DIGITS = digits("offline-digits")


def untrained(variant: Variant, seconds: float = 1.0) -> Training:
    seeds = tuple(range(variant.seeds))
    models = [networks.build(variant, SHAPE, seed + 7) for seed in seeds]
    return Training(models, seeds, {}, seconds)


def test_the_committee_of_a_seed_is_the_mean_of_all_other_seeds_networks():
    first, second = (untrained(replace(v, seeds=3), s) for v, s in ((FIRST, 2.0), (SECOND, 3.0)))
    both = assemble(replace(COMMITTEE, seeds=3), [first, second], SHAPE)
    images = DIGITS.arrays["x_val"][:20]
    for seed in both.seeds:
        others = [other for other in both.seeds if other != seed]
        expected = [predict(t.models[s], images) for t in (first, second) for s in others]
        found = predict(both.models[seed], images)
        np.testing.assert_allclose(found, np.mean(expected, axis=0), atol=1e-6)
    assert both.seconds == 5.0


def test_with_one_seed_the_committee_has_just_that():
    both = assemble(replace(COMMITTEE, seeds=1), [untrained(FIRST), untrained(SECOND)], SHAPE)
    assert len(networks.members(both.models[0])) == 2


def test_a_committee_survives_the_disk(tmp_path):
    both = assemble(COMMITTEE, [untrained(FIRST), untrained(SECOND)], SHAPE)
    both.save(tmp_path / "training.npz")
    restored = Training.load(tmp_path / "training.npz", COMMITTEE, SHAPE)
    assert restored.weights_sha256 == both.weights_sha256


def test_a_member_with_too_few_seeds_is_named():
    few = untrained(replace(SECOND, seeds=1))
    with pytest.raises(InvalidData, match=r"both needs 2 seeds of second; seeds \[1\] were not"):
        assemble(COMMITTEE, [untrained(FIRST), few], SHAPE)


def distillation_set(augmentation: Augmentation, copies: int = 2) -> Dataset:
    return distilled(DIGITS, untrained(FIRST), Distillation("first", copies, augmentation))


def test_a_distillation_set_holds_versions_of_the_training_digits_with_the_teachers_answers():
    teacher, found = untrained(FIRST), distillation_set(STILL)
    originals = DIGITS.arrays["x_train"]
    assert found.arrays["x_train"].dtype == np.uint8
    assert len(found.arrays["x_train"]) == 2 * len(originals)
    seen = found.arrays["x_train"][: len(originals)] / np.float32(255)
    np.testing.assert_allclose(seen, originals, atol=0.5 / 255 + 1e-6)
    expected = np.mean([predict(model, seen) for model in teacher.models], axis=0)
    np.testing.assert_allclose(found.arrays["y_train"][: len(originals)], expected, atol=1e-6)
    assert found.source == DIGITS.source


def test_each_version_is_distorted_differently_and_the_same_in_every_call():
    once, again = distillation_set(MOVED), distillation_set(MOVED)
    assert once.digest == again.digest
    first, second = np.split(once.arrays["x_train"], 2)
    assert (first != second).any(axis=(1, 2)).all()


def test_a_distillation_set_holds_no_test_digit():
    assert not any(name.endswith("_test") for name in distillation_set(STILL).arrays)


def test_a_student_learns_what_its_teacher_knows():
    teacher_variant = replace(FIRST, loss="sparse_categorical_crossentropy", epochs=20, seeds=1)
    teacher = train(teacher_variant, DIGITS, (0,))
    found = distilled(DIGITS, teacher, Distillation("first", 3, MOVED))
    student_variant = replace(SECOND, layers=(*FIRST.layers,), loss="categorical_crossentropy")
    student = train(replace(student_variant, epochs=20), found, (1,))
    images, labels = DIGITS.arrays["x_val"], DIGITS.arrays["y_val"]
    assert accuracy(predict(teacher.models[0], images), labels) > 0.9
    assert accuracy(predict(student.models[0], images), labels) > 0.85
    assert student.history["val_accuracy"][-1, 0] == pytest.approx(
        accuracy(predict(student.models[0], images), labels)
    )
    assert isinstance(student.models[0], keras.Sequential)
