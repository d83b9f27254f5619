"""What commands do before their own work."""

import sqlite3
import subprocess
import sys
from contextlib import closing, nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pipelines import settings
from pipelines.cli import session
from pipelines.errors import WrongUse
from pipelines.local import status
from pipelines.maintenance import relocation
from pipelines.process_identity import this_process
from pipelines.scheduling import deployments
from pipelines.settings import Settings
from pipelines.tracking import tags
from serving.errors import WrongSetting

OTHER = "from pipelines.process_identity import this_process; print(this_process())"


@pytest.mark.parametrize(("alive", "status"), [(False, "KILLED"), (True, "RUNNING")])
def test_a_command_that_lists_runs_ends_those_whose_process_was_killed(
    store, monkeypatch, alive, status
):
    monkeypatch.setenv("ANN_HOME", str(store.settings.home))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    other = subprocess.run([sys.executable, "-c", OTHER], capture_output=True, text=True)
    writer = this_process() if alive else other.stdout.strip()
    run = store.client.create_run(store.experiment("neurons"), tags={tags.PROCESS: writer})
    session.load_settings_for_reading()
    assert store.client.get_run(run.info.run_id).info.status == status


needs_a_run = pytest.mark.parametrize(
    "command",
    [
        "evaluate photos",
        "export champion champion.zip",
        "report",
        "retrain",
        "drift",
        "prune --yes",
        "models rollback",
        "models promote 3 --reason demonstration",
    ],
)


@needs_a_run
def test_a_command_that_needs_a_run_makes_nothing_where_none_is(ann, tmp_path, command):
    refused = ann(*command.split())
    assert refused.exit_code == 2
    assert f"no run is in the state folder {tmp_path / 'home'} yet" in refused.stderr
    assert "set ANN_HOME to the folder that has them" in refused.stderr
    assert not (tmp_path / "home").exists()


@needs_a_run
def test_it_makes_no_file_where_the_tracking_uri_names_none(ann, tmp_path, monkeypatch, command):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mistyped.db")
    refused = ann(*command.split())
    assert refused.exit_code == 2
    assert "mistyped.db, and there is no such file; correct it" in refused.stderr
    assert not (tmp_path / "mistyped.db").exists()


@needs_a_run
def test_it_makes_no_tables_in_a_database_without_a_store(ann, tmp_path, monkeypatch, command):
    database = tmp_path / "another.db"
    with closing(sqlite3.connect(database)) as made, made:
        made.execute("CREATE TABLE t (x)")
    before = database.read_bytes()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    refused = ann(*command.split())
    assert refused.exit_code == 1
    assert "it holds no MLflow store yet; correct MLFLOW_TRACKING_URI" in refused.stderr
    assert database.read_bytes() == before


def test_a_moved_state_folder_is_told_and_one_that_stayed_is_not(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ANN_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(settings, "export", lambda loaded: None)
    session.load_settings()
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(relocation, "repair", lambda loaded: tmp_path / "before")
    session.load_settings()
    assert f"the state folder was moved from {tmp_path / 'before'}" in capsys.readouterr().err


@pytest.mark.parametrize("uri", ["mysql://db/runs", "mssql+nosuch://db/runs"])
def test_a_tracking_database_without_its_package_is_wrong_use(tmp_path, monkeypatch, uri):
    monkeypatch.setenv("ANN_HOME", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    scheme = uri.partition(":")[0].replace("+", r"\+")
    said = f"MLFLOW_TRACKING_URI begins with '{scheme}', for which a Python package is missing"
    with pytest.raises(WrongSetting, match=said):
        session.load_settings()


@pytest.fixture
def servers(tmp_path, monkeypatch) -> SimpleNamespace:
    """Which Prefect servers there are: that of `ann up`, or one that is named."""
    found = SimpleNamespace(up=False, named=None)
    home = Settings(tmp_path, "sqlite:///runs.db", None)
    monkeypatch.setattr(
        session, "load_settings", lambda: replace(home, prefect_api_url=found.named)
    )
    monkeypatch.setattr(status, "prefect_of_running_stack", lambda _: found.up)
    monkeypatch.setattr(status, "reach_prefect", lambda _: bool(found.up or found.named))
    monkeypatch.setattr(deployments, "connected", lambda: nullcontext("a client"))
    return found


@pytest.mark.parametrize(("up", "named"), [(True, None), (False, "http://prefect:4200/api")])
def test_the_server_of_ann_up_or_the_named_one_keeps_the_schedules(servers, capsys, up, named):
    servers.up, servers.named = up, named
    with session.prefect(needs_up=True) as client:
        assert client == "a client"
    assert capsys.readouterr().err == ""


def test_without_one_a_temporary_server_reads_them_unless_a_worker_is_needed(servers, capsys):
    with session.prefect() as client:
        assert client == "a client"
    assert "a temporary Prefect server reads its database" in capsys.readouterr().err
    with pytest.raises(WrongUse, match="start `ann up` first"), session.prefect(needs_up=True):
        pass
