"""Copies of verified versions on this machine's disk, and which of them served last."""

import os

from serving.model.copies import (
    KEPT,
    folder_of,
    keep_as_last_known_good,
    last_known_good,
    models_on_disk,
    versions_on_disk,
    write_atomically,
)

NAME = "mnist-digits"


def put(home, version: str, used: int) -> None:
    """A copy that was last used at some second."""
    folder = folder_of(home, NAME, version)
    folder.mkdir(parents=True)
    (folder / "model.onnx").touch()
    os.utime(folder, (used, used))


def test_before_the_first_start_there_is_nothing(tmp_path):
    assert last_known_good(tmp_path, NAME, "champion") is None
    assert versions_on_disk(tmp_path, NAME) == []


def test_the_version_that_served_last_is_known_by_alias(tmp_path):
    put(tmp_path, "3", used=1)
    put(tmp_path, "4", used=2)
    keep_as_last_known_good(tmp_path, NAME, "champion", "3")
    keep_as_last_known_good(tmp_path, NAME, "challenger", "4")
    assert last_known_good(tmp_path, NAME, "champion") == "3"
    assert last_known_good(tmp_path, NAME, "challenger") == "4"
    assert last_known_good(tmp_path, "offline-digits", "champion") is None


def test_a_model_is_on_disk_once_it_has_served(tmp_path):
    assert models_on_disk(tmp_path) == []
    for name in ("mnist-digits", "letters"):
        folder_of(tmp_path, name, "1").mkdir(parents=True)
        assert name not in models_on_disk(tmp_path)
        keep_as_last_known_good(tmp_path, name, "champion", "1")
    assert models_on_disk(tmp_path) == ["letters", "mnist-digits"]


def test_the_last_good_version_of_every_alias_stays(tmp_path):
    for version in range(1, 10):
        put(tmp_path, str(version), used=version)
    keep_as_last_known_good(tmp_path, NAME, "challenger", "2")
    put(tmp_path, "10", used=10)
    keep_as_last_known_good(tmp_path, NAME, "champion", "6")
    assert versions_on_disk(tmp_path, NAME) == ["2", "6", "7", "8", "9", "10"]


def test_versions_are_listed_by_number_and_nothing_else_is_one(tmp_path):
    for version in ("10", "9", ".unfinished"):
        put(tmp_path, version, used=1)
    assert versions_on_disk(tmp_path, NAME) == ["9", "10"]


def test_the_most_recently_used_copies_stay_besides_those_that_serve(tmp_path):
    for version in range(1, 10):
        put(tmp_path, str(version), used=version)
    put(tmp_path, ".unfinished", used=0)
    keep_as_last_known_good(tmp_path, NAME, "champion", "1")
    assert versions_on_disk(tmp_path, NAME) == ["1", "6", "7", "8", "9"]
    assert len(versions_on_disk(tmp_path, NAME)) == KEPT
    assert folder_of(tmp_path, NAME, ".unfinished").exists()


def test_a_file_is_written_whole_and_leaves_nothing_else(tmp_path):
    write_atomically(tmp_path / "a", "old")
    write_atomically(tmp_path / "a", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "new"
