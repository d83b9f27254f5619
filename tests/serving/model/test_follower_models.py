"""The champions of other pictures than digits, which the follower keeps on disk."""

import os
import threading
import time
from pathlib import Path

import pytest

from serving.errors import NoChampion, RegistryUnavailable, UnverifiedModel
from tests.support.followed import NAME, StateFolder


def register_pictures(state_folder: StateFolder, name: str) -> None:
    """A champion of another data set of pictures."""
    client = state_folder.registry.client
    version = state_folder.registry.version(NAME, "2")
    source = client.get_model_version(NAME, "2").source
    client.create_registered_model(name, {"data_set": "{}"})
    client.create_model_version(name, source, version.run_id, dict(version.tags))
    client.set_registered_model_alias(name, "champion", "1")


def last_good(state_folder: StateFolder, name: str) -> Path:
    return state_folder.home / "served" / name / "last_good_champion"


def settle(state_folder: StateFolder) -> None:
    """As if the store's file had been written long ago: then it is read but once."""
    long_ago = time.time() - 100
    for file in state_folder.home.glob("mlflow.db*"):
        os.utime(file, (long_ago, long_ago))


def test_a_download_that_takes_long_holds_up_no_other_poll(state_folder, monkeypatch):
    state_folder.promote("1")
    register_pictures(state_folder, "letters")
    follower, started, may_end = state_folder.follower(), threading.Event(), threading.Event()

    def download(name: str, number: str) -> None:
        started.set()
        may_end.wait(60)

    monkeypatch.setattr(follower, "download", download)
    first = threading.Thread(target=follower.poll)
    first.start()
    assert started.wait(60)
    assert follower.poll().version == "1"
    may_end.set()
    first.join()


@pytest.mark.parametrize(
    "fault", [RegistryUnavailable("503"), NoChampion("deleted"), OSError(28, "No space left")]
)
def test_the_champion_of_other_pictures_is_downloaded_when_the_fault_is_over(
    state_folder, monkeypatch, fault
):
    state_folder.promote("1")
    register_pictures(state_folder, "letters")
    follower, known = state_folder.follower(), last_good(state_folder, "letters")
    with monkeypatch.context() as away:

        def download(name: str, number: str) -> None:
            raise fault

        away.setattr(follower, "download", download)
        settle(state_folder)
        assert follower.poll().version == "1"  # of the digits all the same
    assert not known.exists()
    follower.poll()
    assert known.read_text() == "1"


def test_models_of_other_pictures_are_listed_and_their_champions_downloaded(state_folder):
    state_folder.promote("1")
    register_pictures(state_folder, "letters")
    state_folder.registry.client.create_registered_model("another tool's")
    status = state_folder.follower().poll()
    assert (status.name, status.version) == (NAME, "1")
    assert set(status.listings) == {NAME, "letters"}
    assert last_good(state_folder, "letters").read_text() == "1"


def test_a_champion_that_is_not_what_was_registered_is_downloaded_once_and_keeps_no_other_waiting(
    state_folder, monkeypatch
):
    state_folder.promote("1")
    for name in ("letters", "pictograms"):  # in this order
        register_pictures(state_folder, name)
    follower, asked = state_folder.follower(), []
    real = follower.download

    def download(name: str, number: str) -> None:
        asked.append(name)
        if name == "letters":
            raise UnverifiedModel("its file is another")
        real(name, number)

    monkeypatch.setattr(follower, "download", download)
    assert follower.poll().registry_error is None
    assert follower.poll().registry_error is None
    assert asked == ["letters", "pictograms"]
    assert last_good(state_folder, "pictograms").read_text() == "1"
    assert not last_good(state_folder, "letters").exists()


def test_a_champion_that_is_there_keeps_no_other_waiting(state_folder):
    state_folder.promote("1")
    register_pictures(state_folder, "letters")
    follower = state_folder.follower()
    follower.poll()
    register_pictures(state_folder, "pictograms")
    follower.poll()
    assert last_good(state_folder, "pictograms").read_text() == "1"
