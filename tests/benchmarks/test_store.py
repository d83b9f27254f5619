"""The benchmark's stores are stores: MLflow opens them, and the commands find what is in them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from benchmarks import store
from benchmarks.cli import benchmark
from benchmarks.errors import CannotMeasure
from benchmarks.store import Growth
from mlflow_reader.mlflow_client import ClientReader
from mlflow_reader.reader import open_reader


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("store")
    store.make(home, runs=120, versions=7)
    return home


def test_mlflow_reads_what_was_written(home):
    uri = f"sqlite:///{home / 'mlflow.db'}"
    for reader in (ClientReader(uri), open_reader(uri)):
        ids = [experiment.experiment_id for experiment in reader.experiments()]
        assert len(reader.run_infos(ids)) == 120
        newest = reader.run_infos(ids)[0]
        assert len(reader.run(newest.run_id).data.metrics) == store.METRICS
        assert [v.version for v in reader.versions(store.MODEL)] == list("7654321")
        assert reader.registered_model(store.MODEL).aliases == {"champion": "7"}


def test_the_newest_run_of_each_variant_is_marked(home):
    from pipelines.settings import load
    from pipelines.tracking.reader import RunReader

    assert set(RunReader(load({"ANN_HOME": str(home)})).newest_by_variant()) == set(store.VARIANTS)


def test_a_command_that_fails_is_no_measurement(tmp_path):
    (tmp_path / "mlflow.db").write_text("no database" * 200)
    with pytest.raises(CannotMeasure, match="not a database"):
        store._command("models", tmp_path)


def test_the_command_prints_json_with_the_ratios(monkeypatch):
    monkeypatch.setattr(store, "compare", lambda *_: [Growth("models", 0.5, 0.75)])
    done = CliRunner().invoke(benchmark, ["store", "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["commands"] == [
        {"command": "models", "small_seconds": 0.5, "large_seconds": 0.75, "ratio": 1.5}
    ]
