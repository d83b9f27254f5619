"""A trained network becomes what is registered: calibrated, in ONNX, measured on unseen digits."""

import keras
import numpy as np
import pytest

from ann_models.datasets import Dataset
from ann_models.digits.corruptions import CORRUPTIONS, corrupted
from ann_models.digits.people import held_out
from ann_models.onnx.inference import predictor
from pipelines.flows import candidate as module
from pipelines.flows.candidate import evaluate_candidate
from pipelines.registry.model_artifact import EXAMPLES, ModelArtifact
from tests.support.registry_bench import DIGITS, nearest_mean

IMAGES, LABELS = DIGITS.arrays["x_val"], DIGITS.arrays["y_val"]
CLASSES = ("round", "straight", "both")


def three_shapes(**changed: np.ndarray) -> Dataset:
    """An image data set of one's own, of three classes."""
    few = {name: DIGITS.arrays[name][:250] for name in ("x_train", "x_val")}
    labels = {f"y{name[1:]}": np.arange(250, dtype=np.int32) % 3 for name in few}
    return Dataset("shapes", "shapes", few | labels | {"classes": np.array(CLASSES)} | changed)


def linear(classes: int = 3, bias: float = 0.0) -> keras.Sequential:
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Flatten(), keras.layers.Dense(classes, "softmax")]
    model = keras.Sequential([keras.Input((28, 28)), *layers])
    weights, biases = model.get_weights()
    model.set_weights([weights, biases + bias])
    return model


@pytest.fixture(scope="module")
def network() -> keras.Sequential:
    return nearest_mean(1000)


@pytest.fixture(scope="module")
def artifact(network) -> ModelArtifact:
    return evaluate_candidate(network, DIGITS)


def test_its_answers_are_those_of_the_onnx_form_to_every_validation_picture(artifact):
    found = artifact.candidate
    expected = predictor(artifact.onnx_bytes)(IMAGES)
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
    np.testing.assert_array_equal(found.labels, LABELS)
    assert found.correct.mean() > 0.8


def test_both_forms_are_calibrated_and_agree(artifact, network):
    answers = artifact.model(IMAGES).numpy()
    np.testing.assert_allclose(artifact.candidate.probabilities, answers, atol=1e-5)
    assert 0 <= artifact.candidate.onnx_difference < 1e-5
    assert artifact.temperature != 1
    assert np.abs(answers - network(IMAGES).numpy()).max() > 0.01


def test_it_records_the_digits_that_it_was_trained_and_judged_with(artifact):
    found = artifact.candidate
    judged = Dataset(DIGITS.name, DIGITS.source, {"x_val": IMAGES, "y_val": LABELS})
    assert found.data_source == "offline-digits"
    assert found.validation_digest == judged.digest
    assert artifact.data_digest == DIGITS.digest != judged.digest
    np.testing.assert_array_equal(artifact.images, IMAGES[:EXAMPLES])


def test_a_network_of_digits_is_asked_for_other_peoples_handwriting(artifact):
    people, others = artifact.candidate.people, held_out()
    assert people.digest == others.digest
    assert people.correct.shape == people.marked.shape == others.labels.shape
    assert people.marked_non_digits.shape == (len(others.non_digits),)
    answers = predictor(artifact.onnx_bytes)(others.images).argmax(axis=1)
    np.testing.assert_array_equal(people.correct, answers == others.labels)
    assert artifact.candidate.classes == 10


def test_its_accuracy_is_measured_under_each_corruption_of_the_first_pictures(monkeypatch):
    monkeypatch.setattr(module, "CORRUPTED_DIGITS", 40)
    data = three_shapes()
    artifact = evaluate_candidate(linear(), data, temperature=1.0)
    robustness = artifact.candidate.robustness
    assert robustness.keys() == set(CORRUPTIONS)
    images, labels = data.arrays["x_val"][:40], data.arrays["y_val"][:40]
    for name, share in robustness.items():
        answers = predictor(artifact.onnx_bytes)(corrupted(images, name)).argmax(axis=1)
        assert share == pytest.approx(np.mean(answers == labels))


def test_an_image_data_set_has_its_own_classes_and_no_handwriting():
    found = evaluate_candidate(linear(), three_shapes(), temperature=1.0).candidate
    assert found.classes == len(CLASSES)
    assert found.people is None
    assert found.probabilities.shape == (250, 3)


def test_a_temperature_that_is_given_is_used_and_the_network_stays_as_it_is():
    model = linear()
    before = model(IMAGES).numpy()
    artifact = evaluate_candidate(model, three_shapes(), temperature=2.0)
    assert artifact.temperature == 2.0
    cooler = np.sqrt(before[:250])
    expected = cooler / cooler.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(artifact.candidate.probabilities, expected, atol=1e-5)
    np.testing.assert_array_equal(model(IMAGES).numpy(), before)


@pytest.mark.parametrize(("bias", "finite"), [(0.0, True), (np.inf, False), (np.nan, False)])
def test_one_weight_that_is_no_finite_number_is_noticed(bias, finite):
    found = evaluate_candidate(linear(bias=bias), three_shapes(), temperature=1.0).candidate
    assert found.weights_finite is finite


def test_the_forms_are_compared_on_the_first_thousand_pictures(monkeypatch):
    compared = []

    def difference(model, onnx_bytes, images):
        compared.append(images)
        return 0.25

    monkeypatch.setattr(module, "largest_difference", difference)
    monkeypatch.setattr(module, "COMPARED_DIGITS", 7)
    data = three_shapes()
    found = evaluate_candidate(linear(), data, temperature=1.0).candidate
    assert found.onnx_difference == 0.25
    np.testing.assert_array_equal(compared, [data.arrays["x_val"][:7]])


def test_the_time_is_of_one_picture(monkeypatch):
    timed = []
    monkeypatch.setattr(
        module, "milliseconds_per_image", lambda onnx_bytes, image: timed.append(image) or 0.5
    )
    data = three_shapes()
    assert evaluate_candidate(linear(), data, temperature=1.0).candidate.onnx_ms == 0.5
    np.testing.assert_array_equal(timed, data.arrays["x_val"][:1])
