"""`ann compare` and `ann leaderboard`: numbers side by side, and the pages that show more."""

import json
import os

import pytest

from ann_models.entry import Question
from ann_models.findings import Findings
from pipelines import settings
from pipelines.cli import compare
from pipelines.cli.compare import _with_copies
from pipelines.tracking.client import Tracking
from pipelines.tracking.saved_views import link
from tests.support.silent_server import SilentServer

RESULTS = {"test_accuracy": 0.97, "val_accuracy": 0.96, "parameters": 9.0, "ece": 0.1}


def log(tracking: Tracking, name: str, question: str = "digits", **tags: str) -> str:
    experiment = tracking.experiment(question)
    about = {"variant": name, "quick": "false", "seeds": "1", "data_source": "mnist"} | tags
    with tracking.run(experiment, name, about) as run_id:
        tracking.log_findings(run_id, Findings(RESULTS | {"train_seconds": 1.0}), {})
    tracking.make_newest(run_id, name, experiment)
    return run_id


@pytest.fixture
def tracking(stored, tmp_path) -> Tracking:
    """The store of the state folder in use."""
    return Tracking(settings.load({"ANN_HOME": str(tmp_path / "home")}))


def test_runs_are_compared_side_by_side_with_the_page_that_shows_more(in_filled):
    lines = in_filled("compare", "mnist_cnn", "mnist_ann").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [
        ["mnist_ann", "97.50%"],
        ["mnist_cnn", "98.50%"],
    ]
    assert "viewStateShareKey=digits" in lines[3]


def test_runs_are_compared_as_json(in_filled):
    rows = json.loads(in_filled("compare", "--json").stdout)
    assert [(row["name"], row["metrics"]) for row in rows] == [
        ("mnist_ann", {"test_accuracy": 0.975}),
        ("mnist_cnn", {"test_accuracy": 0.985}),
    ]


def test_a_run_with_changes_of_an_unknown_origin_is_labelled_by_its_own_name():
    assert compare._label({"variant": "mine", "set.epochs": "5"}) == "mine, epochs=5"
    changed = {"variant": "mine+", "derived_from": "mine", "set.epochs": "5"}
    assert compare._label(changed) == "mine, epochs=5"


@pytest.mark.parametrize(
    ("value", "shown"),
    [("images:letters=/home/me/letters", "letters"), ("/home/me/a.csv", "a.csv-a5e4f9")],
)
def test_data_of_ones_own_have_a_name_without_the_folders_of_this_machine(value, shown):
    tags = {"variant": "mnist_ann+", "derived_from": "mnist_ann", "set.data": value}
    assert compare._label(tags) == f"mnist_ann, data={shown}"


@pytest.mark.parametrize("command", ["compare", "leaderboard"])
def test_numbers_of_the_offline_digits_are_marked(offline, command):
    output = offline(command).stdout
    assert "OFFLINE DIGITS: not MNIST" in output


def test_errors_are_counted_on_the_digits_that_were_tested(offline):
    assert "9/300 OFFLINE" in offline("leaderboard").stdout
    (entry,) = json.loads(offline("leaderboard", "--json").stdout)
    assert (entry["data"], entry["test_images"]) == ("offline-digits", 300)


def test_a_changed_copy_stands_below_its_origin_with_what_differs(ann, tracking):
    copy = log(tracking, "mnist_ann+", derived_from="mnist_ann", **{"set.epochs": "5"})
    log(tracking, "mnist_ann")
    lines = ann("compare", "mnist_ann").stdout.splitlines()
    assert lines[1].startswith("mnist_ann  ")
    assert lines[2].startswith("mnist_ann, epochs=5")
    rows = json.loads(ann("compare", "mnist_ann", "--json").stdout)
    assert [row["name"] for row in rows] == ["mnist_ann", "mnist_ann+"]
    assert rows[1]["run_id"] == copy
    assert (rows[1]["derived_from"], rows[1]["changes"]) == ("mnist_ann", {"epochs": "5"})
    assert (rows[0]["derived_from"], rows[0]["changes"]) == (None, {})
    assert rows[0]["data"] == "mnist"


