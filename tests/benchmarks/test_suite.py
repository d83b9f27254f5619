"""All benchmarks in one document, and a guard that notices when a ratio drops by a third."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import suite
from benchmarks.cli import benchmark

FOUND = {
    "training": {"ratio_total": 60.0, "rows": [{"name": "mnist_ann", "ratio": 5.0}]},
    "pipeline": {"bare_seconds": 50.0, "pipeline_seconds": 100.0},
    "serving": {
        "results": [
            {"server": server, "body": body, "connections": 32, "requests_per_second": rate}
            for server, body, rate in (
                *(("ann serve", "JSON", 4000.0), ("ann serve", "PNG", 1000.0)),
                ("bare handler", "JSON", 5000.0),
            )
        ]
    },
    "store": {"commands": [{"command": "models", "ratio": 1.25}]},
}
RATIOS = {
    "training: fit / trainer": 60.0,
    "training: mnist_ann": 5.0,
    "pipeline: bare / ann run": 0.5,
    "serving: ann serve / bare handler, 32 connections": 0.8,
    "store: small / large, models": 0.8,
}


def test_every_ratio_is_named_and_higher_is_better(monkeypatch):
    monkeypatch.setattr(suite.training, "NAMES", ("mnist_ann",))
    assert suite.ratios(FOUND) == pytest.approx(RATIOS)


def test_some_trainings_have_no_ratio_of_the_whole_set():
    measured = suite.ratios({"training": FOUND["training"]})
    assert measured == {"training: mnist_ann": 5.0}


def test_a_part_that_was_not_measured_has_no_ratios():
    assert suite.ratios({"training": {"error": "no TensorFlow"}, "store": {"error": "?"}}) == {}


def test_a_ratio_may_fall_by_a_third_and_no_more():
    assert suite.dropped({"a": 2.0}, {"a": 3.0}) == []
    assert suite.dropped({"a": 1.99}, {"a": 3.0}) == ["a: 1.99, less than two thirds of 3.00"]
    assert suite.dropped({"new": 1.0}, {"a": 3.0}) == ["a: not measured; 3.00 is recorded"]


@pytest.fixture
def measured(monkeypatch):
    for name in ("training", "pipeline", "serving", "store", "accuracy"):
        module = getattr(suite, name)
        monkeypatch.setattr(module, "document", lambda *_: {"rows": []})
        for function in ("compare", "measure", "overhead", "sweeps"):
            monkeypatch.setattr(module, function, lambda *_, **__: ((), ()), raising=False)


def test_the_parts_and_the_machine_are_one_document(measured):
    done = CliRunner().invoke(benchmark, ["all", "--shortened", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found.keys() == {
        *("machine", "shortened", "training", "time_to_accuracy", "pipeline", "serving"),
        *("store", "ratios"),
    }
    assert found["machine"]["cores"] and found["machine"]["processor"]


def test_a_part_that_fails_costs_the_others_nothing(measured, monkeypatch):
    def fail(*_):
        raise RuntimeError("no champion")

    monkeypatch.setattr(suite.serving, "compare", fail)
    done = CliRunner().invoke(benchmark, ["all", "--json"])
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found["serving"]["error"] == "RuntimeError: no champion"
    assert "error" not in found["store"]
    assert "serving was not measured: RuntimeError: no champion" in done.stderr


def guard(folder: Path, measured: object) -> tuple[int, str]:
    (folder / "result.json").write_text(json.dumps(measured))
    (folder / "ratios.json").write_text(json.dumps({"a": 3.0}))
    paths = [str(folder / "result.json"), "--recorded", str(folder / "ratios.json")]
    done = CliRunner().invoke(benchmark, ["guard", *paths])
    return done.exit_code, done.output


def test_the_guard_fails_when_a_ratio_drops_by_more_than_a_third(tmp_path):
    assert guard(tmp_path, {"ratios": {"a": 2.5}})[0] == 0
    code, output = guard(tmp_path, {"ratios": {"a": 1.5}})
    assert (code, "a: 1.50" in output) == (1, True)


@pytest.mark.parametrize(("slower", "code"), [(1.0, 0), (1.6, 1)])
def test_of_one_benchmarks_result_what_it_measured_has_to_reach_what_is_recorded(
    tmp_path, slower, code
):
    recorded = {"store: small / large, models": 0.8, "training: mnist_ann": 5.0}
    (tmp_path / "ratios.json").write_text(json.dumps(recorded))
    result = {"commands": [{"command": "models", "ratio": 1.25 * slower}]}
    arguments = ["guard", "-", "--recorded", str(tmp_path / "ratios.json")]
    done = CliRunner().invoke(benchmark, arguments, json.dumps(result))
    assert done.exit_code == code, done.output
    assert "training" not in done.output


@pytest.mark.parametrize("content", [{}, [], {"ratios": None}, {"rows": [], "commands": []}])
def test_a_file_that_is_no_result_is_wrong_use(tmp_path, content):
    assert guard(tmp_path, content)[0] == 2


def test_the_recorded_ratios_are_of_benchmarks_that_exist():
    recorded = json.loads(Path(suite.__file__).with_name("ratios.json").read_text())
    parts = {name.partition(":")[0] for name in recorded}
    assert parts <= {"training", "pipeline", "serving", "store"}
    assert all(value > 0 for value in recorded.values())
