"""What serving downloads, what it refuses to serve, and what an unavailable registry changes."""

import hashlib
import json
import shutil
import socket
import sys
import time
from pathlib import Path
from subprocess import run

import numpy as np
import onnx
import pytest

from ann_models import archives, datasets
from pipelines.registry.client import Registry
from serving.errors import NoChampion, RegistryUnavailable, ServingError, UnverifiedModel
from serving.model.download import fetch
from serving.model.loaded_model import LoadedModel
from tests.support.promoted import network, register

NAME = "offline-digits"
DIGITS = datasets.digits("offline-digits")
IMAGES = DIGITS.arrays["x_test"][:20]


class Workplace:
    """A store with two registered versions of which the first is champion, and a state folder."""

    def __init__(self, store: Path, home: Path) -> None:
        self.store = store
        self.home = home
        self.uri = f"sqlite:///{store / 'mlflow.db'}"
        self.registry = Registry(self.uri, store)

    def fetch(self, alias: str = "champion") -> LoadedModel:
        return fetch(self.uri, NAME, alias, self.home)

    @property
    def copy(self) -> Path:
        return self.home / "served" / NAME / "1"

    def artifact(self, file: str) -> Path:
        client = self.registry.client
        return Path(client.get_model_version_download_uri(NAME, "1"), file)


@pytest.fixture(scope="module")
def registered(tmp_path_factory) -> Path:
    store = tmp_path_factory.mktemp("store")
    registry = register(store)
    registry.promote(registry.version(NAME, "1"), "for the tests")
    return store


@pytest.fixture
def place(registered, tmp_path) -> Workplace:
    """Its artifacts are the originals: a test that alters one uses `altered`."""
    store = tmp_path / "store"
    store.mkdir()
    shutil.copy(registered / "mlflow.db", store)
    return Workplace(store, tmp_path / "home")


@pytest.fixture
def altered(place):
    """Replace a registered file for the length of a test."""
    originals = {}

    def alter(file: str, content: bytes) -> None:
        path = place.artifact(file)
        originals[path] = path.read_bytes()
        path.write_bytes(content)

    yield alter
    for path, content in originals.items():
        path.write_bytes(content)


# From the registry


def test_the_champion_answers_as_the_keras_model_does(place):
    champion = place.fetch()
    np.testing.assert_allclose(champion.predict(IMAGES), network(seed=1)(IMAGES), atol=1e-5)
    assert (champion.name, champion.version, champion.alias) == (NAME, "1", "champion")
    assert champion.data == "offline-digits"
    assert champion.run_id == place.registry.version(NAME, "1").run_id
    assert champion.registry_error is None


def test_the_copy_lies_in_the_state_folder(place):
    place.fetch()
    assert sorted(path.name for path in place.copy.iterdir()) == [
        "model.onnx",
        "probe.npz",
        "version.json",
    ]
    assert (place.copy.parent / "last_good_champion").read_text() == "1"


def test_a_version_that_is_here_already_is_not_downloaded_again(place):
    place.fetch()
    written = (place.copy / "model.onnx").stat().st_mtime_ns
    place.fetch()
    assert (place.copy / "model.onnx").stat().st_mtime_ns == written


def test_a_moved_alias_is_followed(place):
    place.fetch()
    place.registry.promote(place.registry.version(NAME, "2"), "for the test")
    assert place.fetch().version == "2"
    assert place.fetch("previous").version == "1"


def test_a_damaged_copy_is_downloaded_again(place):
    place.fetch()
    (place.copy / "model.onnx").write_bytes(b"damaged")
    assert place.fetch().registry_error is None


def test_a_missing_alias_says_how_to_get_a_champion(place):
    with pytest.raises(NoChampion, match=r"no offline-digits@challenger; .*`ann run`"):
        place.fetch("challenger")


def test_a_missing_model_says_how_to_get_a_champion(place):
    with pytest.raises(NoChampion, match="no mnist-digits@champion"):
        fetch(place.uri, "mnist-digits", "champion", place.home)


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


def test_a_version_without_a_hash_is_refused(place):
    place.registry.client.delete_model_version_tag(NAME, "1", "onnx_sha256")
    with pytest.raises(UnverifiedModel, match="has no tag onnx_sha256"):
        place.fetch()


# the registry is unavailable


@pytest.fixture
def dead_server() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_the_last_good_copy_serves_when_the_server_is_gone_and_says_so(
    place, dead_server, monkeypatch
):
    # serving's own default, which the pipelines replace where both share a process
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    place.fetch()
    started = time.monotonic()
    champion = fetch(dead_server, NAME, "champion", place.home)
    assert time.monotonic() - started < 10
    assert champion.version == "1"
    assert f"registry at {dead_server} cannot be reached" in champion.registry_error
    np.testing.assert_allclose(champion.predict(IMAGES), network(seed=1)(IMAGES), atol=1e-5)


def test_the_last_good_copy_serves_when_the_store_is_deleted(place):
    place.fetch()
    (place.store / "mlflow.db").unlink()
    assert "there is no registry at sqlite:///" in place.fetch().registry_error
    assert not (place.store / "mlflow.db").exists()  # and no empty one is made by asking


def test_the_last_good_copy_serves_when_the_store_is_damaged(place):
    place.fetch()
    (place.store / "mlflow.db").write_bytes(b"damaged" * 1000)
    assert place.fetch().version == "1"


def test_the_last_good_copy_serves_when_the_new_champions_files_are_gone(place, tmp_path):
    place.fetch()
    two = place.registry.client.get_model_version_download_uri(NAME, "2")
    place.registry.promote(place.registry.version(NAME, "2"), "for the test")
    shutil.move(two, tmp_path / "elsewhere")
    try:
        champion = place.fetch()
    finally:
        shutil.move(tmp_path / "elsewhere", two)
    assert (champion.version, champion.registry_error is None) == ("1", False)


def test_without_a_last_good_copy_the_registrys_absence_is_an_error(place, dead_server):
    with pytest.raises(RegistryUnavailable, match=r"Is its server running.*MLFLOW_TRACKING_URI"):
        fetch(dead_server, NAME, "champion", place.home)
    assert issubclass(RegistryUnavailable, ServingError)


def test_a_damaged_last_good_copy_is_not_served(place, dead_server):
    place.fetch()
    manifest = json.loads((place.copy / "version.json").read_text())
    (place.copy / "version.json").write_text(json.dumps(manifest | {"onnx_sha256": "0" * 64}))
    with pytest.raises(UnverifiedModel):
        fetch(dead_server, NAME, "champion", place.home)


# Its walls


def test_serving_needs_no_tensorflow():
    script = (
        "import sys, serving.model.download; "
        "print([m for m in ('tensorflow', 'keras', 'ann_models', 'pipelines') if m in sys.modules])"
    )
    outcome = run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "[]"
