"""What the doctor finds of databases and stores, and that it leaves them as they are."""

import errno
import os
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from mlflow_reader.entities import StoreUnavailable
from pipelines import settings
from pipelines.maintenance import doctor
from pipelines.maintenance.doctor import Finding
from pipelines.tracking.client import Tracking
from tests.support.diagnoses import diagnose, only

pytestmark = pytest.mark.usefixtures("bare_environment")


def test_a_database_that_cannot_be_read_costs_no_other_line(tmp_path, monkeypatch):
    """As of a folder that belongs to another user."""
    exists = Path.exists

    def denied(path, **more):
        if path.name == "prefect.db":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return exists(path, **more)

    monkeypatch.setattr(Path, "exists", denied)
    found = diagnose(tmp_path)
    assert found["prefect/prefect.db"].message == (
        f"{tmp_path}/prefect/prefect.db cannot be read (Permission denied); change its owner or "
        "permissions."
    )
    assert found["packages"].healthy


@pytest.mark.parametrize("path", ["mlflow.db", *doctor.OTHER_DATABASES])
def test_a_database_without_permission_to_write_is_found(tmp_path, monkeypatch, path):
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).touch()
    monkeypatch.setattr("os.access", lambda place, mode: mode != os.W_OK)
    found = diagnose(tmp_path)["tracking" if path == "mlflow.db" else path]
    assert not found.healthy
    assert f"{tmp_path / path} cannot be written by this user; change its owner" in found.message


@pytest.mark.parametrize("path", doctor.OTHER_DATABASES)
def test_a_damaged_database_is_found_and_left_as_it_is(tmp_path, path):
    loaded = settings.read({"ANN_HOME": str(tmp_path)})
    assert doctor._database(loaded, path) is None
    database = tmp_path / path
    database.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(database)) as made, made:
        made.execute("CREATE TABLE t (x)")
    assert doctor._database(loaded, path) == Finding(path, True, "a sound database")
    database.write_bytes(b"random" * 1000)
    finding = doctor._database(loaded, path)
    assert finding and not finding.healthy
    assert f"{database} is damaged or cannot be read (" in finding.message
    assert "restore it or move it away" in finding.message
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [database]


def with_a_log(database) -> sqlite3.Connection:
    """A connection to a database in WAL mode, with transactions in its log alone."""
    made = sqlite3.connect(database, isolation_level=None)
    made.execute("PRAGMA journal_mode=WAL")
    made.execute("CREATE TABLE t (x)")
    made.execute("INSERT INTO t VALUES (1)")
    return made