@pytest.fixture
def own(tracking) -> dict[str, str]:
    """Runs of a table of one's own, by name: one of a question of its own, one of the lecture's."""
    identity = tracking.add_question(Question("smooth", "Smooth?", "The corners."))
    with tracking.run(identity, "mine", {"variant": "mine", "quick": "false"}) as run_id:
        tracking.log_findings(run_id, Findings(RESULTS), {})
    tracking.make_newest(run_id, "mine", identity)
    about = {"derived_from": "mnist_ann", "set.layers": "flatten; dense 10 softmax"}
    return {"mine": run_id, "flat": log(tracking, "flat", **about)}


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["mine"], ["mine"]),
        (["flat"], ["flat"]),
        (["smooth"], ["mine"]),
        (["digits"], ["mnist_ann", "flat"]),
        (["mnist_ann"], ["mnist_ann", "flat"]),
        (["mine", "mnist_ann"], ["mnist_ann", "flat", "mine"]),
        ([], ["mnist_ann", "flat", "mine"]),
    ],
    ids=" ".join,
)
def test_rows_of_a_table_of_ones_own_are_found_by_name_and_question(
    ann, tracking, own, names, found
):
    log(tracking, "mnist_ann")
    rows = json.loads(ann("compare", *names, "--json").stdout)
    assert [row["name"] for row in rows] == found


def test_a_row_of_ones_own_keeps_its_name_and_says_what_differs(ann, own):
    shown = ann("compare", "flat", "mine").stdout
    assert "flat (mnist_ann, layers=flatten; dense 10 softmax)" in shown
    assert [line for line in shown.splitlines() if "viewStateShareKey=smooth" in line]


def test_an_unknown_name_is_compared_with_those_of_ones_own(ann, own):
    result = ann("compare", "smoothe")
    assert result.exit_code == 2
    assert "did you mean smooth" in result.stderr


def test_copies_without_their_origin_are_compared_too(ann, tracking):
    log(tracking, "mnist_ann+", derived_from="mnist_ann", **{"set.epochs": "5"})
    output = ann("compare", "mnist_ann").stdout
    assert "mnist_ann, epochs=5" in output
    assert "viewStateShareKey=digits" in output
    assert _with_copies("mnist_ann", {}) == []


def test_each_question_has_its_page_once(ann, tracking):
    for name in ("mnist_ann", "mnist_cnn"):
        log(tracking, name)
    log(tracking, "relu_regression_1", "neurons")
    output = ann("compare").stdout
    pages = [line for line in output.splitlines() if "viewStateShareKey" in line]
    assert len(pages) == 2
    identity = tracking.experiment("neurons")
    assert any(page.endswith(link("", identity, "neurons")) for page in pages)
    assert "OFFLINE" not in output


def test_only_the_rows_of_offline_digits_are_marked(ann, tracking):
    log(tracking, "mnist_ann", data_source="offline-digits")
    log(tracking, "mnist_cnn")
    lines = ann("compare").stdout.splitlines()
    assert [line.endswith("OFFLINE") for line in lines[1:3]] == [True, False]


def test_the_leaderboard_links_to_the_pictures_of_the_remaining_errors(ann, tracking):
    log(tracking, "mnist_ann")
    assert "The errors that remain" not in ann("leaderboard").stdout
    identity = tracking.experiment("accuracy")
    shown = ann("leaderboard").stdout
    assert shown.splitlines()[-1].endswith(link("", identity, "accuracy"))
    assert "OFFLINE" not in shown


def test_an_empty_store_says_how_to_fill_it(ann):
    for command, way in (("compare", "`ann run`"), ("leaderboard", "`ann run digits accuracy`")):
        result = ann(command)
        assert (result.exit_code, result.stdout) == (0, "")
        assert way in result.stderr
        assert json.loads(ann(command, "--json").stdout) == []


@pytest.mark.parametrize("command", ["compare", "compare digits", "leaderboard", "models"])
def test_a_silent_server_is_asked_once(ann, monkeypatch, command):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    with SilentServer() as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
        assert "does not answer" in ann(*command.split()).stderr
        assert server.connections() == 1


def test_an_unknown_name_is_wrong_use_with_the_nearest_names(ann):
    result = ann("compare", "mnist_an")
    assert result.exit_code == 2
    assert "no variant is called 'mnist_an'; did you mean mnist_ann" in result.stderr
    assert not os.path.exists(os.environ["ANN_HOME"])
