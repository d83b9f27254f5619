"""The job as Prefect runs it, on a real store: what its runs and its report contain."""

import importlib.metadata
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest
from prefect import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId

from ann_models.variants import VARIANTS
from pipelines.flows import lecture as lecture_flow
from pipelines.flows.context import Context
from pipelines.flows.lecture import lecture
from pipelines.tracking import views
from pipelines.tracking.tags import LATEST, NOTE
from tests.support.lecture_jobs import statuses
from tests.support.waiting import wait_for

pytestmark = pytest.mark.usefixtures("prefect")


# --- what a job does ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def jobs():
    """Reports of jobs that several tests look at."""
    return {}


@pytest.fixture
def twice(jobs, tracking, recorder):
    """The same job two times: one row with a network, one without."""
    if not jobs:
        names = ["relu_shapes", "linear_classification"]
        jobs["first"] = lecture(names, quick=True)
        jobs["second"] = lecture(names, quick=True)
    return jobs["first"], jobs["second"]


def test_rows_run_in_the_lectures_order_and_are_finished(twice, tracking):
    report, _ = twice
    assert [row.name for row in report.rows] == ["linear_classification", "relu_shapes"]
    assert {row.status for row in report.rows} == {"finished"}
    finished = {"linear_classification": "FINISHED", "relu_shapes": "FINISHED"}
    assert finished.items() <= statuses(tracking, report).items()


def test_a_run_has_its_parameters_metrics_figures_model_weights_and_note(twice, tracking):
    row = twice[0].rows[0]
    run = tracking.client.get_run(row.run_id)
    assert run.data.metrics["train_accuracy"] == row.metrics["train_accuracy"]
    assert run.data.params["optimizer_learning_rate"] == "0.1"
    assert run.data.tags["row"] == "4"
    assert run.data.tags["pipeline_run_id"] == twice[0].pipeline_run_id
    assert VARIANTS["linear_classification"].look_at in run.data.tags[NOTE]
    files = {file.path for file in tracking.client.list_artifacts(row.run_id)}
    assert {"figures", "tables", "curves.npz", "training.npz"} <= files
    assert run.outputs.model_outputs
    assert run.inputs.dataset_inputs


def test_the_same_seeds_give_the_same_weights(twice, tracking):
    hashes = {
        tracking.client.get_run(report.rows[0].run_id).data.tags["weights_sha256"]
        for report in twice
    }
    assert len(hashes) == 1


def test_a_run_records_the_conditions_under_which_its_weights_hash_holds(twice, tracking):
    tags = tracking.client.get_run(twice[0].rows[0].run_id).data.tags
    assert tags["tensorflow_version"] == importlib.metadata.version("tensorflow-cpu")
    assert tags["keras_version"] == importlib.metadata.version("keras")
    assert int(tags["threads"]) >= 1
    assert tags["processor"]


def test_a_quick_look_says_so_in_its_tags_and_stays_in_its_own_experiment(twice, tracking):
    run = tracking.client.get_run(twice[0].rows[0].run_id)
    assert run.data.tags["quick"] == "true"
    experiment = tracking.client.get_experiment(run.info.experiment_id)
    assert "quick look" in experiment.name


def test_the_report_leads_to_the_comparison_page_of_each_question(twice):
    assert set(twice[0].views) == {"boundary", "neurons"}
    assert "viewStateShareKey=neurons" in twice[0].views["neurons"]


def test_what_steps_hand_to_each_other_is_cleared_away(twice, home):
    assert not [path for path in (home / "work").glob("*/*") if path.suffix == ".npz"]


@pytest.mark.slow
def test_a_job_of_many_variants_is_logged_as_a_job_of_few(tracking, recorder):
    names = ["perceptron", "xor_kernel", "relu_shapes", "losses", "gradient_descent"]
    report = lecture(names, quick=True)
    assert [row.name for row in report.rows] == names
    runs = {run.info.run_id: run for run in tracking.runs()}
    for row in report.rows:
        run = runs[row.run_id]
        assert (run.info.status, run.data.tags[LATEST]) == ("FINISHED", "true")
        assert run.data.metrics.keys() >= row.metrics.keys()
        assert views.PANELS[VARIANTS[row.name].study] in run.data.tags[NOTE]
    assert report.views.keys() == {"one_neuron", "neurons", "learning"}


