"""The folder of a version: both forms of the network, and what the gate and serving need."""

import importlib.metadata
import json

import keras
import numpy as np
import pytest

from ann_models import archives
from pipelines.registry.model_artifact import hidden_layer
from tests.support.registry_bench import (
    DIGITS,
    GOOD,
    NAME,
    calibrated_nearest_mean,
    nearest_mean,
)


def test_a_version_carries_everything_that_the_gate_and_serving_need(empty, tmp_path):
    version = empty.register(nearest_mean(GOOD), with_people=True)
    assert (version.name, version.number, version.run_id) == (NAME, "1", empty.run_id)
    (folder,) = (tmp_path / "artifacts" / "models").glob("*/artifacts")
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files >= {
        "MLmodel",
        "requirements.txt",
        "data/model.keras",
        "model.onnx",
        "validation.npz",
        "probe.npz",
        "people.npz",
    }
    assert not [file for file in files if file.endswith((".pkl", ".pickle", ".h5"))]
    validation = archives.read(folder / "validation.npz")
    assert validation["probabilities"].shape == (300, 10)
    np.testing.assert_array_equal(validation["labels"], DIGITS.arrays["y_val"])
    probe = archives.read(folder / "probe.npz")
    np.testing.assert_array_equal(probe["image"], DIGITS.arrays["x_val"][0])
    np.testing.assert_array_equal(probe["probabilities"], validation["probabilities"][0])
    people = archives.read(folder / "people.npz")
    assert people.keys() == {"correct", "marked", "marked_non_digits"}  # their digest is a tag
    assert "hidden_layer.npz" not in files
    installed = importlib.metadata.version("onnxruntime")
    assert f"onnxruntime=={installed}" in (folder / "requirements.txt").read_text().split()

    tags = empty[1].tags
    assert tags == version.tags
    assert tags["data"] == "offline-digits"
    assert tags["data_digest"] == DIGITS.digest
    assert (tags["variant"], tags["seed"], tags["git_commit"]) == ("nearest_mean", "3", "c0ffee")
    assert len(tags["onnx_sha256"]) == len(tags["keras_sha256"]) == 64


def test_mlflows_own_loaders_read_both_forms(three):
    import mlflow.keras
    import mlflow.pyfunc

    folder = three.client.get_model_version_download_uri(NAME, "1")
    model, images = calibrated_nearest_mean(GOOD), DIGITS.arrays["x_val"][:5]
    loaded = mlflow.pyfunc.load_model(folder)
    np.testing.assert_allclose(loaded.predict(images)["probabilities"], model(images), atol=1e-5)
    (entered,), (returned,) = loaded.metadata.signature.inputs, loaded.metadata.signature.outputs
    assert (entered.shape, returned.shape) == ((-1, 28, 28), (-1, 10))
    assert entered.type == returned.type == np.float32
    session = loaded.metadata.flavors["onnx"]["onnx_session_options"]
    assert session == {"intra_op_num_threads": 1, "inter_op_num_threads": 1}
    assert loaded.input_example["images"].shape == (2, 28, 28)
    np.testing.assert_allclose(
        mlflow.keras.load_model(folder)(images), model(images), rtol=1e-4, atol=1e-7
    )


def test_the_run_and_the_models_that_it_made_name_each_other(three):
    outputs = three.client.get_run(three[1].run_id).outputs.model_outputs
    logged = [three.client.get_logged_model(output.model_id) for output in outputs]
    assert {model.status for model in logged} == {"READY"}
    assert {model.source_run_id for model in logged} == {three[1].run_id}
    versions = [json.loads(model.tags["mlflow.modelVersions"]) for model in logged]
    assert sorted(version["version"] for (version,) in versions) == ["1", "2", "3"]


def network(*layers: keras.layers.Layer) -> keras.Sequential:
    return keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), *layers])


def test_the_weights_of_one_hidden_layer_explain_its_answers():
    model = network(
        keras.layers.Dense(5, "relu"), keras.layers.Dropout(0.5), keras.layers.Dense(10, "softmax")
    )
    found = hidden_layer(model)
    assert list(found) == ["kernel", "bias", "outgoing", "outgoing_bias"]
    for kept, weight in zip(found.values(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, weight)


@pytest.mark.parametrize(
    "layers",
    [
        [keras.layers.Dense(10, "softmax")],
        [keras.layers.Dense(5, "tanh"), keras.layers.Dense(10, "softmax")],
        [keras.layers.Dense(5, "relu"), keras.layers.Dense(10, "sigmoid")],
        [keras.layers.Dense(5, "relu", use_bias=False), keras.layers.Dense(10, "softmax")],
        [keras.layers.Dense(5, "relu"), keras.layers.Dense(10, "softmax", use_bias=False)],
        [keras.layers.Dense(5, "relu")] * 2 + [keras.layers.Dense(10, "softmax")],
    ],
    ids=["none", "tanh", "sigmoid", "no first bias", "no second bias", "two"],
)
def test_any_other_network_has_no_such_weights(layers):
    configs = [layer.get_config() | {"name": f"layer_{i}"} for i, layer in enumerate(layers)]
    copies = [keras.layers.Dense.from_config(config) for config in configs]
    assert hidden_layer(network(*copies)) == {}
