"""`ann sweep`: what is asked for reaches the flow; the best trials are shown first."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.cli import session
from pipelines.cli import sweep as command
from pipelines.flows import sweep as flows
from pipelines.flows.sweep import SweepReport
from pipelines.settings import Settings

SERVER = Settings(Path("home"), "http://mlflow:5000", None)
OVER = ["--over", "optimizer.learning_rate=1e-3..1e-1:log"]


def trial(objective: float | None, state: str = "complete") -> dict[str, Any]:
    settings = {"epochs": f"{objective}", "batch_size": "8"}
    return {"state": state, "objective": objective, "settings": settings}


def report(*trials: dict[str, Any]) -> SweepReport:
    return SweepReport("xor_mlp", "4 points", {}, list(trials), "r1", "#/view")


@pytest.fixture
def asked(monkeypatch) -> SimpleNamespace:
    """What the flow was asked for; nothing is trained."""
    found = SimpleNamespace(flow=None, trains_here=None)

    def sweep(*arguments):
        found.flow = arguments
        return report(trial(0.5))

    def prepare(settings, trains_here):
        found.trains_here = trains_here

    monkeypatch.setattr(flows, "sweep", sweep)
    monkeypatch.setattr(session, "prepare_flows", prepare)
    return found


def test_thirty_trials_are_trained_here_unless_told_otherwise(ann, asked):
    assert ann("sweep", "relu_regression_1", *OVER).exit_code == 0
    assert asked.flow == ("relu_regression_1", OVER[1:], 30, None, None, 1, None)
    assert asked.trains_here is True


def test_every_option_reaches_the_flow(ann, asked):
    more = ["--over", "layers.0.units=1..9", "--trials", "4", "--seeds", "2", "--workers", "3"]
    words = ["sweep", "relu_regression_1", *OVER, *more, "--set", "epochs=2"]
    assert ann(*words).exit_code == 0
    over = [OVER[1], "layers.0.units=1..9"]
    assert asked.flow == ("relu_regression_1", over, 4, 2, {"epochs": "2"}, 3, None)
    assert asked.trains_here is False


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["relu_regression_1"], "Missing option '--over'"),
        (["relu_regresion_1", *OVER], "no variant is called"),
        (["relu_regression_1", "--over", "layers.0.units=9..1"], "must be the smaller one"),
        (["relu_regression_1", *OVER, "--set", "epochs=no"], "epochs"),
        (["relu_regression_1", *OVER, "--trials", "0"], "0 is not in the range 1<=x<=10000"),
        (["relu_regression_1", *OVER, "--seeds", "0"], "0 is not in the range 1<=x<=100"),
        (["relu_regression_1", *OVER, "--workers", "257"], "257 is not in the range 1<=x<=256"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_meant_is_wrong_use_before_anything_starts(ann, asked, words, sentence):
    result = ann("sweep", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert asked.trains_here is asked.flow is None


MINE = """
[[question]]
key = "smooth"
title = "Which?"
look_at = "Look."
[[variant]]
name = "mine"
like = "relu_regression_1"
question = "smooth"
epochs = 7
"""


def test_a_variant_of_a_table_of_ones_own_is_searched_and_run_by_the_printed_command(
    ann, asked, tmp_path, monkeypatch
):
    (tmp_path / "mine.toml").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    assert ann("sweep", "--table", "mine.toml", "mine", *OVER).exit_code == 0
    path = str(tmp_path / "mine.toml")
    assert asked.flow == ("mine", OVER[1:], 30, None, None, 1, path)
    best = SweepReport("mine", "4 points", {}, [trial(0.5)], table=path)
    assert best.command == f"ann run mine --table {path} --set epochs=0.5 --set batch_size=8"


def test_a_name_that_is_not_in_the_table_is_wrong_use(ann, asked, tmp_path):
    (tmp_path / "mine.toml").write_text(MINE)
    result = ann("sweep", "--table", str(tmp_path / "mine.toml"), "xor_mlp", *OVER)
    assert result.exit_code == 2
    assert "the table has no variant 'xor_mlp'" in result.stderr


def test_a_question_is_left_to_the_flow_which_knows_its_variants(ann, asked):
    assert ann("sweep", "neurons", *OVER).exit_code == 0
    assert asked.flow[0] == "neurons"


def shown(capsys, found: SweepReport) -> list[str]:
    command._show(found, SERVER, as_json=False)
    return capsys.readouterr().out.splitlines()


def test_the_ten_best_trials_are_shown_best_first_with_their_settings(capsys):
    found = [trial(i / 100) for i in (7, 3, 9, 1, 12, 5, 2, 11, 8, 4, 10, 6)]
    lines = shown(capsys, report(*found))
    assert lines[0].split() == ["validation", "loss", "epochs", "batch_size"]
    assert [line.split()[0] for line in lines[1:11]] == [
        *("0.01", "0.02", "0.03", "0.04", "0.05", "0.06", "0.07", "0.08", "0.09", "0.1")
    ]
    assert lines[1].split() == ["0.01", "0.01", "8"]
    assert lines[11].startswith("12 trials, 0 pruned, diverged or refused; judged by 4 points.")


def test_pruned_and_diverged_trials_are_counted_and_interrupted_ones_are_not(capsys):
    others = [trial(None, state) for state in ("pruned", "diverged", "interrupted", "pruned")]
    lines = shown(capsys, report(others[0], trial(0.5), *others[1:]))
    assert lines[2].startswith("1 trials, 3 pruned, diverged or refused")


def test_the_figures_and_the_command_of_the_best_are_named_last(capsys):
    lines = shown(capsys, report(trial(0.5), trial(0.25)))
    assert lines[-2:] == [
        "Figures and all trials: http://mlflow:5000/#/view",
        "Run the best: ann run xor_mlp --set epochs=0.25 --set batch_size=8",
    ]


def test_programs_read_the_best_trial_and_its_command_too(capsys):
    command._show(report(trial(0.5), trial(0.25)), SERVER, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["best"] == document["trials"][1]
    assert document["command"].startswith("ann run xor_mlp")
