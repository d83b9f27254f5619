"""`ann run` and `ann list`: what is asked for is checked before anything heavy is imported."""

import json
from types import SimpleNamespace

import pytest

from ann_models.variants import QUESTIONS, VARIANTS
from pipelines.cli import session
from pipelines.flows import lecture
from pipelines.flows.lecture import VariantsFailed
from pipelines.flows.report import JobReport, VariantResult

OWN = """
[[question]]
key = "width"
title = "How wide?"
look_at = "Compare the curves."

[[variant]]
name = "wide"
like = "relu_regression_1"
question = "width"
look_at = "Wider."
"""


@pytest.fixture
def asked(monkeypatch) -> SimpleNamespace:
    """What the flow was asked for, and whether this process was to train; nothing is run."""
    found = SimpleNamespace(flow=None, trains_here=None, report=JobReport("flow run", None, False))
    found.report.rows.append(VariantResult("relu_shapes", "finished"))

    def run(*arguments):
        found.flow = arguments
        if found.report.failed:
            raise VariantsFailed(found.report)
        return found.report

    def prepare(settings, trains_here):
        found.trains_here = trains_here

    monkeypatch.setattr(lecture, "lecture", run)
    monkeypatch.setattr(session, "prepare_flows", prepare)
    return found


def test_without_options_all_rows_run_here_one_after_the_other(ann, asked):
    assert ann("run").exit_code == 0
    assert asked.flow == ([], None, False, 1, None, None, None)
    assert asked.trains_here is True


def test_every_option_reaches_the_flow(ann, asked, tmp_path):
    words = ["relu_regression_1", "mnist_ann", "--quick", "--seeds", "3", "--workers", "2"]
    changes = {"epochs": "2", "optimizer.learning_rate": "0.1"}
    assert ann("run", *words, *(f"--set={k}={v}" for k, v in changes.items())).exit_code == 0
    assert asked.flow == (["relu_regression_1", "mnist_ann"], 3, True, 2, None, changes, None)
    assert asked.trains_here is False


def test_a_clusters_workers_train_and_this_process_does_not(ann, asked):
    assert ann("run", "relu_shapes", "--cluster", "tcp://scheduler:8786").exit_code == 0
    assert asked.flow[4] == "tcp://scheduler:8786"
    assert asked.trains_here is False


def test_data_and_pictures_of_ones_own_are_settings_of_the_data(ann, asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "points.csv").write_text("x,y\n" + "".join(f"{i},{i * i}\n" for i in range(20)))
    assert ann("run", "relu_regression_1", "--data", "points.csv").exit_code == 0
    assert asked.flow[5]["data"].endswith("points.csv")
    assert ann("run", "mnist_cnn", "--images", "fashion-mnist").exit_code == 0
    assert asked.flow[5] == {"data": "images:fashion-mnist"}


@pytest.mark.parametrize("name", ["points.dat", "my points", "held_out points"])
def test_a_file_of_points_may_have_any_name_that_is_not_of_a_data_set(ann, asked, name, tmp_path):
    (tmp_path / name).write_text("".join(f"{i},{i * i}\n" for i in range(20)))
    assert ann("run", "relu_regression_1", "--data", str(tmp_path / name)).exit_code == 0
    assert asked.flow[5] == {"data": f"points:{tmp_path / name}"}


def test_a_name_of_the_lectures_data_wins_over_a_file(ann, asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("cubic", "cubic size=200"):
        (tmp_path / name).touch()
        assert ann("run", "relu_regression_1", "--data", name).exit_code == 0
        assert asked.flow[5] == {"data": name}


def test_a_table_of_ones_own_is_named_by_its_whole_path(ann, asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(OWN)
    assert ann("run", "--table", "mine.toml").exit_code == 0
    assert asked.flow[6] == str(tmp_path / "mine.toml")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["mnist_an"], "no variant is called 'mnist_an'"),
        (["mnist_ann", "--set", "epochs=no"], "epochs"),
        (
            ["best_mlp", "--set", "layers=dense 8 relu; dense 1", "--set", "data=cubic"],
            "best_mlp: it learns from other networks, so its data must be digits, not cubic.",
        ),
        (
            ["relu_regression_1", "--data", "nosuch.dat"],
            "there is no file 'nosuch.dat', and no data set is called so; expected one of none, ",
        ),
        (["relu_regression_1", "--data", "cubik"], "is called so; did you mean cubic?"),
        (["relu_regression_1", "--data", "nosuch.csv"], "nosuch.csv."),
        (["--workers", "2", "--cluster", "tcp://x:1"], "--workers starts processes here"),
        (["--workers", "0"], "0 is not in the range 1<=x<=256"),
        (["--seeds", "101"], "101 is not in the range 1<=x<=100"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_meant_is_wrong_use_before_anything_starts(ann, asked, words, sentence):
    result = ann("run", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert asked.trains_here is asked.flow is None


def test_one_worker_beside_a_cluster_is_no_contradiction(ann, asked):
    assert ann("run", "--workers", "1", "--cluster", "tcp://x:1").exit_code == 0


def test_programs_read_the_report_as_json(ann, asked):
    document = json.loads(ann("run", "--json").stdout)
    assert document["pipeline_run_id"] == "flow run"
    assert [row["name"] for row in document["rows"]] == ["relu_shapes"]


def test_a_job_that_failed_is_reported_all_the_same(ann, asked):
    asked.report.rows[0].error = "the training diverged"
    asked.report.failed.append("relu_shapes")
    result = ann("run")
    assert result.exit_code == 1
    assert "relu_shapes: the training diverged" in result.stdout
    assert "ann: relu_shapes failed; all else is finished and logged." in result.stderr


def test_every_variant_is_listed_with_its_row_and_what_it_shows(ann):
    lines = ann("list").output.splitlines()
    for variant in VARIANTS.values():
        (line,) = (line for line in lines if variant.name in line.split())
        assert str(variant.row) in line.split()


def test_variants_stand_below_their_question_with_its_key(ann):
    output = ann("list").output
    places = [output.index(f"{q.title}  [{key}]") for key, q in QUESTIONS.items()]
    assert places == sorted(places)
    first = next(v.name for v in VARIANTS.values() if v.question == "neurons")
    assert output.index("[neurons]") < output.index(f" {first} ")


def test_the_variants_of_a_table_of_ones_own_are_listed_with_its_question(ann, tmp_path):
    (tmp_path / "mine.toml").write_text(OWN)
    output = ann("list", "--table", str(tmp_path / "mine.toml")).output
    assert "How wide?  [width]" in output
    (line,) = [line for line in output.splitlines() if "Wider." in line]
    assert line.split() == ["7", "wide", "Wider."]  # the row that it is like
    assert "mnist_ann" not in output
