"""`ann retrain` and `ann drift`: what a person and a program read."""

import json

import pytest
from click.testing import CliRunner

from ann_models.errors import UnknownName
from pipelines.cli import retrain as commands
from pipelines.cli import session
from pipelines.flows import drift as watching
from pipelines.flows import retraining
from pipelines.flows.retraining import ChallengerResult, RetrainingFailed, RetrainingReport
from pipelines.settings import Settings, ui_address

RETRAINED = RetrainingReport(
    "flow-run",
    "mnist-digits",
    "retrained",
    "2",
    corrections={"accepted": 40, "contradicted": 2},
    refusals=["The corrections of 2026-01-01 are refused: 30 of 30 name the digit 7."],
    challengers=[
        ChallengerResult("mnist_ann", "run", "2", "mnist-digits version 2 is the new champion")
    ],
)


@pytest.fixture(autouse=True)
def started(monkeypatch, tmp_path):
    """Nothing heavy starts."""
    from pipelines import settings

    here = settings.Settings(tmp_path, "http://mlflow:5000", None)
    monkeypatch.setattr(session, "load_settings_with_runs", lambda: here)
    monkeypatch.setattr(session, "prepare_flows", lambda settings: None)


def returning(report, monkeypatch):
    asked = []

    def retrain(names, force, model):
        asked.append((names, force, model))
        return report

    monkeypatch.setattr(retraining, "retrain", retrain)
    return asked


def test_a_retraining_is_reported(monkeypatch):
    asked = returning(RETRAINED, monkeypatch)
    result = CliRunner().invoke(commands.retrain, [])
    assert asked == [(None, False, None)]
    assert "40 corrections: accepted" in result.output
    assert "30 of 30 name the digit 7" in result.output
    assert "is the new champion" in result.output


def test_a_program_reads_the_same_as_json(monkeypatch):
    asked = returning(RETRAINED, monkeypatch)
    result = CliRunner().invoke(commands.retrain, ["mnist_cnn", "--force", "--json"])
    assert asked == [(["mnist_cnn"], True, None)]
    report = json.loads(result.stdout)
    assert report["status"] == "retrained"
    assert report["corrections"] == {"accepted": 40, "contradicted": 2}
    assert report["challengers"][0]["version"] == "2"


def test_one_correction_is_counted_in_the_singular(monkeypatch):
    report = RetrainingReport("r", "mnist-digits", "retrained", "2", {"accepted": 1})
    returning(report, monkeypatch)
    assert "1 correction: accepted" in CliRunner().invoke(commands.retrain, []).output


@pytest.mark.parametrize(
    "reason", [retraining.NOTHING_NEW, "there is no correction of mnist-digits yet"]
)
def test_nothing_new_says_why_and_what_can_be_done(monkeypatch, reason):
    report = RetrainingReport("flow-run", "mnist-digits", "nothing new", "1", reason=reason)
    returning(report, monkeypatch)
    result = CliRunner().invoke(commands.retrain, [])
    assert result.exit_code == 0
    assert f"{reason}; --force trains all the same." in result.stderr
    assert "version 1 is champion" in result.stdout


def test_a_challenger_that_failed_is_shown_and_ends_in_an_error(monkeypatch):
    report = RetrainingReport(
        "r", "mnist-digits", "failed", "1", challengers=[ChallengerResult("mnist_ann")]
    )
    report.challengers[0].error = "the training diverged"

    def retrain(names, force, model):
        raise RetrainingFailed(report)

    monkeypatch.setattr(retraining, "retrain", retrain)
    result = CliRunner().invoke(commands.retrain, [])
    assert isinstance(result.exception, RetrainingFailed)
    assert "mnist_ann failed: the training diverged" in result.stdout


def test_an_unknown_name_is_refused_before_anything_starts(monkeypatch):
    for step in ("load_settings_with_runs", "prepare_flows"):
        monkeypatch.setattr(session, step, lambda *_: pytest.fail("started"))
    result = CliRunner().invoke(commands.retrain, ["mnist_an"])
    assert isinstance(result.exception, UnknownName)


@pytest.mark.parametrize(
    ("least", "code"),
    [(9, 2), (10, 0), (watching.MOST, 0), (watching.MOST + 1, 2)],
)
def test_no_more_images_are_asked_for_than_are_compared(monkeypatch, least, code):
    report = watching.DriftReport("r", "mnist-digits", "2", "no drift", 300)
    monkeypatch.setattr(watching, "drift", lambda days, least, model: report)
    result = CliRunner().invoke(commands.drift, ["--least", str(least)])
    assert result.exit_code == code
    assert code == 0 or f"{least} is not in the range" in result.stderr


@pytest.mark.parametrize("as_json", [True, False])
def test_the_watch_tells_each_measure_and_the_verdict(monkeypatch, as_json):
    finding = {"size": 0.4, "least": 0.15, "p_value": 1e-9, "level": 0.0025}
    report = watching.DriftReport(
        "r", "mnist-digits", "2", "drift", 300, ["ink"], {"ink": finding}, "abc"
    )
    asked = []
    monkeypatch.setattr(watching, "drift", lambda *given: asked.append(given) or report)
    result = CliRunner().invoke(commands.drift, ["--json"] if as_json else [])
    assert asked == [(7.0, 100, None)]
    if as_json:
        assert json.loads(result.stdout)["findings"]["ink"] == finding
    else:
        assert "ink         DRIFTED    change 0.400 (matters from 0.15 on)" in result.stdout
        assert "drift: 300 different images" in result.stdout
        assert "run abc in MLflow's UI, http://mlflow:5000" in result.stdout


def test_mlflows_pages_are_named_as_browsers_reach_them(tmp_path, monkeypatch):
    there = Settings(tmp_path, "http://mlflow:5000/", None)
    assert ui_address(there) == "http://mlflow:5000"
    monkeypatch.setenv("ANN_MLFLOW_UI", "http://127.0.0.1:5050/")
    assert ui_address(there) == "http://127.0.0.1:5050"
