"""What commands do before their own work."""

import subprocess
import sys

import pytest

from pipelines.cli import session
from pipelines.process_identity import this_process
from pipelines.tracking import tags

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
