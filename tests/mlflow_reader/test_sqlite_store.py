"""A store in a SQLite file is read without MLflow, as one state, and never written."""

import math
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, RunTag

from mlflow_reader import sqlite_store
from mlflow_reader.entities import StoreUnavailable
from mlflow_reader.mlflow_client import ClientReader
from mlflow_reader.reader import open_reader
from mlflow_reader.sqlite_store import SqliteReader, can_read, state_of


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> str:
    """The address of a store with runs of one experiment and a registered model."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"
    client = MlflowClient(uri, uri)
    experiment = client.create_experiment("first", "file:///nowhere")
    for number in range(5):
        run = client.create_run(experiment, 1000 * number + 1000, run_name=f"run {number}")
        values = (math.nan if number == 3 else number / 10, -1.0)
        metrics = [Metric(key, value, 1, 0) for key, value in zip("ab", values, strict=True)]
        client.log_batch(run.info.run_id, metrics, tags=[RunTag("even", str(number % 2 == 0))])
        if number == 1:
            client.set_terminated(run.info.run_id, "FINISHED", 2500)
    client.delete_run(client.create_run(experiment, 9000, run_name="removed").info.run_id)
    client.create_registered_model("digits")
    for tags in ({"a": "1"}, {"a": "2"}):
        client.create_model_version("digits", "file:///x", tags=tags, await_creation_for=0)
    client.create_registered_model("empty")
    return uri


def path_of(uri: str) -> Path:
    return Path(uri.removeprefix("sqlite:///"))


@pytest.fixture
def reader(file) -> SqliteReader:
    return SqliteReader(file)


# --- what it reads --------------------------------------------------------------------------------


def test_a_store_in_a_file_is_read_here(file):
    assert can_read(file)


@pytest.mark.parametrize("uri", ["http://mlflow:5000", "postgresql://host/db", "file:///mlruns"])
def test_other_stores_are_left_to_mlflow(uri):
    assert not can_read(uri)


def test_what_the_address_or_a_workspace_adds_is_left_to_mlflow(file, monkeypatch):
    assert not can_read(f"{file}?timeout=5")
    monkeypatch.setenv("MLFLOW_WORKSPACE", "mine")
    assert not can_read(file)


@pytest.mark.parametrize("numbers", [[], ["dc11669786a5", "another"]], ids=["none", "two"])
def test_a_file_without_one_known_schema_is_left_to_mlflow(tmp_path, numbers):
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        store.execute("CREATE TABLE alembic_version (version_num)")
        store.executemany("INSERT INTO alembic_version VALUES (?)", [[n] for n in numbers])
        store.commit()
    assert not can_read(f"sqlite:///{tmp_path / 'mlflow.db'}")


def test_a_file_of_another_program_is_left_to_mlflow(tmp_path):
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        store.execute("CREATE TABLE t (x)")
    assert not can_read(f"sqlite:///{tmp_path / 'mlflow.db'}")


def test_more_runs_than_one_statement_takes_are_read_whole(reader, monkeypatch):
    (identity,) = [e.experiment_id for e in reader.experiments() if e.name == "first"]
    whole = reader.runs([identity], {})
    assert [run.info.run_name for run in whole] == [f"run {n}" for n in (4, 3, 2, 1, 0)]
    assert [run.data.metrics["a"] for run in whole if run.info.run_name != "run 3"] == [
        *(0.4, 0.2, 0.1, 0.0)
    ]
    assert math.isnan(whole[1].data.metrics["a"])
    for most in (1, 2, 3):
        monkeypatch.setattr(sqlite_store, "PARAMETERS", most)
        assert repr(reader.runs([identity], {})) == repr(whole)


def names(runs) -> list[str]:
    return [run.info.run_name for run in runs]


def test_runs_are_found_by_tags_with_any_value_or_one_and_by_status(reader):
    (identity,) = [e.experiment_id for e in reader.experiments() if e.name == "first"]
    assert names(reader.runs([identity], {"even": "True"})) == ["run 4", "run 2", "run 0"]
    assert len(reader.runs([identity], {"even": None})) == 5
    assert names(reader.runs([identity], {"even": None}, "FINISHED")) == ["run 1"]
    assert reader.runs([identity], {"none": None}) == []


def test_deleted_runs_are_found_only_where_they_are_wanted(reader):
    (identity,) = [e.experiment_id for e in reader.experiments() if e.name == "first"]
    active, everything = reader.run_infos([identity]), reader.run_infos([identity], deleted=True)
    assert [info.run_name for info in everything if info not in active] == ["removed"]


def test_a_run_has_its_times_and_zero_for_one_that_is_not_known(file, reader, tmp_path):
    (identity,) = [e.experiment_id for e in reader.experiments() if e.name == "first"]
    times = {
        info.run_name: (info.start_time, info.end_time) for info in reader.run_infos([identity])
    }
    assert (times["run 0"], times["run 1"]) == ((1000, 0), (2000, 2500))
    shutil.copy(path_of(file), tmp_path / "mlflow.db")
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        store.execute("UPDATE runs SET start_time = NULL, name = NULL")
        store.commit()
    found = SqliteReader(f"sqlite:///{tmp_path / 'mlflow.db'}").run_infos([identity])
    assert {(info.start_time, info.run_name) for info in found} == {(0, "")}


def test_each_version_has_its_own_tags(reader):
    assert [(v.version, v.tags) for v in reader.versions("digits")] == [
        ("2", {"a": "2"}),
        ("1", {"a": "1"}),
    ]
    assert reader.version("digits", "1").tags == {"a": "1"}
    assert reader.version("digits", "3") is None


def test_models_are_read_by_name_those_without_a_version_too(reader):
    assert [(m.name, m.newest_version) for m in reader.registered_models()] == [
        ("digits", 2),
        ("empty", 0),
    ]
    assert reader.registered_model("empty").aliases == {}
    assert reader.registered_model("empty").last_updated_timestamp > 0
    assert reader.registered_model("none") is None


# --- whether it has changed -----------------------------------------------------------------------


@pytest.fixture
def old(tmp_path) -> Path:
    """A file whose last write is long ago."""
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"content")
    os.utime(path, (1000, 1000))
    return path


def test_an_unchanged_file_has_the_same_state(old):
    assert state_of(f"sqlite:///{old}") == state_of(f"sqlite:///{old}") is not None


@pytest.mark.parametrize("change", ["size", "time", "log", "another file"])
def test_what_is_written_changes_the_state(old, change):
    before = state_of(f"sqlite:///{old}")
    if change == "size":
        old.write_bytes(b"more content")
    elif change == "log":
        old.with_name("mlflow.db-wal").write_bytes(b"log")
        os.utime(old.with_name("mlflow.db-wal"), (1000, 1000))
    elif change == "another file":
        other = old.with_name("new")
        other.write_bytes(b"content")
        other.replace(old)
    os.utime(old, (2000, 2000) if change == "time" else (1000, 1000))
    assert state_of(f"sqlite:///{old}") != before


def test_a_write_of_this_moment_may_be_followed_by_another(old):
    os.utime(old)
    assert state_of(f"sqlite:///{old}") is None
    os.utime(old, (1000, 1000))
    old.with_name("mlflow.db-wal").write_bytes(b"log")
    assert state_of(f"sqlite:///{old}") is None


def test_of_a_server_nothing_is_known():
    assert state_of("http://mlflow:5000") is None


def test_a_file_that_is_missing_is_a_state_too(tmp_path):
    assert state_of(f"sqlite:///{tmp_path / 'mlflow.db'}") == (0, 0)


# --- what cannot be read --------------------------------------------------------------------------


def test_a_file_of_another_schema_is_left_to_mlflow(file, monkeypatch):
    monkeypatch.setattr(sqlite_store, "SCHEMAS", {"another"})
    assert isinstance(open_reader(file), ClientReader)


def test_reading_writes_nothing(file):
    path = path_of(file)
    before = path.read_bytes()
    reader = open_reader(file)
    reader.run_infos([e.experiment_id for e in reader.experiments()])
    reader.registered_models()
    assert path.read_bytes() == before


def test_a_file_that_is_missing_is_not_made(tmp_path):
    with pytest.raises(StoreUnavailable, match="unable to open"):
        open_reader(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_database_is_reported(tmp_path):
    (tmp_path / "mlflow.db").write_text("not a database" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        open_reader(f"sqlite:///{tmp_path / 'mlflow.db'}")


def test_a_locked_file_is_reported(file, monkeypatch):
    monkeypatch.setattr(sqlite_store, "LOCK_SECONDS", 0.01)
    reader = open_reader(file)
    with closing(sqlite3.connect(file.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="locked"):
            reader.experiments()


def test_the_files_of_a_version_that_was_deleted_meanwhile_are_reported(file):
    with pytest.raises(StoreUnavailable, match="digits has no version 99 any more"):
        open_reader(file).download_uri("digits", "99")
