"""Temperature scaling finds the temperature by which a network is too sure."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from ann_models import networks
from ann_models.calibration import LEAST, MOST, calibrated, scaled, temperature
from ann_models.entry import ActivationLayer, BatchNormalization, Dense, Flatten, Variant
from ann_models.evaluation import cross_entropies, expected_calibration_error, predict

N = 20_000
IMAGES = np.random.default_rng(1).random((50, 28, 28), np.float32)
NETWORK = Variant(
    16, "network", "digits", "", "mnist", layers=(Flatten(), Dense(10, "softmax")), seeds=1
)
NORMALISED = replace(
    NETWORK, layers=(Flatten(), Dense(10), BatchNormalization(), ActivationLayer("softmax"))
)
COMMITTEE = Variant(
    16, "committee", "digits", "", "mnist", members=(NETWORK, replace(NETWORK, name="second"))
)


def an_honest_answer(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn from just the probabilities that they say."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (N, 10))
    cumulated = softmax(logits, axis=1).cumsum(axis=1)
    labels = (cumulated < rng.random((N, 1))).sum(axis=1).clip(0, 9)
    return logits, labels


@given(st.floats(0.3, 3.0))
@settings(max_examples=10, deadline=None)
def test_who_multiplies_honest_logits_gets_the_factor_back(factor):
    logits, labels = an_honest_answer()
    too_sure = softmax(logits * factor, axis=1)
    found = temperature([too_sure], labels)
    assert found == pytest.approx(factor, rel=0.05)
    assert expected_calibration_error(scaled(too_sure, found), labels) < 0.015


@pytest.mark.parametrize(("factor", "nearest"), [(0.01, LEAST), (100, MOST)])
def test_the_temperature_is_bounded(factor, nearest):
    logits, labels = an_honest_answer()
    found = temperature([softmax(logits[:500] * factor, axis=1)], labels[:500])
    assert found == pytest.approx(nearest, rel=0.02) and LEAST <= found <= MOST


def test_of_a_committee_the_mean_of_the_scaled_members_is_as_sure_as_it_may_be():
    logits, labels = (part[:2000] for part in an_honest_answer())
    honest, other = softmax(logits, axis=1), softmax(logits + 0.1 * logits[:, ::-1], axis=1)
    found = temperature([honest, other], labels)
    scores = {
        t: cross_entropies(np.mean([scaled(honest, t), scaled(other, t)], axis=0), labels).mean()
        for t in (0.9 * found, found, 1.1 * found)
    }
    assert min(scores, key=scores.get) == found


def test_a_network_that_does_not_know_all_classes_stays_as_it_is():
    model = networks.build(NETWORK, (28, 28), seed=0)
    labels = np.arange(len(IMAGES)) % 11
    assert calibrated(model, IMAGES, labels) == (model, 1.0)
    copy, _ = calibrated(model, IMAGES, labels % 10)
    assert copy is not model


def test_scaling_names_the_same_class_and_gives_probabilities():
    logits, _ = an_honest_answer()
    probabilities = softmax(logits, axis=1)
    for divisor in (0.5, 1.0, 4.0):
        answers = scaled(probabilities, divisor)
        assert (answers.argmax(axis=1) == probabilities.argmax(axis=1)).all()
        assert answers.sum(axis=1) == pytest.approx(1)


def test_a_probability_of_zero_is_no_obstacle():
    sure = np.eye(10, dtype=np.float32)[[3, 4]]
    assert np.isfinite(scaled(sure, 2.0)).all()


@pytest.mark.parametrize(
    "variant", [NETWORK, COMMITTEE, NORMALISED], ids=["network", "committee", "normalised_logits"]
)
def test_the_copy_answers_with_scaled_probabilities_and_the_model_stays_as_it_was(variant):
    model = networks.build(variant, (28, 28), seed=0)
    before = predict(model, IMAGES)
    labels = np.random.default_rng(2).integers(0, 10, len(IMAGES))
    copy, found = calibrated(model, IMAGES, labels)
    expected = [scaled(predict(member, IMAGES), found) for member in networks.members(model)]
    np.testing.assert_allclose(predict(copy, IMAGES), np.mean(expected, axis=0), atol=1e-6)
    np.testing.assert_array_equal(predict(model, IMAGES), before)
    assert isinstance(copy, keras.Model)


def test_without_a_single_error_the_answers_stay_as_sure_as_they_are():
    right = np.array([[0.6, 0.4], [0.1, 0.9]])
    assert temperature([right], np.array([0, 1])) == 1.0
