"""The commands that measure: what is wrong is said before minutes are spent."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from benchmarks import cli, store, suite
from benchmarks.store import Growth


def called(*arguments):
    return CliRunner().invoke(cli.benchmark, arguments)


@pytest.mark.parametrize("command", ["training", "serving"])
def test_a_plot_into_a_folder_that_does_not_exist_is_refused_at_once(tmp_path, command):
    done = called(command, "--plot", str(tmp_path / "nosuch" / "plot.png"))
    assert done.exit_code == 2
    assert f"{tmp_path / 'nosuch'} is not a folder." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (("training", "--seeds", "0"), "1<=x<=100"),
        (("serving", "--connections", "4097"), "1<=x<=4096"),
        (("store", "--turns", "0"), "1<=x<=100"),
        (("hostile", "--requests", "0"), "1<=x<=10000000"),
        (("pipeline", "--workers", "257"), "1<=x<=256"),
    ],
)
def test_a_number_out_of_range_is_refused_with_the_range(arguments, allowed):
    done = called(*arguments)
    assert done.exit_code == 2
    assert allowed in done.stderr


def test_the_growth_of_each_command_is_a_row(monkeypatch):
    turned = []

    def compare(turns, say):
        turned.append(turns)
        say("a store …")
        return [Growth("models", 0.5, 0.75)]

    monkeypatch.setattr(store, "compare", compare)
    done = called("store")
    assert turned == [3]
    assert done.stderr == "a store …\n"
    assert [part for part in done.stdout.split() if part[0].isalnum()][-4:] == [
        "models",
        "0.50",
        "0.75",
        "1.50",
    ]


@pytest.mark.parametrize("as_json", [True, False])
def test_a_part_that_could_not_be_measured_is_told_beside_the_others(monkeypatch, as_json):
    found = {"ratios": {"training": 2.5}, "store": {"error": "no store"}, "shortened": True}
    monkeypatch.setattr(suite, "run", lambda shortened, say: found)
    done = called("all", *(["--json"] if as_json else []))
    assert done.exit_code == 1
    assert done.stderr == "store was not measured: no store\n"
    if as_json:
        assert json.loads(done.stdout) == found
    else:
        assert done.stdout == "training: 2.50\n"


def test_all_parts_measured_is_a_success(monkeypatch):
    monkeypatch.setattr(suite, "run", lambda shortened, say: {"ratios": {}, "part": {"rows": []}})
    assert called("all").exit_code == 0


@pytest.mark.parametrize(
    ("losses", "text"),
    [
        ([0.123456], "0.123"),
        ([3.0, 1.0, 2.0], "2 (1 … 3)"),
        ([4.0, 1.0, 3.0, 2.0], "2 (1 … 4)"),
    ],
)
def test_losses_are_their_median_and_the_range_of_several_seeds(losses, text):
    assert cli._losses(losses) == text
