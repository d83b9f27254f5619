"""A version is served if it is what was registered: its hash, and its answer to the probe."""

import hashlib

import numpy as np
import onnx
import pytest

from ann_models import archives, datasets
from serving.errors import UnverifiedModel
from tests.support.promoted import network
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


def test_a_pickle_in_the_probe_is_not_opened(place, altered, tmp_path):
    np.savez(tmp_path / "evil.npz", image=np.array([print], dtype=object), allow_pickle=True)
    altered("probe.npz", (tmp_path / "evil.npz").read_bytes())
    with pytest.raises(UnverifiedModel, match="allow_pickle=False"):
        place.fetch()
