"""A version's file is copied from the disk, asked of a server, or left to MLflow."""

import mlflow.artifacts
import pytest

from mlflow_reader.artifacts import download
from mlflow_reader.entities import StoreUnavailable
from mlflow_reader.http_server import HttpReader
from mlflow_reader.sqlite_store import SqliteReader

LOCAL = SqliteReader("sqlite:///unused.db")
CONTENT = b"\0onnx\xff"


class Server(HttpReader):
    """Answers every file with its own path."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def artifact(self, path: str) -> bytes:
        self.asked.append(path)
        return CONTENT


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "a folder ä#%"
    found.mkdir()
    (found / "model.onnx").write_bytes(CONTENT)
    return found


@pytest.mark.parametrize("as_uri", [True, False], ids=["file:", "path"])
def test_a_file_of_this_machine_is_copied(folder, tmp_path, as_uri):
    root = folder.as_uri() if as_uri else str(folder).replace("#", "x")
    if not as_uri:
        folder.rename(root)
    download(LOCAL, "sqlite:///unused.db", root, "model.onnx", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == CONTENT


def test_a_file_that_is_not_there_is_missing(folder, tmp_path):
    with pytest.raises(FileNotFoundError):
        download(LOCAL, "sqlite:///unused.db", folder.as_uri(), "none.npz", tmp_path / "copy")


def test_what_the_server_keeps_is_asked_of_it_by_its_path(tmp_path):
    server = Server()
    root = "mlflow-artifacts:/7/models/m%201"
    download(server, "http://mlflow:5000", root, "model.onnx", tmp_path / "copy")
    assert server.asked == ["7/models/m%201/model.onnx"]
    assert (tmp_path / "copy").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("reader", "root"),
    [
        (Server(), "mlflow-artifacts://elsewhere:5000/7/models/m1"),
        (LOCAL, "mlflow-artifacts:/7/models/m1"),
        (LOCAL, "file://elsewhere/models/m1"),
        (Server(), "s3://bucket/models/m1"),
    ],
)
def test_other_places_are_left_to_mlflow(reader, root, folder, tmp_path, monkeypatch):
    class Entry:
        path = "models/m1/model.onnx"

    asked = []

    def fetch(address, dst_path, tracking_uri):
        asked.append((address, tracking_uri))
        return str(folder / "model.onnx")

    monkeypatch.setattr(mlflow.artifacts, "list_artifacts", lambda root, tracking_uri: [Entry()])
    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", fetch)
    download(reader, "http://mlflow:5000", root, "model.onnx", tmp_path / "copy")
    assert asked == [(f"{root}/model.onnx", "http://mlflow:5000")]
    assert (tmp_path / "copy").read_bytes() == CONTENT
    with pytest.raises(FileNotFoundError, match=f"{root}/none"):
        download(reader, "http://mlflow:5000", root, "none", tmp_path / "copy")


def test_a_place_that_cannot_be_reached_is_reported_with_the_reason(tmp_path, monkeypatch):
    def unreachable(root, tracking_uri):
        raise ConnectionError("the bucket does not answer")

    monkeypatch.setattr(mlflow.artifacts, "list_artifacts", unreachable)
    with pytest.raises(StoreUnavailable, match="ConnectionError: the bucket does not answer"):
        download(LOCAL, "http://mlflow:5000", "s3://bucket/m", "model.onnx", tmp_path / "copy")
