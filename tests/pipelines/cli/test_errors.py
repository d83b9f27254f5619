"""An error is one sentence and an exit code; its traceback is in the log."""

import sqlite3

import pytest
from mlflow.exceptions import MlflowException

from ann_models.errors import InvalidSetting, TrainingDiverged, UnknownName
from pipelines.cli import errors, session
from pipelines.errors import PipelineError, UnknownVersion, WrongUse
from serving.errors import CannotListen, NoChampion, WrongSetting


@pytest.fixture
def log(tmp_path, monkeypatch):
    """The log of a state folder."""
    monkeypatch.setenv("ANN_HOME", str(tmp_path))
    return tmp_path / "ann.log"


def test_the_exit_codes_are_those_that_the_manual_promises():
    assert (errors.DONE, errors.FAILED, errors.WRONG_USE) == (0, 1, 2)


@pytest.mark.parametrize(
    "kind", [UnknownName, InvalidSetting, WrongUse, WrongSetting, CannotListen, UnknownVersion]
)
def test_what_a_person_asked_for_wrongly_has_code_2_and_no_traceback(kind, log, capsys):
    assert errors.report(kind("that cannot be.")) == errors.WRONG_USE
    assert capsys.readouterr().err == "ann: that cannot be.\n"
    assert not log.exists()


@pytest.mark.parametrize("kind", [TrainingDiverged, PipelineError, NoChampion])
def test_what_failed_has_code_1_and_its_traceback_is_kept_without_a_word(kind, log, capsys):
    assert errors.report(kind("the disk is full.")) == errors.FAILED
    assert capsys.readouterr().err == "ann: the disk is full.\n"
    assert f"{kind.__name__}: the disk is full." in log.read_text()


def test_tracebacks_are_appended(log, capsys):
    for message in ("first", "second"):
        errors.report(RuntimeError(message))
    text = log.read_text()
    assert text.index("RuntimeError: first") < text.index("RuntimeError: second")


def test_where_no_log_can_be_written_the_message_is_all(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ANN_HOME", str(tmp_path / "no such folder"))
    assert errors.report(RuntimeError("the tables are round")) == errors.FAILED
    assert capsys.readouterr().err == "ann: RuntimeError: the tables are round\n"


def test_an_interruption_leaves_no_traceback(log, capsys):
    assert errors.report(KeyboardInterrupt()) == errors.FAILED
    assert "what is finished is kept" in capsys.readouterr().err
    assert not log.exists()


def locked_while_interrupted() -> BaseException:
    """As SQLAlchemy and MLflow translate it: each names its cause, and the first knows the rest."""
    locked = sqlite3.OperationalError("database is locked")
    locked.__context__ = KeyboardInterrupt()
    translated = MlflowException("(sqlite3.OperationalError) database is locked")
    translated.__cause__ = locked
    return translated


def test_a_database_that_is_locked_during_an_interruption_is_an_interruption(log, capsys):
    assert errors.report(locked_while_interrupted()) == errors.FAILED
    message = capsys.readouterr().err
    assert message.startswith("ann: interrupted; an active run is marked KILLED")
    assert "locked" not in message
    assert "database is locked" in log.read_text()


def test_an_error_is_one_message_and_its_traceback_is_in_the_log(offline, tmp_path):
    result = offline("models", "rollback")
    assert result.exit_code == errors.FAILED
    assert result.stderr.startswith("ann: offline-digits has no previous champion")
    assert result.stderr.count("\n") == 1
    assert "Traceback" in (tmp_path / "home/ann.log").read_text()


def test_an_unexpected_error_says_where_its_traceback_is(ann, monkeypatch, tmp_path):
    def fail():
        raise RuntimeError("the tables are round")

    monkeypatch.setattr(session, "load_settings", fail)
    (tmp_path / "home").mkdir()
    result = ann("compare")
    assert result.exit_code == errors.FAILED
    assert result.stderr.splitlines() == [
        "ann: RuntimeError: the tables are round",
        f"ann: unexpected error; the traceback is in {tmp_path}/home/ann.log",
    ]


def test_an_interruption_is_a_sentence(ann, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "load_settings", interrupt)
    result = ann("compare")
    assert result.exit_code == errors.FAILED
    assert result.stderr.startswith("ann: interrupted")