def files(folder) -> dict[str, bytes]:
    """Every file's content; of SQLite's locks, that they are there."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {p.name: b"" if p.name.endswith("-shm") else p.read_bytes() for p in found}


@pytest.mark.parametrize("state", ["in use", "closed", "killed", "copied without its locks"])
def test_a_database_is_checked_where_it_is_and_left_as_it_is(tmp_path, monkeypatch, state):
    home = tmp_path / "home"
    home.mkdir()
    used = with_a_log(tmp_path / "feedback.db" if state == "killed" else home / "feedback.db")
    if state == "killed":
        shutil.copytree(tmp_path, home, dirs_exist_ok=True, ignore=lambda *_: ["home"])
    if state in ("closed", "copied without its locks"):
        log = (home / "feedback.db-wal").read_bytes()
        used.close()
        assert list(files(home)) == ["feedback.db"]
    if state == "copied without its locks":
        (home / "feedback.db-wal").write_bytes(log)
    else:  # nothing is copied, however large it is
        monkeypatch.setattr(doctor, "_copy", lambda *_: 1 / 0)
    before = files(home)
    loaded = settings.read({"ANN_HOME": str(home)})
    assert doctor._database(loaded, "feedback.db") == Finding(
        "feedback.db", True, "a sound database"
    )
    assert files(home) == before
    used.close()


# --- nothing is changed ---------------------------------------------------------------------------


def content(folder) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm")  # SQLite's locks
    }


def no_file(database) -> None:
    database.mkdir()


def damaged_in_use(database) -> None:
    database.write_bytes(b"SQLite format 3\0" + b"damaged" * 1000)
    for log in ("-wal", "-shm"):
        database.with_name(database.name + log).touch()


@pytest.mark.parametrize("spoil", [no_file, damaged_in_use])
def test_a_store_that_cannot_be_copied_is_a_finding_with_what_to_do(tmp_path, spoil):
    spoil(tmp_path / "mlflow.db")
    found = diagnose(tmp_path)
    assert "mlflow.db cannot be read (" in found["tracking"].message
    assert "ANN_HOME" in found["tracking"].message
    assert found["artifacts"].message == "not checked: tracking is unavailable."
    assert not any(found[name].healthy for name in ("tracking", "artifacts", "champion"))
    assert "Prefect" in found


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left"), sqlite3.OperationalError("database or disk is full")],
    ids=["file", "database"],
)
def test_a_full_temporary_folder_is_not_blamed_on_the_store(one_run, monkeypatch, error):
    def refuse(*_):
        raise error

    monkeypatch.setattr(doctor, "_copy", refuse)
    message = diagnose(one_run)["tracking"].message
    assert message.startswith("not checked: /") and "has no room for a copy of" in message
    assert "set TMPDIR to another folder" in message
    assert "ANN_HOME" not in message


@pytest.mark.parametrize("check", [doctor._tracking, doctor._artifacts])
def test_a_store_whose_runs_cannot_be_read_is_a_finding(one_run, monkeypatch, check):
    def unavailable(self):
        raise StoreUnavailable("the file has no table runs")

    monkeypatch.setattr(Tracking, "run_infos", unavailable)
    monkeypatch.setattr(Tracking, "experiments", unavailable)
    assert not only(check, one_run).healthy


def test_a_new_state_folder_is_not_made(tmp_path):
    diagnose(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_state_folder_is_left_as_it_was(one_run, tmp_path):
    """With a champion that was never downloaded, a run whose process is gone, and moved."""
    home = tmp_path / "moved"
    shutil.copytree(one_run, home)
    client = MlflowClient(f"sqlite:///{home}/mlflow.db")
    client.create_run("1", tags={"process": f"{socket.gethostname()} 1@-5.00"})
    client.create_registered_model("mnist-digits")
    client.create_model_version("mnist-digits", home.as_uri(), await_creation_for=0)
    client.set_registered_model_alias("mnist-digits", "champion", "1")
    before = content(home)
    found = diagnose(home)
    assert content(home) == before
    assert f"it was at {one_run}" in found["moved state folder"].message
    assert "1 runs under way" in found["tracking"].message


def test_a_store_in_use_is_read_as_it_is(one_run, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(one_run, home)
    with closing(sqlite3.connect(home / "mlflow.db", isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("UPDATE runs SET status = 'RUNNING', end_time = NULL")
        before = content(home)
        found = diagnose(home)
        assert content(home).keys() == before.keys()
    assert "1 runs under way" in found["tracking"].message


# --- databases of MLFLOW_TRACKING_URI -------------------------------------------------------------


def test_a_database_that_is_not_there_is_a_finding_and_is_not_made(tmp_path):
    uri = f"sqlite:///{tmp_path}/new/typo.db"
    found = diagnose(tmp_path / "home", MLFLOW_TRACKING_URI=uri)
    assert found["tracking"] == Finding(
        "tracking",
        False,
        f"{uri}: there is no such file; correct MLFLOW_TRACKING_URI, or let the first run make it.",
    )
    assert found["champion"].message == doctor.NOT_CHECKED
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scheme", ["sqlite", "sqlite+pysqlite"])
def test_a_database_without_mlflows_tables_is_a_finding_and_gets_none(tmp_path, scheme):
    database = tmp_path / "another.db"
    with closing(sqlite3.connect(database)) as made, made:
        made.execute("CREATE TABLE t (x)")
    before = content(tmp_path)
    uri = f"{scheme}:///{database}"
    found = diagnose(tmp_path / "home", MLFLOW_TRACKING_URI=uri)
    assert found["tracking"].message == (
        f"{uri}: it holds no MLflow store yet; correct MLFLOW_TRACKING_URI, or let the first run "
        "make one there."
    )
    assert not any(found[name].healthy for name in ("tracking", "artifacts", "champion"))
    assert content(tmp_path) == before


def test_a_database_in_memory_holds_no_store(tmp_path):
    for uri in ("sqlite://", "sqlite:///:memory:"):
        found = diagnose(tmp_path, MLFLOW_TRACKING_URI=uri)["tracking"]
        assert "it holds no MLflow store yet" in found.message


def test_a_store_elsewhere_is_checked_in_a_copy(one_run, tmp_path, monkeypatch):
    database = tmp_path / "team.db"
    shutil.copy(one_run / "mlflow.db", database)
    before = content(tmp_path)
    monkeypatch.chdir(tmp_path)
    for uri in (f"sqlite:///{database}", f"sqlite+pysqlite:///{database}?timeout=5"):
        found = diagnose(tmp_path / "home", MLFLOW_TRACKING_URI=uri)
        assert found["tracking"] == Finding(
            "tracking", True, f"{uri.partition('?')[0]}, 0 runs under way"
        )
        assert found["artifacts"].healthy and "moved state folder" not in found
        assert content(tmp_path) == before
    assert diagnose(tmp_path / "home", MLFLOW_TRACKING_URI="sqlite:///team.db")["tracking"].healthy


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(b"random" * 1000), "file is not a database"),
        (lambda path: path.mkdir(), "start with a new MLFLOW_TRACKING_URI"),
    ],
)
def test_a_store_elsewhere_that_cannot_be_read_is_a_finding(tmp_path, spoil, words):
    spoil(tmp_path / "team.db")
    found = diagnose(tmp_path / "home", MLFLOW_TRACKING_URI=f"sqlite:///{tmp_path}/team.db")
    assert not found["tracking"].healthy
    assert words in found["tracking"].message
    assert f"{tmp_path}/team.db" in found["tracking"].message
    assert "ann-doctor-" not in found["tracking"].message


def test_a_file_in_the_state_folder_is_not_blamed_where_runs_are_elsewhere(
    tmp_path, monkeypatch, nobody
):
    (tmp_path / "mlflow.db").touch()
    monkeypatch.setattr("os.access", lambda place, mode: mode != os.W_OK)
    message = diagnose(tmp_path, MLFLOW_TRACKING_URI=nobody)["tracking"].message
    assert message.startswith(f"{nobody}: ")


@pytest.mark.slow
def test_the_champion_of_the_offline_digits_is_one(home_with_champion):
    before = content(home_with_champion)
    finding = diagnose(home_with_champion)["champion"]
    assert finding.healthy
    assert finding.message.startswith("offline-digits version 1, verified; ")
    assert "OFFLINE DIGITS" in finding.message
    assert content(home_with_champion) == before
