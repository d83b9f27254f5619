"""A state folder that was moved or copied goes on working, and nothing else is touched."""

import shutil
import sqlite3
from contextlib import closing

import keras
import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts

from ann_models import datasets
from ann_models.findings import Findings
from pipelines import settings
from pipelines.errors import TrackingUnavailable
from pipelines.flows.candidate import evaluate_candidate
from pipelines.maintenance import relocation
from pipelines.registry.client import Registry
from pipelines.settings import Settings
from pipelines.tracking.client import Tracking
from serving.model.download import fetch

NAME = "offline-digits"


def settings_of(home) -> Settings:
    return settings.load({"ANN_HOME": str(home)})


def a_network() -> keras.Sequential:
    layers = [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    return keras.Sequential(layers)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A state folder with a run, its artifact, its logged model and a champion."""
    home = tmp_path_factory.mktemp("before") / "it's ü 100 %_"
    tracking = Tracking(settings_of(home)).open()
    with tracking.run(tracking.experiment("digits"), "mnist_ann", {"variant": "mnist_ann"}) as run:
        tracking.log_findings(run, Findings(curves={"train_loss": np.ones(3)}), {})
        tracking.log_model(run, a_network(), "mnist_ann")
    registry = Registry(tracking.settings.tracking_uri, home)
    digits = datasets.digits(NAME)
    version = registry.register(
        evaluate_candidate(a_network(), digits),
        run_id=run,
        variant="mnist_ann",
        seed=0,
        git_commit="c0ffee",
    )
    registry.promote(version, "the tests need one")
    return home


@pytest.fixture
def moved(original, tmp_path):
    """The folder in another place, its old place empty."""
    home = tmp_path / "after"
    shutil.copytree(original, home)
    aside = original.rename(original.with_name("aside"))
    yield home
    aside.rename(original)


def paths(home) -> set[str]:
    with closing(sqlite3.connect(home / "mlflow.db")) as store:
        return {
            row[0]
            for table, column in relocation.PATHS
            for row in store.execute(f"SELECT {column} FROM {table}")
        }


def test_a_move_breaks_the_artifacts_of_mlflow_itself(moved):
    """If this fails, MLflow has learned to move and `relocation` can go."""
    client = MlflowClient(settings_of(moved).tracking_uri)
    (run,) = client.search_runs(["1"])
    assert not client.list_artifacts(run.info.run_id)


def test_a_moved_folder_is_repaired_and_its_old_place_is_reported(moved, original):
    assert relocation.repair(settings_of(moved)) == original
    assert not any("before" in path for path in paths(moved))


def test_artifacts_and_models_of_a_moved_folder_are_readable(moved, tmp_path):
    relocation.repair(settings_of(moved))
    client = MlflowClient(settings_of(moved).tracking_uri)
    (run,) = client.search_runs(["1"])
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {"curves.npz"}
    client.download_artifacts(run.info.run_id, "curves.npz", str(tmp_path))
    for model in client.search_logged_models(["1"]):
        download_artifacts(f"{model.artifact_location}/MLmodel", dst_path=str(tmp_path))


def test_the_champion_of_a_moved_folder_is_fetched_and_verified(moved, tmp_path):
    relocation.repair(settings_of(moved))
    champion = fetch(settings_of(moved).tracking_uri, NAME, "champion", tmp_path / "elsewhere")
    assert champion.registry_error is None


def test_new_runs_of_a_moved_folder_are_stored_in_its_new_place(moved):
    relocation.repair(settings_of(moved))
    tracking = Tracking(settings_of(moved)).open()
    with tracking.run(tracking.experiment("digits"), "mnist_cnn", {"variant": "mnist_cnn"}) as run:
        tracking.log_findings(run, Findings(), {})
    assert (moved / "artifacts" / run / "artifacts/curves.npz").exists()


def test_a_folder_that_stays_is_left_alone(original):
    before = paths(original)
    assert relocation.repair(settings_of(original)) is None
    assert paths(original) == before


def test_repairing_twice_is_repairing_once(moved):
    relocation.repair(settings_of(moved))
    once = paths(moved)
    assert relocation.repair(settings_of(moved)) is None
    assert paths(moved) == once


def test_paths_of_others_are_left_alone(moved, original):
    client = MlflowClient(settings_of(moved).tracking_uri)
    neighbour = (original / "artifacts-of-others").as_uri()
    client.create_experiment("a neighbour whose path begins alike", neighbour)
    relocation.repair(settings_of(moved))
    assert neighbour in paths(moved)
    assert client.get_experiment("0").artifact_location in paths(moved)


def proxied(home) -> set[str]:
    """Let the experiment and its run have the addresses that an MLflow server gives; these."""
    place, run = "mlflow-artifacts:/1", "mlflow-artifacts:/1/abc/artifacts"
    with closing(sqlite3.connect(home / "mlflow.db")) as store, store:
        store.execute(
            "UPDATE experiments SET artifact_location = ? WHERE experiment_id = 1", [place]
        )
        store.execute("UPDATE runs SET artifact_uri = ?", [run])
    return {place, run}


def test_the_addresses_of_a_server_that_used_the_same_store_are_left_alone(original, tmp_path):
    home = tmp_path / "served"
    shutil.copytree(original, home)
    relocation.repair(settings_of(home))
    addresses = proxied(home)
    before = paths(home)
    assert relocation.repair(settings_of(home)) is None
    assert addresses <= paths(home) == before


def test_a_moved_folder_is_repaired_although_a_server_used_its_store(moved, original):
    addresses = proxied(moved)
    with closing(sqlite3.connect(moved / "mlflow.db")) as store, store:
        store.execute(
            "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage) "
            "VALUES (99, 'another question', ?, 'active')",
            (settings_of(original).artifacts.as_uri(),),
        )
        store.execute("INSERT INTO experiment_tags VALUES ('question', 'another', 99)")
    assert relocation.repair(settings_of(moved)) == original
    assert addresses <= paths(moved)
    assert not any("before" in path for path in paths(moved))


def test_of_a_folder_that_was_at_two_places_the_first_experiments_place_is_reported(
    moved, original, tmp_path
):
    other = (tmp_path / "between" / "artifacts").as_uri()
    with closing(sqlite3.connect(moved / "mlflow.db")) as store, store:
        store.execute(
            "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage) "
            "VALUES (99, 'another question', ?, 'active')",
            (other,),
        )
        store.execute("INSERT INTO experiment_tags VALUES ('question', 'another', 99)")
    assert relocation.repair(settings_of(moved)) == original
    assert not any("before" in path or "between" in path for path in paths(moved))


def test_a_folder_without_a_store_needs_nothing(tmp_path):
    assert relocation.repair(settings_of(tmp_path)) is None


@pytest.mark.parametrize("content", [b"", b"this is no database, however long one looks" * 50])
def test_a_store_that_is_none_is_left_to_who_opens_it(tmp_path, content):
    (tmp_path / "mlflow.db").write_bytes(content)
    assert relocation.repair(settings_of(tmp_path)) is None
    assert (tmp_path / "mlflow.db").read_bytes() == content


def test_a_server_keeps_its_own_paths(original):
    unavailable = Settings(original, "http://127.0.0.1:5000", None)
    before = paths(original)
    assert relocation.repair(unavailable) is None
    assert paths(original) == before


def test_a_store_that_this_user_cannot_open_is_named_with_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "mlflow.db").touch()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    said = f"{tmp_path}/mlflow.db cannot be opened by this user; change its owner or its perm"
    with pytest.raises(TrackingUnavailable, match=said):
        relocation.repair(settings_of(tmp_path))


def test_a_folder_in_the_stores_place_is_named(tmp_path):
    (tmp_path / "mlflow.db").mkdir()
    with pytest.raises(TrackingUnavailable, match=f"{tmp_path}/mlflow.db cannot be opened"):
        relocation.repair(settings_of(tmp_path))