def test_a_run_of_the_whole_lecture_logs_its_report_and_prefect_links_to_it(tracking, monkeypatch):
    from prefect.artifacts import Artifact

    few = [VARIANTS["linear_classification"].shortened(), VARIANTS["relu_shapes"]]
    monkeypatch.setattr(lecture_flow, "select", lambda *_: (few, {}))
    report = lecture()
    run_id = report.page.split("/runs/")[1].split("/")[0]
    run = tracking.client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["pipeline_run_id"] == report.pipeline_run_id
    (file,) = tracking.client.list_artifacts(run_id)
    page = tracking.client.download_artifacts(run_id, file.path)
    assert "linear_classification" in Path(page).read_text()
    link = Artifact.get("report")
    assert str(link.flow_run_id) == report.pipeline_run_id
    assert report.page in str(link.data)


@pytest.mark.usefixtures("plain_study")
def test_progress_is_reported_while_a_network_trains(tracking, recorder):
    lecture(["linear_classification"], seeds=1)
    assert recorder.epochs_done[-1] == VARIANTS["linear_classification"].epochs


# --- data -----------------------------------------------------------------------------------------


def test_without_mnist_the_offline_digits_stand_in_and_say_so_everywhere(tracking, recorder):
    report = lecture(["mnist_ann"], seeds=1)
    assert report.data == "offline-digits"
    (notice,) = recorder.notices
    assert "OFFLINE DIGITS" in notice
    assert "not MNIST" in notice
    run = tracking.client.get_run(report.rows[0].run_id)
    assert run.data.tags["data_source"] == "offline-digits"
    assert report.champion == {"name": "offline-digits", "version": "1"}
    assert "offline-digits version 1 (mnist_ann) is the new champion" in report.decisions[0]
    names = [model.name for model in tracking.client.search_registered_models()]
    assert names == ["offline-digits"]


@pytest.mark.usefixtures("plain_study")
def test_a_quick_run_neither_stands_for_its_variant_nor_is_registered(tracking, recorder):
    registry = Context.open().registry
    before = registry.versions("offline-digits"), tracking.newest_by_variant().get("mnist_ann")
    report = lecture(["mnist_ann"], quick=True)
    assert report.rows[0].status == "finished"
    assert (report.rows[0].model, report.champion, report.decisions) == (None, None, [])
    after = registry.versions("offline-digits"), tracking.newest_by_variant().get("mnist_ann")
    assert [v.number for v in after[0]] == [v.number for v in before[0]]
    assert (after[1] and after[1].info.run_id) == (before[1] and before[1].info.run_id)


# --- in Prefect's UI ------------------------------------------------------------------------------


def test_the_flow_run_has_a_readable_name_and_logs_with_accuracy_and_link(twice, tracking):
    report, _ = twice
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(report.pipeline_run_id))
        assert run.name == "lecture: relu_shapes, linear_classification, quick"
        wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id]))
        wait_for(lambda: len(client.read_logs(wanted, limit=200)) >= 4)  # they are sent in batches
        messages = [log.message for log in client.read_logs(wanted, limit=200)]
    row = report.rows[0]
    accuracy = f"train_accuracy {row.metrics['train_accuracy']:.4g}"
    assert any(accuracy in message for message in messages), messages
    assert f"logged: http://127.0.0.1:5000/#/runs/{row.run_id}" in messages


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({}, "lecture: all variants"),
        ({"names": None, "quick": False}, "lecture: all variants"),
        ({"names": ["a"], "quick": True}, "lecture: a, quick"),
        ({"names": ["a", "b", "c", "d", "e"]}, "lecture: a, b, c and 2 more"),
    ],
)
def test_flow_runs_are_named_after_their_parameters(monkeypatch, parameters, name):
    monkeypatch.setattr(lecture_flow, "flow_run", SimpleNamespace(parameters=parameters))
    assert lecture_flow._run_name() == name
