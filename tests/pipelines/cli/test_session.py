"""What commands do before their own work."""

import subprocess
import sys

import pytest

from pipelines.cli import session
from pipelines.process_identity import this_process
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


@pytest.mark.parametrize(
    "command",
    [
        "evaluate photos",
        "export champion champion.zip",
        "report",
        "retrain",
        "drift",
        "models rollback",
        "models promote 3 --reason demonstration",
    ],
)
def test_a_command_that_needs_a_run_makes_nothing_where_none_is(ann, tmp_path, command):
    refused = ann(*command.split())
    assert refused.exit_code == 2
    assert f"no run is in the state folder {tmp_path / 'home'} yet" in refused.stderr
    assert "set ANN_HOME to the folder that has them" in refused.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("uri", ["mysql://db/runs", "mssql+nosuch://db/runs"])
def test_a_tracking_database_without_its_package_is_wrong_use(tmp_path, monkeypatch, uri):
    monkeypatch.setenv("ANN_HOME", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    scheme = uri.partition(":")[0].replace("+", r"\+")
    said = f"MLFLOW_TRACKING_URI begins with '{scheme}', for which a Python package is missing"
    with pytest.raises(WrongSetting, match=said):
        session.load_settings()
