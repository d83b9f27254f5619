import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from ann_models.digits import fashion_mnist, idx, image_sets
from ann_models.errors import DataUnavailable, InvalidData
from tests.support.file_server import file_server
from tests.support.tiny_mnist import TINY

FILES = {
    f"{idx.NAMES[key]}.gz": gzip.compress(idx.header(array.shape) + array.tobytes())
    for key, array in TINY.items()
}
FIRST = "train-images-idx3-ubyte.gz"


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path) -> Path:
    """Keras's empty folder on a machine for which ten pictures are the original."""
    monkeypatch.setenv("ANN_OFFLINE", "1")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    assert hashes.keys() == fashion_mnist.SHA256.keys()
    monkeypatch.setattr(fashion_mnist, "SHA256", hashes)
    return tmp_path / "keras" / "datasets" / "fashion-mnist"


@pytest.fixture
def server(monkeypatch):
    with file_server() as server:
        server.files = dict(FILES)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("ANN_OFFLINE", "0")
        monkeypatch.setattr(fashion_mnist, "DOWNLOAD_URL", f"{server.url}/")
        yield server


def fill(folder: Path, **changed: bytes) -> None:
    folder.mkdir(parents=True)
    for name, content in (FILES | changed).items():
        (folder / name).write_bytes(content)


def assert_is_the_original(found: dict[str, np.ndarray]) -> None:
    assert found.keys() == TINY.keys()
    for key, array in TINY.items():
        np.testing.assert_array_equal(found[key], array)


def test_what_keras_has_downloaded_is_used(folder):
    fill(folder)
    assert_is_the_original(fashion_mnist.find())


def test_its_pictures_and_classes_are_an_image_data_set(folder):
    fill(folder)
    found = image_sets.load(image_sets.parse("fashion-mnist"))
    assert found.classes == fashion_mnist.CLASSES
    np.testing.assert_array_equal(found.test[1], TINY["y_test"])


def test_a_file_that_is_another_is_named(folder):
    fill(folder, **{FIRST: FILES["t10k-images-idx3-ubyte.gz"]})
    with pytest.raises(InvalidData, match=rf"{FIRST} has SHA-256 .* Delete the file"):
        fashion_mnist.find()


def test_nothing_is_downloaded_offline(folder):
    with pytest.raises(DataUnavailable, match=f"{FIRST} is not in {folder}, and ANN_OFFLINE"):
        fashion_mnist.find()


class TestDownload:
    """Keras's own download, from a real server."""

    def test_fills_the_folder_for_the_next_time(self, server, folder):
        assert_is_the_original(fashion_mnist.find())
        assert sorted(file.name for file in folder.iterdir()) == sorted(FILES)
        assert_is_the_original(fashion_mnist.find())
        assert server.requests == 4

    def test_brings_only_what_is_missing(self, server, folder):
        fill(folder)
        (folder / FIRST).unlink()
        assert_is_the_original(fashion_mnist.find())
        assert server.requests == 1

    def test_goes_on_where_the_folder_cannot_be_written(self, server, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
        assert_is_the_original(fashion_mnist.find())

    def test_shows_its_progress_beside_the_results(self, server, capsys):
        fashion_mnist.find()
        shown = capsys.readouterr()
        assert f"{server.url}/{FIRST}" in shown.err
        assert shown.out == ""

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            ({"status": 404}, "cannot be had: the download failed .*404"),
            ({"files": {}, "body": b"Please sign in"}, f"what .*/{FIRST} sent has SHA-256"),
            ({"promised": 10**6}, "download failed"),
        ],
        ids=["refused", "web page", "broken off"],
    )
    def test_a_bad_answer_leaves_no_file(self, server, folder, answer, message):
        vars(server).update(answer)
        with pytest.raises(DataUnavailable, match=message) as raised:
            fashion_mnist.find()
        assert f"Put its four files in {folder}" in str(raised.value)
        assert list(folder.iterdir()) == []
