"""Runs, versions and files that were made long ago."""

import contextlib
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from mlflow.entities import LoggedModelOutput, Metric
from mlflow.exceptions import MlflowException

from pipelines.tracking.tags import DECISION, VARIANT

DAY = 86400


def a_run(store, days_ago=100.0, name="xor_mlp", status="FINISHED", metrics=0, **tags) -> str:
    """A run that ended then, with an artifact of 5,000 bytes and a model of 3,000."""
    client, then = store.client, int((time.time() - days_ago * DAY) * 1000)
    experiment = store.experiment("one_neuron")
    run_id = client.create_run(experiment, then, tags, name).info.run_id
    client.log_batch(run_id, [Metric("loss", float(i), then, i) for i in range(metrics)])
    folder = store.settings.home / f"to log {uuid4()}"
    folder.mkdir(parents=True)
    (folder / "curves.npz").write_bytes(b"." * 5000)
    client.log_artifacts(run_id, str(folder))
    model = client.create_logged_model(experiment, "model", run_id)
    (folder / "curves.npz").write_bytes(b"." * 3000)
    client.log_model_artifacts(model.model_id, str(folder))
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])
    if status != "RUNNING":
        client.set_terminated(run_id, status, then)
    return run_id


def versions(store, *decisions: str, days_ago=100.0, runs=()) -> list[str]:
    """Versions of one variant with these decisions; the ids of their runs."""
    with contextlib.suppress(MlflowException):
        store.client.create_registered_model("mnist-digits")
    runs = runs or [a_run(store, days_ago + 0.001 * n) for n in range(len(decisions), 0, -1)]
    for run_id, decision in zip(runs, decisions, strict=True):
        about = {VARIANT: "xor_mlp", DECISION: decision}
        store.client.create_model_version("mnist-digits", "s3://nowhere/model", run_id, about)
    with closing(sqlite3.connect(store.settings.home / "mlflow.db")) as database, database:
        created = int((time.time() - days_ago * DAY) * 1000)
        database.execute("UPDATE model_versions SET creation_time = ?", (created,))
    return list(runs)


def a_file(path: Path, days_ago=100.0) -> Path:
    """A file of 1,000 bytes that was last used then, as was its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"." * 1000)
    then = time.time() - days_ago * DAY
    for used in (path, path.parent):
        os.utime(used, (then, then))
    return path


def rows(store, table: str, column: str, value: str) -> int:
    with closing(sqlite3.connect(store.settings.home / "mlflow.db")) as database:
        query = f"SELECT count(*) FROM {table} WHERE {column} = ?"
        return database.execute(query, (value,)).fetchone()[0]
