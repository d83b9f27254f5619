"""A file is replaced whole or not at all; its hash is that of its bytes."""

import hashlib

import pytest

from pipelines.home import replacing, sha256, state_folder


def test_a_file_is_replaced_when_all_is_written(tmp_path):
    file = tmp_path / "up.json"
    file.write_text("old")
    with replacing(file) as unfinished:
        unfinished.write_text("new")
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["up.json"]


def test_after_a_failure_the_old_file_is_there_and_nothing_else(tmp_path):
    file = tmp_path / "up.json"
    file.write_text("old")
    with pytest.raises(OSError, match="full"), replacing(file) as unfinished:
        unfinished.write_text("half")
        raise OSError("full")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["up.json"]


def test_a_files_hash_is_that_of_its_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc" * 1_000_000)
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc" * 1_000_000).hexdigest()


def test_an_empty_variable_means_the_default_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert state_folder({"ANN_HOME": ""}) == tmp_path / ".ann"


def test_a_file_is_replaced_whose_name_is_as_long_as_a_file_system_takes(tmp_path):
    path = tmp_path / ("x" * 255)
    with replacing(path) as unfinished:
        unfinished.write_text("whole")
    assert path.read_text() == "whole"
