"""The alias in a real registry, and what the follower makes of its moves."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ann_models import datasets
from pipelines.flows.candidate import evaluate_candidate
from serving.errors import NoChampion
from serving.model import follower as following
from serving.model import status as status_module
from serving.model.status import LONGEST_TEXT, Listing, Status
from tests.support.followed import NAME, StateFolder
from tests.support.promoted import NOT_CALIBRATED, network


def test_without_a_champion_there_is_nothing_to_serve_and_it_says_so(state_folder):
    status = state_folder.follower().poll()
    assert status.name is None
    assert "no mnist-digits@champion" in status.registry_error


def test_a_promoted_version_is_downloaded_and_announced(state_folder):
    follower = state_folder.follower()
    follower.poll()
    state_folder.promote("1")
    status = follower.poll()
    run_id = state_folder.registry.version(NAME, "1").run_id
    listing = Listing(("1", "2"), {"champion": "1"}, (run_id, run_id))
    assert status == Status(NAME, "1", None, None, {NAME: listing}, run_id)
    assert state_folder.copies == {"1"}


def test_each_move_of_the_alias_is_followed(state_folder):
    follower = state_folder.follower()
    for number in ("1", "2", "1"):
        state_folder.promote(number)
        assert follower.poll().version == number


def register_again(state_folder: StateFolder, name: str = NAME) -> str:
    """Version 1 of a registry that counts from one again: another network, of another run."""
    client = state_folder.registry.client
    client.delete_registered_model(name)
    experiment = client.get_experiment_by_name("digits").experiment_id
    run_id = client.create_run(experiment).info.run_id
    candidate = evaluate_candidate(network(3), datasets.digits(NAME), NOT_CALIBRATED)
    state_folder.registry.register(
        candidate, run_id=run_id, variant="t", seed=3, git_commit="c0ffee"
    )
    state_folder.promote("1")
    return run_id


def test_another_version_of_the_same_number_is_downloaded_and_announced(state_folder):
    follower = state_folder.follower()
    state_folder.promote("1")
    first = follower.poll()
    run_id = register_again(state_folder)
    status = follower.poll()
    assert (status.version, status.registry_error) == ("1", None)
    assert first.run_id != status.run_id == run_id
    assert status.listings[NAME].runs == (run_id,)
    manifest = json.loads((state_folder.home / "served" / NAME / "1" / "version.json").read_text())
    assert manifest["run_id"] == run_id


def test_another_version_of_the_same_number_of_another_model_is_downloaded(state_folder):
    state_folder.promote("1")
    client = state_folder.registry.client
    version = state_folder.registry.version(NAME, "2")
    source = client.get_model_version(NAME, "2").source
    follower = state_folder.follower()
    for run_id in (version.run_id, client.create_run("1").info.run_id):
        if client.search_registered_models("name = 'letters'"):
            client.delete_registered_model("letters")
        client.create_registered_model("letters", {"data_set": "{}"})
        client.create_model_version("letters", source, run_id, dict(version.tags))
        client.set_registered_model_alias("letters", "champion", "1")
        follower.poll()
        manifest = json.loads(
            (state_folder.home / "served" / "letters" / "1" / "version.json").read_text()
        )
        assert manifest["run_id"] == run_id


def test_a_version_that_does_not_verify_is_refused_and_the_old_one_stays(state_folder):
    follower = state_folder.follower()
    state_folder.promote("1")
    follower.poll()
    state_folder.falsify("2")
    state_folder.promote("2")
    status = follower.poll()
    assert (status.version, status.registry_error) == ("1", None)
    assert (status.refused.version, "SHA-256" in status.refused.reason) == ("2", True)
    assert (state_folder.home / "served" / NAME / "last_good_champion").read_text() == "1"


@pytest.mark.parametrize("file", ["model.onnx", "probe.npz"])
def test_a_version_whose_file_is_missing_is_refused_though_the_registry_is_well(state_folder, file):
    follower = state_folder.follower()
    state_folder.promote("1")
    follower.poll()
    client = state_folder.registry.client
    registered = Path(client.get_model_version_download_uri(NAME, "2"), file)
    hidden = registered.rename(registered.with_suffix(".hidden"))
    try:
        state_folder.promote("2")
        status = follower.poll()
    finally:
        hidden.rename(registered)
    assert (status.version, status.registry_error) == ("1", None)
    assert f"{file} of {NAME} version 2 is missing" in status.refused.reason
    follower._retry_at = 0
    assert follower.poll().version == "2"


def test_a_refused_version_is_not_downloaded_again_at_every_poll(state_folder, monkeypatch):
    follower = state_folder.follower()
    state_folder.falsify("2")
    state_folder.promote("2")
    downloaded = []
    download = following.download.download
    monkeypatch.setattr(
        following.download, "download", lambda *a: downloaded.append(1) or download(*a)
    )
    assert follower.poll() == follower.poll()
    assert len(downloaded) == 1
    monkeypatch.setattr(following, "REFUSED_SECONDS", -1)
    follower._retry_at = 0
    follower.poll()
    assert len(downloaded) == 2


def test_rolled_back_to_the_old_version_nothing_is_refused_any_more(state_folder):
    follower = state_folder.follower()
    state_folder.promote("1")
    follower.poll()
    state_folder.falsify("2")
    state_folder.promote("2")
    assert follower.poll().refused
    state_folder.promote("1")
    status = follower.poll()
    assert (status.version, status.registry_error, status.refused) == ("1", None, None)


def test_when_the_registry_becomes_unavailable_the_version_stays_and_the_reason_is_reported(
    state_folder,
):
    follower = state_folder.follower()
    state_folder.promote("1")
    follower.poll()
    (state_folder.home / "mlflow.db").rename(state_folder.home / "moved.db")
    status = follower.poll()
    assert (status.version, "no registry at" in status.registry_error) == ("1", True)
    (state_folder.home / "moved.db").rename(state_folder.home / "mlflow.db")
    status = follower.poll()
    assert (status.version, status.registry_error) == ("1", None)


def test_after_a_restart_it_begins_with_the_last_good_version_unconfirmed(state_folder):
    state_folder.promote("1")
    state_folder.follower().poll()
    status = state_folder.follower().status
    assert (status.name, status.version) == (NAME, "1")
    assert status.registry_error


def test_versions_are_downloaded_by_number(state_folder):
    follower = state_folder.follower()
    state_folder.promote("1")
    follower.download(NAME, "2")
    assert state_folder.copies == {"2"}
    with pytest.raises(NoChampion):
        follower.download(NAME, "9")


def test_the_versions_are_listed_again_only_when_the_model_has_changed(state_folder, monkeypatch):
    listed = []
    list_versions = following.download.list_versions
    monkeypatch.setattr(
        following.download, "list_versions", lambda *a: listed.append(1) or list_versions(*a)
    )
    follower = state_folder.follower()
    state_folder.promote("1")
    for _ in range(3):
        assert follower.poll().listings[NAME].versions == ("1", "2")
    assert len(listed) == 1
    state_folder.registry.client.delete_model_version(NAME, "2")
    assert follower.poll().listings[NAME].versions == ("1",)


def test_a_listing_has_the_champion_and_no_more_than_a_message_has_room_for(
    state_folder, monkeypatch
):
    monkeypatch.setattr(status_module, "MOST_BYTES", 250)
    state_folder.promote("1")
    for number in range(3):
        state_folder.registry.client.set_registered_model_alias(NAME, f"a{number}" * 20, "1")
    listing = state_folder.follower().poll().listings[NAME]
    assert (listing.versions, listing.aliases, listing.older) == (("2",), {"champion": "1"}, True)


def test_a_poll_that_ends_after_a_later_one_changes_nothing(state_folder, monkeypatch):
    follower = state_folder.follower()
    state_folder.promote("1")
    find_model = following.download.find_model
    polls = []

    def hang(*arguments: object):
        monkeypatch.setattr(following.download, "find_model", find_model)
        state_folder.promote("2")
        polls.append(follower.poll())
        raise OSError("at last, an error")

    monkeypatch.setattr(following.download, "find_model", hang)
    assert follower.poll() == polls[0] == follower.status
    assert (follower.status.version, follower.status.registry_error) == ("2", None)


def test_an_error_of_megabytes_is_shortened(state_folder, monkeypatch):
    def fail(*arguments: object) -> None:
        raise RuntimeError("<html>" * 400_000)

    monkeypatch.setattr(following.download, "find_model", fail)
    assert len(state_folder.follower().poll().registry_error) == LONGEST_TEXT


def test_old_copies_are_removed_and_the_registrys_own_files_are_not(state_folder, monkeypatch):
    monkeypatch.setattr(following.copies, "KEPT", 1)
    follower = state_folder.follower()
    for number in ("1", "2"):
        state_folder.promote(number)
        follower.poll()
    assert state_folder.copies == {"2"}
    client = state_folder.registry.client
    for number in ("1", "2"):
        assert Path(client.get_model_version_download_uri(NAME, number), "model.onnx").exists()


def test_an_unexpected_error_is_reported_and_the_next_poll_goes_on(state_folder, monkeypatch):
    state_folder.promote("1")
    follower = state_folder.follower()
    follower.poll()
    state_folder.promote("2")
    with monkeypatch.context() as patched:
        patched.setattr(following.download, "find_model", lock)
        status = follower.poll()
    assert status.version == "1"
    assert "OperationalError: database is locked" in status.registry_error
    assert follower.poll().version == "2"


def lock(*arguments: object) -> None:
    raise sqlite3.OperationalError("database is locked")


def test_the_registry_is_followed_without_mlflows_import(state_folder):
    state_folder.promote("1")
    script = (
        "import sys; from serving import settings; from serving.process import registry\n"
        "from serving.model.follower import Follower\n"
        "print(Follower(settings.load()).poll().version, 'mlflow' in sys.modules)"
    )
    environ = {"ANN_HOME": str(state_folder.home), "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env=environ)
    assert done.stdout.split() == ["1", "False"], done.stderr


def age(path: Path, seconds: float = 60) -> None:
    """As if the file had been written that long ago."""
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def test_a_file_that_is_unchanged_is_not_read_again(state_folder, monkeypatch):
    state_folder.promote("1")
    for path in state_folder.home.glob("mlflow.db*"):
        age(path)
    follower = state_folder.follower()
    asked = []
    find_model = following.download.find_model
    monkeypatch.setattr(
        following.download, "find_model", lambda *a: asked.append(1) or find_model(*a)
    )
    first = follower.poll()
    count = len(asked)
    assert (first.version, follower.poll(), len(asked)) == ("1", first, count)
    state_folder.promote("2")
    assert follower.poll().version == "2"


def test_a_file_that_was_just_written_is_read_again(state_folder):
    """A second write within a tick of the clock leaves its time as it was."""
    follower = state_folder.follower()
    state_folder.promote("1")
    assert follower.poll().version == "1"
    times = {path: path.stat() for path in state_folder.home.glob("mlflow.db*")}
    state_folder.promote("2")
    for path, facts in times.items():
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert follower.poll().version == "2"


def test_a_poll_that_failed_is_repeated_though_the_file_is_unchanged(state_folder, monkeypatch):
    state_folder.promote("1")
    for path in state_folder.home.glob("mlflow.db*"):
        age(path)
    follower = state_folder.follower()
    follower.poll()
    (state_folder.home / "mlflow.db").rename(state_folder.home / "away.db")
    assert follower.poll().registry_error
    (state_folder.home / "away.db").rename(state_folder.home / "mlflow.db")
    assert follower.poll().registry_error is None
