"""The pipeline benchmark compares like with like, and calls a quick look a quick look."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing

import pytest
from click.testing import CliRunner

from benchmarks import pipeline
from benchmarks.cli import benchmark
from benchmarks.errors import CannotMeasure
from benchmarks.pipeline import Job, Overhead, Sweep


def test_overhead_is_the_whole_difference_and_a_variants_share_of_the_span(monkeypatch):
    jobs = iter(
        [
            Job(60.0, {"a": 1.0, "b": 2.0, "c": 30.0}),
            Job(68.0, {"a": 1.1, "b": 2.2, "c": 31.0}, span=33.3),
        ]
    )
    monkeypatch.setattr(pipeline, "_job", lambda command: next(jobs))
    measured = pipeline.overhead()
    assert measured.overhead_seconds == pytest.approx(8.0)
    assert measured.overhead_per_variant_seconds == pytest.approx(0.1)


def test_the_span_is_from_the_first_start_to_the_last_end_of_the_jobs_own_runs(tmp_path):
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store, store:
        store.execute("CREATE TABLE runs (run_uuid, start_time, end_time)")
        runs = [("a", 1_000, 4_000), ("b", 2_000, 7_500), ("overview", 8_000, 9_000)]
        store.executemany("INSERT INTO runs VALUES (?, ?, ?)", runs)
    assert pipeline._span(tmp_path, [{"run_id": "a"}, {"run_id": "b"}]) == 6.5


def test_a_process_that_fails_is_no_measurement():
    with pytest.raises(CannotMeasure, match=r"ended with 1: .*no such thing"):
        pipeline._job([sys.executable, "-c", "raise SystemExit('no such thing')"])


@pytest.fixture
def measured(monkeypatch):
    added = Overhead(60.0, 68.0, 8.0, 0.1)
    swept = [Sweep(None, 20.0), Sweep(1, 30.0), Sweep(2, 16.0)]
    monkeypatch.setattr(pipeline, "overhead", lambda *_: added)
    monkeypatch.setattr(pipeline, "sweeps", lambda *_: swept)


def test_the_command_prints_the_promised_json_and_nothing_else(measured):
    done = CliRunner().invoke(benchmark, ["pipeline", "--shortened", "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "shortened": True,
        "bare_seconds": 60.0,
        "pipeline_seconds": 68.0,
        "overhead_seconds": 8.0,
        "overhead_per_variant_seconds": 0.1,
        "workers": [{"workers": 1, "seconds": 30.0}, {"workers": 2, "seconds": 16.0}],
        "sequential_seconds": 20.0,
    }
    assert "not the benchmark" in done.stderr


def test_the_table_says_how_many_times_faster(measured):
    done = CliRunner().invoke(benchmark, ["pipeline"])
    assert "1.88" in done.stdout
    assert "SHORTENED" not in done.stdout


@pytest.mark.slow
def test_a_bare_job_and_a_tracked_one_do_the_same_rows(monkeypatch):
    few = ["relu_shapes", "overfit_dropout"]
    rows: list[list[str]] = []
    job = pipeline._job

    def fewer(command, environ=None):
        done = job([*command, *few], environ)
        rows.append(list(done.rows))
        return done

    monkeypatch.setattr(pipeline, "_job", fewer)
    measured = pipeline.overhead(shortened=True)
    assert [sorted(names) for names in rows] == [sorted(few)] * 2
    assert measured.pipeline_seconds > measured.bare_seconds > 0


@pytest.mark.slow
def test_a_sweep_runs_sequentially_and_on_workers(monkeypatch):
    monkeypatch.setattr(pipeline, "SWEEP", ["overfit_dropout", "relu_regression_1"])
    sequential, on_two = pipeline.sweeps([2], shortened=True)
    assert (sequential.workers, on_two.workers) == (None, 2)
    assert min(sequential.seconds, on_two.seconds) > 0
