"""`ann prune`: what a person and a program read."""

import json
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner

from pipelines import settings
from pipelines.cli import prune, session
from pipelines.errors import WrongUse
from pipelines.maintenance import retention
from pipelines.maintenance.retention import Item, Outcome, RetentionPlan
from pipelines.tracking import client

OLD = RetentionPlan(
    [Item("run", "mnist_ann", "0a1b", 0.0, 5_000_000), Item("file", "data/digits.npz", "/d", 0, 1)],
    flow_runs=3,
    kept={"used by registered versions": 2},
    active=False,
    older_than=timedelta(days=30),
)


@pytest.fixture
def asked(monkeypatch, tmp_path) -> list:
    """What the command asked for; nothing is opened."""
    calls = []

    def plan(store, older_than, keep):
        calls.append((older_than, keep))
        return OLD

    def apply(store, planned):
        calls.append("deleted")
        return Outcome(freed=6_000_000, removed=2, rows_left=1)

    here = settings.Settings(tmp_path, "http://mlflow:5000", None)
    monkeypatch.setattr(session, "load_settings_with_runs", lambda: here)
    monkeypatch.setattr(client.Tracking, "open", lambda tracking: tracking)
    monkeypatch.setattr(retention, "plan", plan)
    monkeypatch.setattr(retention, "apply", apply)
    return calls


def test_without_yes_it_is_listed_and_nothing_goes(asked):
    result = CliRunner().invoke(prune.prune, [])
    assert asked == [(timedelta(days=30), 10)]
    assert "run mnist_ann" in result.stdout
    assert "3 finished flow runs" in result.stdout
    assert "2 old runs are kept: used by registered versions" in result.stdout
    assert "2 to delete: 5.0 MB" in result.stdout
    assert "nothing was deleted; --yes deletes this permanently" in result.stderr


def test_each_item_is_a_row_with_its_age_in_days_and_a_file_has_no_path(asked, monkeypatch):
    items = [
        Item("run", "mnist_ann", "0a1b", time.time() - 40 * 86_400, 5_000_000),
        Item("file", "data/digits.npz", "/d/digits.npz", time.time() - 3 * 86_400, 100_000),
    ]
    monkeypatch.setattr(retention, "plan", lambda *_: replace(OLD, items=items))
    lines = CliRunner().invoke(prune.prune, []).stdout.splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["what", "days", "ago", "MB"],
        ["run", "mnist_ann", "0a1b", "40", "5.0"],
        ["file", "data/digits.npz", "3", "0.1"],
    ]


def test_where_nothing_is_old_the_option_that_deletes_is_not_advised(asked, monkeypatch):
    nothing = replace(OLD, items=[], flow_runs=0, kept={}, active=True)
    monkeypatch.setattr(retention, "plan", lambda *_: nothing)
    result = CliRunner().invoke(prune.prune, [])
    assert result.stdout == "files are kept while a run is active\n0 to delete: 0.0 MB\n"
    assert result.stderr == ""


@pytest.mark.parametrize("old", [{"items": []}, {"flow_runs": 0}], ids=["flow runs", "items"])
def test_where_something_is_old_the_option_that_deletes_is_advised(asked, monkeypatch, old):
    monkeypatch.setattr(retention, "plan", lambda *_: replace(OLD, **old))
    result = CliRunner().invoke(prune.prune, [])
    assert "--yes deletes this permanently" in result.stderr
    assert "while a run is active" not in result.stdout


def test_with_yes_it_goes_and_what_a_server_keeps_is_said(asked):
    result = CliRunner().invoke(prune.prune, ["--older-than", "6h", "--keep", "2", "--yes"])
    assert asked == [(timedelta(hours=6), 2), "deleted"]
    assert "2 deleted, 6.0 MB freed." in result.stdout
    assert "rows of 1 runs are kept in the server's database" in result.stdout
    assert "`mlflow gc` on the server" in result.stdout


def test_what_came_into_use_meanwhile_is_said_and_listed_no_more(asked, monkeypatch):
    kept = Outcome(removed=1, kept=OLD.items[1:])
    monkeypatch.setattr(retention, "apply", lambda store, planned: kept)
    assert "1 are kept: they came into use" in CliRunner().invoke(prune.prune, ["--yes"]).stdout
    assert [item["identity"] for item in run_json()["items"]] == ["0a1b"]


def test_a_program_reads_the_same_as_json(asked):
    document = json.loads(CliRunner().invoke(prune.prune, ["--json"]).stdout)
    assert document["removed"] is False
    assert document["bytes"] == 5_000_001
    assert [item["identity"] for item in document["items"]] == ["0a1b", "/d"]
    assert document["flow_runs"] == 3
    assert document["kept"] == {"used by registered versions": 2}
    assert document["failures"] == []


def test_what_was_deleted_and_what_could_not_be_is_read_as_json(asked, monkeypatch):
    assert run_json()["removed"] is True
    assert run_json()["bytes"] == 6_000_000
    failed = Outcome(freed=0, failures=["mnist_ann 0a1b: Permission denied"])
    monkeypatch.setattr(retention, "apply", lambda store, planned: failed)
    assert run_json(exit_code=1)["bytes"] == 0
    assert run_json(exit_code=1)["failures"] == failed.failures


def run_json(exit_code: int = 0) -> dict:
    result = CliRunner().invoke(prune.prune, ["--yes", "--json"])
    assert (result.exit_code, result.stderr) == (exit_code, "")
    return json.loads(result.stdout)


def test_a_failure_is_said_and_is_an_error(asked, monkeypatch):
    failed = Outcome(failures=["mnist_ann 0a1b: Permission denied"])
    monkeypatch.setattr(retention, "apply", lambda store, planned: failed)
    result = CliRunner().invoke(prune.prune, ["--yes"])
    assert result.exit_code == 1
    assert "ann: mnist_ann 0a1b: Permission denied" in result.stderr


@pytest.mark.parametrize("wrong", [["--older-than", "soon"], ["--keep", "0"]])
def test_what_cannot_be_meant_is_wrong_use(asked, wrong):
    assert CliRunner().invoke(prune.prune, wrong).exit_code == 2
    assert asked == []


def test_of_each_variant_one_run_may_be_kept(asked):
    assert CliRunner().invoke(prune.prune, ["--keep", "1"]).exit_code == 0
    assert asked == [(timedelta(days=30), 1)]


def test_without_a_store_nothing_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("ANN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(WrongUse, match="no run is in the state folder"):
        CliRunner().invoke(prune.prune, catch_exceptions=False, standalone_mode=False)
    assert not (tmp_path / "home").exists()
