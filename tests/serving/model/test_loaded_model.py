"""A version is served if it is what was registered: its hash, and its answer to the probe."""

import hashlib
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from ann_models import archives, datasets
from serving.errors import UnverifiedModel
from serving.model import loaded_model
from serving.model.loaded_model import LoadedModel
from serving.model.uncertainty import SURE
from tests.support.promoted import network
from tests.support.small_service import put_copy
from tests.support.workplace import NAME

DIGITS = datasets.digits("offline-digits")
IMAGES = DIGITS.arrays["x_test"][:20]


def test_the_champion_answers_as_the_keras_model_does(place):
    champion = place.fetch()
    np.testing.assert_allclose(champion.predict(IMAGES), network(seed=1)(IMAGES), atol=1e-5)
    assert (champion.name, champion.version, champion.alias) == (NAME, "1", "champion")
    assert champion.data == "offline-digits"
    assert champion.run_id == place.registry.version(NAME, "1").run_id
    assert champion.registry_error is None


def loaded(home, **more) -> LoadedModel:
    put_copy(home, "3", seed=1, **more)
    return loaded_model.load(home, "mnist-digits", "3", "champion")


def test_it_has_the_classes_and_the_least_confidence_that_its_metadata_name(tmp_path):
    digits, letters = loaded(tmp_path / "digits"), loaded(tmp_path / "letters", labels=["a", "b"])
    assert (digits.classes, digits.labels, digits.least_confidence) == (10, (), SURE)
    assert (letters.classes, letters.labels) == (2, ("a", "b"))
    path = put_copy(tmp_path / "strict", "3", seed=1) / "model.onnx"
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"least_confidence": "0.75"})
    registered(path, model.SerializeToString())
    strict = loaded_model.load(tmp_path / "strict", "mnist-digits", "3", "champion")
    assert strict.least_confidence == 0.75


def registered(path, content: bytes) -> None:
    """Let a copy's file have been registered with this content."""
    path.write_bytes(content)
    manifest = path.with_name("version.json")
    sha256 = {"onnx_sha256": hashlib.sha256(content).hexdigest()}
    manifest.write_text(json.dumps(json.loads(manifest.read_bytes()) | sha256))


def test_it_answers_on_one_thread_because_workers_share_the_processors(tmp_path):
    options = loaded(tmp_path).session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


def test_without_an_output_for_it_every_picture_is_one_digit(tmp_path):
    answers = loaded(tmp_path).answer(IMAGES)
    assert answers.probabilities.shape == (len(IMAGES), 10)
    np.testing.assert_array_equal(answers.digit_scores, np.ones(len(IMAGES)))


class TwoOutputs:
    """In place of ONNX Runtime: a model that scores whether a picture is one digit, too."""

    def get_outputs(self):
        return [SimpleNamespace(name="probabilities"), SimpleNamespace(name="digit_scores")]

    def run(self, names, inputs):
        count = len(inputs["images"])
        found = {"probabilities": np.full((count, 10), 0.1), "digit_scores": np.full(count, 0.25)}
        return [found[name] for name in names]


def test_the_scores_that_a_model_gives_are_the_answers(tmp_path):
    answers = replace(loaded(tmp_path), session=TwoOutputs()).answer(IMAGES)
    np.testing.assert_array_equal(answers.digit_scores, np.full(len(IMAGES), 0.25))
    np.testing.assert_array_equal(answers.probabilities, np.full((len(IMAGES), 10), 0.1))


def test_what_served_last_is_loaded_with_the_reason_why_it_is_not_confirmed(tmp_path):
    assert loaded_model.load_last_known_good(tmp_path, "mnist-digits", "champion") is None
    put_copy(tmp_path, "3", seed=1)
    found = loaded_model.load_last_known_good(tmp_path, "mnist-digits", "champion", "no network")
    assert found is not None
    assert (found.version, found.alias, found.registry_error) == ("3", "champion", "no network")


# What is not served


def other_model(name: str = "images") -> bytes:
    """A valid ONNX model that is not the registered one."""
    images = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", 28, 28])
    answer = onnx.helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, ["N", 28])
    node = onnx.helper.make_node("ReduceMean", [name], ["probabilities"], axes=[2], keepdims=0)
    graph = onnx.helper.make_graph([node], "other", [images], [answer])
    opset = [onnx.helper.make_opsetid("", 13)]
    return onnx.helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def test_a_file_that_is_not_the_registered_one_is_refused_and_nothing_is_last_good(place, altered):
    altered("model.onnx", other_model())
    with pytest.raises(UnverifiedModel, match=r"not have the SHA-256.*`ann models rollback`"):
        place.fetch()
    assert not (place.copy.parent / "last_good_champion").exists()


@pytest.mark.parametrize("content", [other_model(), other_model("picture"), b"not an ONNX file"])
def test_a_registered_file_that_is_no_digit_classifier_is_refused(place, altered, content):
    altered("model.onnx", content)
    digest = hashlib.sha256(content).hexdigest()
    place.registry.client.set_model_version_tag(NAME, "1", "onnx_sha256", digest)
    with pytest.raises(UnverifiedModel):
        place.fetch()


@pytest.mark.parametrize("wrong", [0.001, np.nan])
def test_a_wrong_answer_to_the_probe_digit_is_refused(place, altered, tmp_path, wrong):
    probe = archives.read(place.artifact("probe.npz"))
    archives.write(
        tmp_path / "wrong.npz", probe | {"probabilities": probe["probabilities"] + wrong}
    )
    altered("probe.npz", (tmp_path / "wrong.npz").read_bytes())
    with pytest.raises(UnverifiedModel, match="answer to the probe digit is off by"):
        place.fetch()


def test_another_processor_may_answer_the_probe_digit_a_little_differently(tmp_path):
    probe = put_copy(tmp_path, "3", seed=1) / "probe.npz"
    found = archives.read(probe)
    archives.write(probe, found | {"probabilities": found["probabilities"] + 5e-5})
    assert loaded_model.load(tmp_path, "mnist-digits", "3", "champion").version == "3"


def test_weights_that_are_not_those_of_the_model_are_refused(tmp_path):
    """They would explain the answers of another network."""
    copy = put_copy(tmp_path, "3", seed=1)
    shapes = {"kernel": (784, 5), "bias": (5,), "outgoing": (5, 10), "outgoing_bias": (10,)}
    archives.write(copy / "hidden_layer.npz", {n: np.ones(s, "f4") for n, s in shapes.items()})
    with pytest.raises(UnverifiedModel, match="answer to the probe digit is off by"):
        loaded_model.load(tmp_path, "mnist-digits", "3", "champion")


def test_a_pickle_in_the_probe_is_not_opened(place, altered, tmp_path):
    np.savez(tmp_path / "evil.npz", image=np.array([print], dtype=object), allow_pickle=True)
    altered("probe.npz", (tmp_path / "evil.npz").read_bytes())
    with pytest.raises(UnverifiedModel, match="allow_pickle=False"):
        place.fetch()
