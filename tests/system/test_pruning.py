"""`ann prune` for real: through an MLflow server with proxied artifacts, and on the own store."""

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_servers_artifacts_are_freed_and_its_rows_are_left_to_mlflow_gc(ann, mlflow_server):
    uri = {"MLFLOW_TRACKING_URI": mlflow_server.uri}
    for _ in range(2):
        assert ann("run", "relu_regression_2", "--seeds", "1", **uri).returncode == 0
    artifacts = mlflow_server.folder / "artifacts"
    before = size_of(artifacts)
    wanted = ["prune", "--older-than", "0m", "--keep", "1", "--json"]
    listed = json.loads(ann(*wanted, **uri).stdout)
    assert size_of(artifacts) == before
    (old,) = [i for i in listed["items"] if i["name"] == "relu_regression_2"]
    assert old["kind"] == "run"

    pruned = ann("prune", "--older-than", "0m", "--keep", "1", "--yes", **uri)
    assert pruned.returncode == 0, pruned.stderr
    assert "are kept in the server's database, marked as deleted" in pruned.stdout
    runs = sum(item["size"] for item in listed["items"] if item["kind"] == "run")
    assert before - size_of(artifacts) == runs > 0
    client = MlflowClient(mlflow_server.uri)
    assert client.get_run(old["identity"]).info.lifecycle_stage == "deleted"
    again = json.loads(ann(*wanted, **uri).stdout)
    assert [item for item in again["items"] if item["kind"] == "run"] == []
    shown = ann("compare", "relu_regression_2", **uri)
    assert "relu_regression_2" in shown.stdout


def test_a_pruned_state_folder_is_smaller_and_goes_on_working(ann):
    for _ in range(2):
        assert ann("run", "relu_regression_2", "--seeds", "1").returncode == 0
    before = size_of(ann.home)
    pruned = ann("prune", "--older-than", "0m", "--keep", "1", "--yes", "--json")
    assert pruned.returncode == 0, pruned.stderr
    freed = json.loads(pruned.stdout)["bytes"]
    assert before - size_of(ann.home) >= 0.9 * freed > 0
    assert ann.statuses().count(("relu_regression_2", "FINISHED")) == 1
    assert ann("run", "relu_regression_2", "--seeds", "1").returncode == 0
