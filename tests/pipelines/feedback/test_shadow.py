"""The challenger answers what people sent, beside the champion."""

import itertools
import time

import numpy as np
import pytest

from ann_models import networks
from ann_models.onnx.export import to_onnx
from ann_models.onnx.inference import predictor
from ann_models.variants import VARIANTS
from pipelines.feedback.requests import Corrections, keys
from pipelines.feedback.shadow import WARM_UP, answers, observe
from tests.support.served import DIGITS

IMAGES = DIGITS["x_train"][:30]
NOBODY = Corrections(IMAGES[:0], np.array([], np.int32), np.array([]))


@pytest.fixture(scope="module")
def models() -> tuple[bytes, bytes]:
    """Two untrained networks with different weights."""
    first, second = (networks.build(VARIANTS["mnist_ann"], (28, 28), seed) for seed in (1, 2))
    return to_onnx(first), to_onnx(second)


def test_images_put_one_by_one_are_answered_as_in_a_batch(models):
    found = answers(models[0], IMAGES)
    np.testing.assert_array_equal(found.digits, predictor(models[0])(IMAGES).argmax(axis=1))
    assert len(found.milliseconds) == len(IMAGES) - WARM_UP
    assert (found.milliseconds > 0).all()


def test_a_model_agrees_with_itself_on_everything(models):
    seen, metrics = observe(models[0], models[0], IMAGES, {}, NOBODY)
    assert (seen.requests, seen.agreed) == (30, 30)
    assert metrics["shadow_agreement"] == 1
    assert {"shadow_challenger_ms", "shadow_champion_p99_ms"} <= metrics.keys()


def test_the_time_of_an_answer_is_in_milliseconds_by_its_median_and_99th_percentile(
    models, monkeypatch
):
    moments = (n * n / 1000 for n in itertools.count())  # each answer takes 4 ms longer
    monkeypatch.setattr(time, "perf_counter", lambda: next(moments))
    _, metrics = observe(*models, IMAGES, {}, NOBODY)
    mine, theirs = 4 * np.arange(5, 30) + 1, 4 * np.arange(35, 60) + 1
    for model, expected in (("challenger", mine), ("champion", theirs)):
        assert metrics[f"shadow_{model}_ms"] == pytest.approx(np.median(expected))
        assert metrics[f"shadow_{model}_p99_ms"] == pytest.approx(np.quantile(expected, 0.99))


def test_no_time_is_named_of_the_warm_up_alone(models):
    _, metrics = observe(*models, IMAGES[:WARM_UP], {}, NOBODY)
    assert not [name for name in metrics if name.endswith("_ms")]
    assert metrics["shadow_agreement"] <= 1


def test_agreement_counts_equal_answers(models):
    mine, theirs = (answers(model, IMAGES).digits for model in models)
    seen, _ = observe(*models, IMAGES, {}, NOBODY)
    assert seen.agreed == np.count_nonzero(mine == theirs) < 30


def test_where_a_person_named_the_digit_that_is_what_is_expected(models):
    mine = answers(models[0], IMAGES).digits
    known = {key: int(digit) for key, digit in zip(keys(IMAGES), mine, strict=True)}
    assert observe(*models, IMAGES, known, NOBODY)[0].agreed == 30


def test_held_out_corrections_compare_the_two(models):
    mine, theirs = (answers(model, IMAGES).digits for model in models)
    people = Corrections(IMAGES, mine, np.zeros(30))
    seen, metrics = observe(*models, IMAGES[:0], {}, people)
    assert seen.only_challenger_correct == np.count_nonzero(mine != theirs)
    assert seen.only_champion_correct == 0
    assert metrics["held_out_accuracy"] == 1
    assert metrics["champion_held_out_accuracy"] == np.mean(mine == theirs)


def test_without_traffic_there_is_nothing_to_say(models):
    seen, metrics = observe(*models, IMAGES[:0], {}, NOBODY)
    assert (seen.requests, seen.agreed) == (0, 0)
    assert metrics == {"shadow_images": 0, "held_out_corrections": 0}
