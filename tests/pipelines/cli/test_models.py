"""`ann models`: versions with the gate's decisions; promotion, rollback and history."""

import json
import re
import shutil

import pytest
from mlflow import MlflowClient

from pipelines.cli import errors
from pipelines.registry.artifact_reader import ArtifactReader


@pytest.fixture
def with_files(monkeypatch):
    """The versions of these tests are entries alone: their files count as found."""
    monkeypatch.setattr(ArtifactReader, "verify", lambda self, version: None)


def test_every_version_is_shown_with_its_decision_and_reasons_newest_first(in_filled):
    output = in_filled("models").stdout
    assert output == (
        "mnist-digits version 3 [champion]\n"
        "  mnist_ann: forced\n"
        "    forced: smaller, for the old phones\n"
        "mnist-digits version 2\n"
        "  mnist_ann: refused, 91.00% of the validation digits\n"
        "    It is worse.\n"
        "    It is slower.\n"
        "mnist-digits version 1 [previous]\n"
        "  mnist_ann: promoted\n"
        "    There is no champion to beat.\n"
    )


def test_versions_are_json_for_programs(in_filled):
    versions = json.loads(in_filled("models", "--json").stdout)
    assert [version["number"] for version in versions] == ["3", "2", "1"]
    assert versions[1]["tags"]["decision"] == "refused"


def test_promote_and_roll_back_move_the_champion_and_record_why(ann, filled, tmp_path, with_files):
    shutil.copytree(filled, tmp_path / "home")
    client = MlflowClient(f"sqlite:///{tmp_path}/home/mlflow.db")

    def champion() -> int:
        return client.get_model_version_by_alias("mnist-digits", "champion").version

    result = ann("models", "promote", "2", "--reason", "a test")
    assert result.stdout == "mnist-digits version 2 is champion now.\n"
    assert f"was moved from {filled}" in result.stderr
    assert champion() == 2
    assert client.get_model_version("mnist-digits", "2").tags["forced_reason"] == "a test"
    assert ann("models", "rollback").stdout == "mnist-digits version 3 is champion again.\n"
    assert champion() == 3


def test_a_rollback_to_nowhere_is_refused(stored):
    result = stored("models", "rollback")
    assert result.exit_code == errors.FAILED
    assert "no previous champion" in result.stderr


def test_the_offline_digits_champion_is_listed(offline):
    output = offline("models").stdout
    assert output.startswith("offline-digits version 1 [champion]\n")
    assert "OFFLINE DIGITS" in output


def test_of_the_offline_digits_versions_one_is_promoted_where_there_is_no_other(
    offline, with_files
):
    result = offline("models", "promote", "1", "--reason", "a test")
    assert result.stdout == "offline-digits version 1 is champion now.\n"


def test_the_history_shows_every_decision_newest_first(ann, filled, tmp_path, with_files):
    shutil.copytree(filled, tmp_path / "home")
    ann("models", "promote", "1", "--reason", "a demonstration")
    ann("models", "promote", "2", "--reason", "another one")
    lines = ann("models", "history").stdout.splitlines()
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  version 2 promoted by ", lines[0])
    assert lines[1] == "    another one"
    assert "version 1 promoted by " in lines[2]
    found = json.loads(ann("models", "history", "--json").stdout)
    assert [(event["version"], event["by"]) for event in found] == [("2", "hand"), ("1", "hand")]


def test_the_history_notices_a_champion_that_was_set_in_mlflow(ann, filled, tmp_path, with_files):
    shutil.copytree(filled, tmp_path / "home")
    client = MlflowClient(f"sqlite:///{tmp_path}/home/mlflow.db")
    ann("models", "promote", "1", "--reason", "the first")
    client.set_registered_model_alias("mnist-digits", "champion", "2")
    shown = ann("models", "history").stdout.splitlines()
    assert shown[0].endswith("Z  version 2 made champion elsewhere")
    assert "set without a record, in MLflow's UI or by a client; noticed now" in shown[1]
    assert ann("models", "history").stdout.splitlines() == shown


def test_a_model_without_decisions_has_no_history(in_filled):
    assert in_filled("models", "--name", "offline-digits", "history").stdout == (
        "offline-digits has no history yet.\n"
    )


@pytest.mark.parametrize(
    "arguments", [("models", "promote", "99", "--reason", "x"), ("export", "mnist-digits/99", "a")]
)
def test_a_missing_version_is_wrong_use_of_every_command_and_names_those_there_are(
    in_filled, arguments
):
    result = in_filled(*arguments)
    assert result.exit_code == errors.WRONG_USE
    assert result.stderr == "ann: mnist-digits has no version '99'; its versions: 3, 2, 1.\n"


def test_an_unknown_model_is_wrong_use_with_those_that_have_a_version(in_filled):
    result = in_filled("models", "--name", "nosuch")
    assert result.exit_code == errors.WRONG_USE
    assert result.stderr == (
        "ann: no registered model is called 'nosuch'; these have versions: mnist-digits.\n"
    )


def test_where_no_model_has_a_version_an_unknown_one_is_told_how_to_make_one(stored):
    result = stored("models", "--name", "nosuch")
    assert result.exit_code == errors.WRONG_USE
    assert "none has a version yet, `ann run mnist_ann` makes one." in result.stderr


def test_a_promotion_needs_a_reason(in_filled):
    result = in_filled("models", "promote", "1")
    assert result.exit_code == errors.WRONG_USE
    assert "Missing option '--reason'" in result.stderr


def test_one_model_is_listed_by_its_name(in_filled, filled):
    client = MlflowClient(f"sqlite:///{filled}/mlflow.db")
    client.create_registered_model("fashion-mnist")
    client.create_model_version("fashion-mnist", "file:///x", await_creation_for=0)
    try:
        assert in_filled("models", "--name", "fashion-mnist").stdout.startswith(
            "fashion-mnist version 1\n"
        )
        both = json.loads(in_filled("models", "--json").stdout)
        assert [v["name"] for v in both] == ["mnist-digits"] * 3 + ["fashion-mnist"]
    finally:
        client.delete_registered_model("fashion-mnist")


def test_where_there_is_no_version_the_way_to_one_is_said(ann):
    result = ann("models")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "mnist-digits or offline-digits has no versions yet; `ann run mnist_ann`" in (
        result.stderr
    )
    assert ann("models", "--json").stdout == "[]\n"


def test_a_listing_makes_no_store(ann, tmp_path):
    ann("models")
    assert not (tmp_path / "home" / "mlflow.db").exists()


def test_mnists_versions_are_not_marked_as_offline(in_filled):
    assert "OFFLINE" not in in_filled("models").output
