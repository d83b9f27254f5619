import socket
from pathlib import Path

import pytest

from ann_models.digits import download
from ann_models.errors import DataUnavailable
from tests.support.file_server import file_server


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with file_server(b"content") as server:
        yield server


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"KERAS_HOME": "/data/keras"}, "/data/keras/datasets"),
        ({"KERAS_HOME": "~/keras", "HOME": "/home/ada"}, "/home/ada/keras/datasets"),
        ({"KERAS_HOME": "", "HOME": "/home/ada"}, "/home/ada/.keras/datasets"),
        ({"HOME": "/home/ada"}, "/home/ada/.keras/datasets"),
        ({"KERAS_HOME": "~nosuchuser/keras"}, "/tmp/.keras/datasets"),
    ],
)
def test_data_sets_are_where_keras_keeps_them(monkeypatch, environ, folder):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert download.keras_data_sets() == Path(folder)


def test_a_file_is_kept_in_its_place_after_the_block(server, tmp_path):
    target = tmp_path / "new" / "folder" / "data.gz"
    with download.downloaded(f"{server.url}/data.gz", target) as path:
        assert path.read_bytes() == b"content"
        assert not target.exists()
    assert [file.name for file in target.parent.iterdir()] == ["data.gz"]
    assert target.read_bytes() == b"content"


def test_an_error_of_the_block_keeps_what_was_there(server, tmp_path):
    target = tmp_path / "data.gz"
    target.write_bytes(b"old")
    with (
        pytest.raises(ValueError, match="another file"),
        download.downloaded(f"{server.url}/data.gz", target),
    ):
        raise ValueError("another file")
    assert [file.name for file in tmp_path.iterdir()] == ["data.gz"]
    assert target.read_bytes() == b"old"


def test_where_the_folder_cannot_be_written_the_file_lasts_for_the_block(server, tmp_path):
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "data.gz"
    with download.downloaded(f"{server.url}/data.gz", target) as path:
        assert path.read_bytes() == b"content"
    assert not path.exists()


def test_a_server_that_never_answers_is_given_up(server, tmp_path, monkeypatch):
    server.silent = True
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.3)
    with (
        pytest.raises(DataUnavailable, match=r"download failed .*timed out"),
        download.downloaded(f"{server.url}/data.gz", tmp_path / "data.gz"),
    ):
        pytest.fail("there is no file")
    assert list(tmp_path.iterdir()) == []
    assert socket.getdefaulttimeout() is None
