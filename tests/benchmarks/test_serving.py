"""The serving benchmark: medians over turns, and the promised JSON."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from benchmarks import serving
from benchmarks.cli import benchmark
from benchmarks.errors import CannotMeasure
from benchmarks.load import Load
from benchmarks.serving import Footprint, Result

RESULT = Result("ann serve", "JSON", 32, 5000.0, 6.0, 12.0, 0)
FOOTPRINTS = {"ann serve": Footprint(0.7, 140.0), "bare handler": Footprint(0.3, 76.0)}


def test_the_middle_turn_counts_and_every_error():
    turns = [Load(1.0, [0.001] * n, errors) for n, errors in ((10, 0), (50, 2), (30, 1))]
    result = serving._median(("x", "JSON", 4), turns)
    assert result.requests_per_second == 30
    assert result.p50_ms == pytest.approx(1.0)
    assert result.errors == 3


def test_the_command_prints_the_promised_json_and_nothing_else(monkeypatch):
    monkeypatch.setattr(serving, "compare", lambda *_: ([RESULT], FOOTPRINTS))
    done = CliRunner().invoke(benchmark, ["serving", "--json"])
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert (document["ready_seconds"], document["resident_mb"]) == (0.7, 140.0)
    assert document["results"][0].keys() == {
        *("server", "body", "connections", "requests_per_second", "p50_ms", "p99_ms", "errors")
    }


def test_a_server_that_does_not_start_is_a_sentence(monkeypatch):
    def fail(*_):
        raise CannotMeasure("mlserver ended with 3 before it answered")

    monkeypatch.setattr(serving, "compare", fail)
    done = CliRunner().invoke(benchmark, ["serving"])
    assert done.exit_code == 1
    assert "mlserver ended with 3" in done.stderr


def test_the_plot_shows_the_heaviest_load_alone():
    light = Result("bare handler", "JSON", 1, 9.0, 1.0, 1.0, 0)
    (axes,) = serving.plot([light, RESULT]).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ann serve: JSON"]
