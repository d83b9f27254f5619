"""ONNX Runtime's answers: probabilities, a score where there is one, and what they take."""

import keras
import numpy as np
import pytest
from keras import layers

from ann_models.evaluation import predict
from ann_models.onnx.export import to_onnx
from ann_models.onnx.inference import (
    DIGIT_SCORE,
    LEAST_CONFIDENCE,
    least_confidence,
    milliseconds_per_image,
    predictor,
    scored_predictor,
)


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return np.random.default_rng(0).random((5, 28, 28), np.float32)


def dense(units: int = 10) -> keras.Sequential:
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [keras.Input((28, 28)), layers.Flatten(), layers.Dense(units, "softmax")]
    )


def test_one_image_takes_a_positive_time_within_its_budget(digits):
    assert 0 < milliseconds_per_image(to_onnx(dense()), digits[0], seconds=0.02) < 20


def test_one_digit_and_many_get_the_same_answer(digits):
    answer = predictor(to_onnx(dense()))
    np.testing.assert_allclose(answer(digits[:1])[0], answer(digits)[0], atol=1e-6)


def test_a_network_of_ten_classes_scores_every_picture_as_a_digit(digits):
    model = dense()
    probabilities, scores = scored_predictor(to_onnx(model))(digits)
    np.testing.assert_allclose(probabilities, predict(model, digits), atol=1e-6)
    np.testing.assert_array_equal(scores, 1)


def test_the_least_confidence_travels_in_the_metadata():
    assert least_confidence(to_onnx(dense(), 0.725), default=0.8) == 0.725
    assert least_confidence(to_onnx(dense()), default=0.8) == 0.8


def test_the_answers_are_the_probabilities_of_the_network(digits):
    answers = predictor(to_onnx(dense()))(digits)
    assert (answers.shape, answers.dtype) == ((5, 10), np.float32)
    np.testing.assert_allclose(answers, predict(dense(), digits), atol=1e-6)


def test_a_score_of_its_own_is_answered_beside_the_probabilities_of_the_ten_digits(digits):
    probabilities, scores = scored_predictor(to_onnx(dense(11)))(digits)
    outputs = predict(dense(11), digits)
    np.testing.assert_allclose(scores, 1 - outputs[:, 10], atol=1e-6)
    np.testing.assert_allclose(probabilities * scores[:, None], outputs[:, :10], atol=1e-6)
    np.testing.assert_allclose(predictor(to_onnx(dense(11)))(digits), probabilities)


def test_a_score_of_1_has_the_type_of_a_score(digits):
    _, scores = scored_predictor(to_onnx(dense()))(digits)
    assert (scores.shape, scores.dtype) == ((5,), np.float32)


def test_the_names_of_output_and_metadata_are_those_that_old_models_have():
    assert (DIGIT_SCORE, LEAST_CONFIDENCE) == ("digit_score", "least_confidence")


def test_the_time_of_an_image_is_that_of_the_fastest_call(digits, monkeypatch):
    clock = iter([0.0, 0.0, 0.004, 0.01, 0.012, 0.02, 0.05, 0.11])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    assert milliseconds_per_image(to_onnx(dense()), digits[0], 0.1) == pytest.approx(2)
