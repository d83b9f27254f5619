"""The training benchmark measures what it says and calls a quick look a quick look."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from benchmarks import training
from benchmarks.cli import benchmark


@pytest.fixture(scope="module")
def rows():
    return training.compare(["overfit_dropout"], seeds=2, shortened=True)


@pytest.mark.slow
def test_fit_and_trainer_both_train_every_seed(rows):
    (row,) = rows
    assert len(row.fit_loss) == len(row.trainer_loss) == 2
    assert row.ratio == pytest.approx(row.fit_seconds / row.trainer_seconds)
    assert 0 <= row.p_value <= 1
    assert 100 < row.trainer_megabytes < 4000


@pytest.mark.slow
def test_the_plot_of_a_quick_look_says_so(rows):
    (axes,) = training.plot(rows, shortened=True).axes
    assert "NOT the benchmark" in axes.get_title()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["overfit_dropout"]


def a_row(fit: float, trainer: float) -> training.Row:
    return training.Row("x", fit, trainer, fit / trainer, [1.0], [1.0], None, trainer, 1.0, 1.0)


def test_the_total_ratio_weighs_each_training_by_its_time():
    rows = [a_row(100.0, 1.0), a_row(2.0, 1.0)]
    assert training.ratio_total(rows) == pytest.approx(51)


def test_the_command_prints_the_promised_json_and_nothing_else(monkeypatch):
    monkeypatch.setattr(training, "compare", lambda *_: [a_row(10.0, 1.0)])
    done = CliRunner().invoke(benchmark, ["training", "--shortened", "--json"])
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["shortened"] is True
    assert document["ratio_total"] == pytest.approx(10)
    keys = {"name", "fit_seconds", "trainer_seconds", "ratio", "fit_loss", "trainer_loss"}
    assert keys <= document["rows"][0].keys()
    assert "not the benchmark" in done.stderr


def test_a_rank_test_does_not_distinguish_equal_losses():
    assert training._p_value([1.0, 2.0, 3.0, 4.0], [1.1, 2.1, 2.9, 3.9]) > 0.05
    assert training._p_value([1.0], [1.0]) is None


def test_a_name_without_a_network_is_wrong_use():
    done = CliRunner().invoke(benchmark, ["training", "recursion"])
    assert done.exit_code == 2
    assert "recursion trains no network" in done.stderr
