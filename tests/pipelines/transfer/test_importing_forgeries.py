"""A forged file is refused with the reason, and leaves nothing behind."""

import shutil

import numpy as np
import onnx
import pytest

from ann_models import archives
from pipelines.errors import WrongUse
from pipelines.transfer import bundle
from tests.support.two_stores import forged, of


def as_mnist(document, folder) -> None:
    document["versions"][0]["name"] = "mnist-digits"


def as_mnist_in_all_words(document, folder) -> None:
    as_mnist(document, folder)
    document["versions"][0]["tags"]["data"] = "mnist"
    document["run"]["tags"]["data_source"] = document["run"]["params"]["data_source"] = "mnist"
    document["run"]["inputs"][0]["source_type"] = "mnist"


def another_network(document, folder) -> None:
    path = next(folder.rglob("model.onnx"))
    path.write_bytes(path.read_bytes()[:-10])


def another_network_with_its_hash(document, folder) -> None:
    another_network(document, folder)
    path = next(folder.rglob("model.onnx"))
    document["versions"][0]["tags"]["onnx_sha256"] = bundle.sha256(path)


def code_to_load(document, folder) -> None:
    for path in folder.rglob("MLmodel"):
        known = "loader_module: pipelines.registry.pyfunc"
        path.write_text(path.read_text().replace(known, "loader_module: os"))


def code_in_the_artifact(document, folder) -> None:
    for path in folder.rglob("MLmodel"):
        path.write_text(path.read_text().replace("code: null", "code: code"))


def another_flavour(document, folder) -> None:
    """Of a library that unpickles its models."""
    for path in folder.rglob("MLmodel"):
        pickled = "flavors:\n  sklearn:\n    pickled_model: model.pkl\n"
        path.write_text(path.read_text().replace("flavors:\n", pickled))


def answers_nan(document, folder) -> None:
    """The same network with NaN weights, and the hash to go with it."""
    (path,) = folder.rglob("model.onnx")
    network = onnx.load(path)
    weights = max(network.graph.initializer, key=lambda weight: len(weight.raw_data))
    spoiled = onnx.numpy_helper.to_array(weights) * np.float32(np.nan)
    weights.CopyFrom(onnx.numpy_helper.from_array(spoiled, weights.name))
    onnx.save(network, path)
    document["versions"][0]["tags"]["onnx_sha256"] = bundle.sha256(path)


def another_keras(document, folder) -> None:
    for path in folder.rglob("keras_module.txt"):
        path.write_text("os")


def no_model(document, folder) -> None:
    shutil.rmtree(folder / "models")


def description(text: str):
    def change(document, folder) -> None:
        for path in folder.rglob("MLmodel"):
            path.write_text(text)

    return change


def lacking(path: str):
    def change(document, folder) -> None:
        for found in folder.rglob(path):
            found.unlink()

    return change


def rewritten(name: str, **changes):
    """An archive with other arrays; None leaves one out. Of a version without its hash."""

    def change(document, folder) -> None:
        (path,) = folder.rglob(f"{name}.npz")
        arrays = archives.read(path) | changes
        archives.write(path, {key: a for key, a in arrays.items() if a is not None})
        document["versions"][0]["tags"].pop(f"{name}_sha256", None)

    return change


def of_no_source(document, folder) -> None:
    document["versions"][0]["name"] = "another"
    del document["versions"][0]["tags"]["data"]
    del document["run"]["tags"]["data_source"], document["run"]["params"]["data_source"]
    document["run"]["inputs"] = []


def another_probe(document, folder) -> None:
    rewritten("probe", probabilities=np.full(10, 0.1))(document, folder)
    document["versions"][0]["tags"]["probe_sha256"] = "0" * 64


def of_model(index: int):
    def change(document, folder) -> None:
        document["versions"][0]["model"] = index

    return change


def running(document, folder) -> None:
    document["run"]["status"] = "RUNNING"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (as_mnist, "it is to be a version of mnist-digits, and was trained on: offline-digits"),
        (as_mnist_in_all_words, "validation.npz has not the shape (10000, 10)"),
        (another_network, "model.onnx of offline-digits/1 is not what its tag names"),
        (another_network_with_its_hash, "its model.onnx does not answer"),
        (code_to_load, "names code other than Keras's"),
        (code_in_the_artifact, "names code other than Keras's"),
        (another_flavour, "names code other than Keras's"),
        (answers_nan, "answers the probe digit otherwise, by nan"),
        (another_keras, "names code other than Keras's"),
        (no_model, "MLmodel"),
        (description("a: b: c"), "its MLmodel cannot be read"),
        (description(""), "its MLmodel cannot be read"),
        (description("- a"), "its MLmodel cannot be read"),
        (description("flavors: text"), "its MLmodel cannot be read"),
        (description("flavors: {keras: text}"), "its MLmodel names code other than"),
        (description("\0"), "its MLmodel cannot be read"),
        (lacking("model.onnx"), "model.onnx of offline-digits/1 is missing"),
        (lacking("probe.npz"), "probe.npz of offline-digits/1 is missing"),
        (rewritten("validation", probabilities=None), "validation.npz of offline-digits/1"),
        (rewritten("validation", labels=None), "validation.npz of offline-digits/1"),
        (rewritten("probe", image=None), "probe.npz of offline-digits/1"),
        (another_probe, "probe.npz of offline-digits/1 is not what its tag names"),
        (of_no_source, "it is to be a version of another"),
        (of("o'clock", "x"), "its question or entry is"),
        (of_model(2), "offline-digits/1 has no model"),
        (of_model(-1), "offline-digits/1 has no model"),
        (running, "its run is 'RUNNING', not ended"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_forgery_is_refused_and_leaves_nothing(file, target, tmp_path, change, why):
    forged(file, tmp_path / "forged.zip", change)
    with pytest.raises(WrongUse) as refused:
        target.bring_in(tmp_path / "forged.zip")
    assert why in str(refused.value)
    assert target.tracking.runs() == []
    assert target.client.search_registered_models() == []
