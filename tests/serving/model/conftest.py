"""A place with that registry, for the tests of what is downloaded from it and verified."""

import shutil
import socket
from pathlib import Path

import pytest

from tests.support.followed import StateFolder
from tests.support.promoted import register
from tests.support.workplace import Workplace


@pytest.fixture
def place(registered, tmp_path) -> Workplace:
    """Its artifacts are the originals: a test that alters one uses `altered`."""
    store = tmp_path / "store"
    store.mkdir()
    shutil.copy(registered / "mlflow.db", store)
    return Workplace(store, tmp_path / "home")


@pytest.fixture(scope="module")
def unpromoted(tmp_path_factory) -> Path:
    """A store with two versions, of which none is champion yet."""
    store = tmp_path_factory.mktemp("store")
    register(store)
    return store


@pytest.fixture
def state_folder(unpromoted, tmp_path) -> StateFolder:
    """With a copy of that store."""
    shutil.copy(unpromoted / "mlflow.db", tmp_path)
    return StateFolder(tmp_path)


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


@pytest.fixture
def dead_server(monkeypatch) -> str:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # MLflow itself waits for minutes
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
