"""The benchmark's stores are stores: MLflow opens them, and the commands find what is in them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from itertools import pairwise
from types import SimpleNamespace

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


def test_the_first_turn_only_warms_and_the_median_of_the_others_counts(monkeypatch):
    stores, turns = [], iter([900, 900, *(s for i in (3, 1, 2) for s in (i, 10 * i))])
    monkeypatch.setattr(store, "COMMANDS", ("models",))
    monkeypatch.setattr(store, "make", lambda home, *sizes: stores.append((home.name, *sizes)))
    monkeypatch.setattr(store, "_command", lambda name, home: next(turns))
    monkeypatch.setattr(store, "_page", lambda home: 0.5 if home.name == "small" else 0.6)
    found = store.compare(turns=3)
    assert stores == [("small", *store.SMALL), ("large", *store.LARGE)]
    assert found == [Growth("models", 2, 20), Growth("comparison page", 0.5, 0.6)]
    assert found[0].ratio == 10
    assert store.document(found)["large"] == {"runs": 10_000, "versions": 1_000}


def ended(monkeypatch, code, stderr=""):
    done = SimpleNamespace(returncode=code, stderr=stderr)
    monkeypatch.setattr(store.subprocess, "run", lambda *_, **__: done)


@pytest.mark.parametrize(
    ("command", "code", "allowed"),
    [
        ("status", 1, True),
        ("doctor", 1, True),
        ("doctor", 2, False),
        ("models", 1, False),
        ("models", 0, True),
    ],
)
def test_only_status_and_doctor_may_end_with_what_is_missing(
    monkeypatch, home, command, code, allowed
):
    ended(monkeypatch, code, "what happened")
    if allowed:
        assert store._command(command, home) >= 0
    else:
        with pytest.raises(CannotMeasure, match=f"ann {command} ended with {code}: what happened"):
            store._command(command, home)


def test_an_unexpected_error_is_no_measurement_whatever_the_code(monkeypatch, home):
    ended(monkeypatch, 1, "unexpected error: KeyError")
    with pytest.raises(CannotMeasure, match="KeyError"):
        store._command("status", home)


def test_the_page_of_a_question_has_runs(home, monkeypatch):
    assert store._page(home) > 0
    monkeypatch.setattr("pipelines.tracking.question_views.LATEST_RUNS", "tags.variant = 'nosuch'")
    with pytest.raises(CannotMeasure, match="the comparison page has no runs"):
        store._page(home)


def test_the_runs_are_spread_evenly_over_sixty_days_the_last_one_newest(home):
    reader = open_reader(f"sqlite:///{home / 'mlflow.db'}")
    infos = reader.run_infos([experiment.experiment_id for experiment in reader.experiments()])
    starts = sorted(info.start_time for info in infos)
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert sum(gaps) == pytest.approx(60 * store.DAY * 119 / 120, rel=1e-3)
    assert max(gaps) == pytest.approx(min(gaps), abs=60_000)


def test_each_run_has_a_curve_and_what_the_comparisons_need(home):
    with closing(sqlite3.connect(home / "mlflow.db")) as opened:
        points = opened.execute(
            "SELECT count(*), min(step), max(step) FROM metrics "
            "WHERE key = 'metric_0' AND run_uuid = ?",
            (f"{0:032x}",),
        ).fetchone()
        latest = dict(opened.execute("SELECT key, count(*) FROM latest_metrics GROUP BY key"))
        params = opened.execute("SELECT count(*) FROM params").fetchone()[0]
    assert points == (store.CURVE, 0, store.CURVE - 1)
    assert {latest[name] for name in store.NEEDED} == {120}
    assert params == 120 * store.PARAMS
