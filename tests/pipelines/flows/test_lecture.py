"""The job as Prefect runs it, on a real store: what a run contains, and what a failure leaves."""

import errno
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import requests
from matplotlib.figure import Figure
from prefect import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.states import Failed

from ann_models.errors import UnknownName
from ann_models.findings import Findings
from ann_models.variants import VARIANTS
from pipelines.errors import StorageFull, WrongUse
from pipelines.flows import lecture as lecture_flow
from pipelines.flows import lecture_report, progress, tasks
from pipelines.flows.context import Context
from pipelines.flows.lecture import VariantsFailed, lecture
from pipelines.flows.progress import ProgressReporter
from pipelines.tracking import views
from pipelines.tracking.client import Tracking
from pipelines.tracking.tags import LATEST, NOTE
from tests.support.served import enter
from tests.support.waiting import wait_for

pytestmark = pytest.mark.usefixtures("prefect")


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def home(shared_home, monkeypatch):
    """A state folder for all tests here."""
    monkeypatch.setenv("ANN_HOME", str(shared_home))
    for variable in ("MLFLOW_TRACKING_URI", "ANN_MNIST_PATH"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("ANN_OFFLINE", "1")
    monkeypatch.setenv("KERAS_HOME", str(shared_home / "no MNIST here"))
    return shared_home


class Recorder(ProgressReporter):
    """Records what a person would have seen."""

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.failures: list[str] = []
        self.epochs_done: list[int] = []
        self.ends: list[tuple[str, bool]] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def failure(self, text: str) -> None:
        self.failures.append(text)

    def epochs(self, done: int, total: int, loss: float) -> None:
        self.epochs_done.append(done)

    def ended(self, name: str, position: int, total: int, succeeded: bool, seconds: float) -> None:
        self.ends.append((name, succeeded))


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    with progress.reporting_to(recorder):
        yield recorder


@pytest.fixture
def tracking(home) -> Tracking:
    return Context.open().tracking


def statuses(tracking: Tracking, report_or_failure: Any) -> dict[str, str]:
    identity = report_or_failure.pipeline_run_id
    runs = tracking.runs(f"tags.pipeline_run_id = '{identity}'")
    return {run.info.run_name: run.info.status for run in runs}


def sabotaged(monkeypatch, name: str, error: Exception, times: int = 99) -> list[str]:
    """Let one variant's study fail; the names of the studies that were asked for."""
    asked: list[str] = []

    def study_of(variant):
        asked.append(variant.name)
        if variant.name == name and asked.count(name) <= times:
            raise error
        return lambda *_: Findings({"answer": 42.0}, figures={"panel": Figure()})

    monkeypatch.setattr(tasks, "study_of", study_of)
    monkeypatch.setitem(views.PANELS, "relu_shapes", "panel")
    monkeypatch.setitem(views.PANELS, "losses", "panel")
    monkeypatch.setitem(views.PANELS, "recursion", "panel")
    return asked


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


def test_a_report_that_cannot_be_written_takes_no_result_with_it(tracking, recorder, monkeypatch):
    def no_page(*_):
        raise ValueError("a picture is cut off")

    monkeypatch.setattr(lecture_flow, "select", lambda *_: ([VARIANTS["relu_shapes"]], {}))
    monkeypatch.setattr(lecture_report, "report", no_page)
    with pytest.raises(VariantsFailed, match="the report of the lecture failed") as failure:
        lecture()
    assert failure.value.report.rows[0].status == "finished"
    assert recorder.failures == ["the report of the lecture: ValueError: a picture is cut off"]


def test_of_a_job_in_which_every_variant_failed_there_is_no_report(recorder, tmp_path, monkeypatch):
    enter(tmp_path, monkeypatch)
    monkeypatch.setattr(lecture_flow, "select", lambda *_: ([VARIANTS["relu_shapes"]], {}))
    sabotaged(monkeypatch, "relu_shapes", ValueError("shapes differ"))
    with pytest.raises(VariantsFailed, match=r"^relu_shapes failed") as failure:
        lecture()
    assert failure.value.report.page == ""


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


def test_a_wrong_path_to_mnist_ends_the_job_before_a_run_begins(tracking, monkeypatch, tmp_path):
    monkeypatch.setenv("ANN_MNIST_PATH", str(tmp_path / "nothing.npz"))
    before = len(tracking.runs())
    with pytest.raises(WrongUse, match="ANN_MNIST_PATH"):
        lecture(["relu_shapes", "mnist_samples"])
    assert len(tracking.runs()) == before


def test_an_unknown_name_ends_the_job_before_a_run_begins(tracking):
    before = len(tracking.runs())
    with pytest.raises(UnknownName, match="relu_shapes"):
        lecture(["relu_shape"])
    assert len(tracking.runs()) == before


# --- failures -------------------------------------------------------------------------------------


def test_a_variant_that_fails_does_not_take_the_others_with_it(tracking, recorder, monkeypatch):
    sabotaged(monkeypatch, "losses", ValueError("shapes differ"))
    with pytest.raises(VariantsFailed, match=r"losses failed; all else is finished") as failure:
        lecture(["relu_shapes", "losses", "recursion"])
    report = failure.value.report
    assert [(row.name, row.status, row.error) for row in report.rows] == [
        ("relu_shapes", "finished", None),
        ("recursion", "finished", None),
        ("losses", "failed", "ValueError: shapes differ"),
    ]
    found = statuses(tracking, report)
    assert (found["losses"], found["recursion"]) == ("FAILED", "FINISHED")
    assert recorder.failures == ["losses: ValueError: shapes differ"]
    assert recorder.ends == [("relu_shapes", True), ("recursion", True), ("losses", False)]
    error = tracking.client.get_run(report.rows[2].run_id).data.tags["error"]
    assert error == "ValueError: shapes differ"


@pytest.mark.parametrize(
    "others", [(), ("perceptron", "xor_kernel", "gradient_descent", "recursion")]
)
def test_a_variant_that_fails_while_it_is_logged_never_looks_finished(
    tracking, recorder, monkeypatch, others
):
    """In this process, and in the helper process of a large job."""

    def study_of(variant):
        drawn = {views.PANELS[variant.study]: Figure()} if variant.name in others else {}
        return lambda *_: Findings({"answer": 42.0}, figures=drawn)

    monkeypatch.setattr(tasks, "study_of", study_of)
    with pytest.raises(VariantsFailed) as failure:
        lecture(["relu_shapes", *others], quick=True)
    assert failure.value.report.failed == ["relu_shapes"]
    assert ("relu_shapes", False) in recorder.ends
    assert dict(recorder.ends) == {"relu_shapes": False} | dict.fromkeys(others, True)
    assert len(recorder.ends) == 1 + len(others)
    assert statuses(tracking, failure.value.report)["relu_shapes"] == "FAILED"


@pytest.mark.usefixtures("plain_study")
def test_a_version_whose_run_failed_while_it_was_logged_is_not_judged(
    tracking, recorder, monkeypatch
):
    def failing(*_, **__):
        raise ValueError("a figure cannot be drawn")

    monkeypatch.setattr(Tracking, "log_findings", failing)
    registry = Context.open().registry
    champion = registry.champion("offline-digits")
    with pytest.raises(VariantsFailed, match="mnist_ann failed") as failure:
        lecture(["mnist_ann"], seeds=1)
    (row,) = failure.value.report.rows
    assert row.status == "failed"
    assert failure.value.report.decisions == []
    version = registry.version(row.model, row.version)
    assert (version.decision, version.aliases) == ("undecided", ())
    assert registry.champion("offline-digits") == champion


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


def test_a_full_disk_ends_the_job_since_no_later_variant_can_do_better(tracking, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    asked = sabotaged(monkeypatch, "recursion", full)
    with pytest.raises(StorageFull, match="Make room"):
        lecture(["relu_shapes", "recursion", "losses"])
    assert "losses" not in asked
    assert not tracking.runs("attributes.status = 'RUNNING'")


def test_a_server_that_comes_back_is_tried_again(tracking, monkeypatch):
    unavailable = requests.exceptions.ConnectionError("the server restarts")
    asked = sabotaged(monkeypatch, "recursion", unavailable, times=1)
    report = lecture(["recursion"])
    assert report.rows[0].status == "finished"
    assert asked == ["recursion", "recursion"]


@pytest.mark.parametrize(
    ("error", "retried"),
    [
        (requests.exceptions.ConnectionError("unreachable"), True),
        (ValueError("wrong shape"), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error, retried):
    assert tasks._tracking_is_unavailable(None, None, Failed(data=error)) is retried


def test_a_comparison_that_fails_hides_no_result(tracking, recorder, monkeypatch):
    def no_overview(question, summaries):
        raise ValueError("a figure cannot be drawn")

    sabotaged(monkeypatch, "", ValueError())
    monkeypatch.setattr(tasks, "overview", no_overview)
    with pytest.raises(VariantsFailed, match="the comparison of learning failed") as failure:
        lecture(["recursion"])
    assert failure.value.report.rows[0].status == "finished"
    assert recorder.failures == ["the comparison of learning: ValueError: a figure cannot be drawn"]


def test_ctrl_c_while_a_network_trains_leaves_no_run_open(tracking, recorder, monkeypatch):
    def interrupt(done, total, loss):
        raise KeyboardInterrupt

    monkeypatch.setattr(recorder, "epochs", interrupt)
    with pytest.raises(KeyboardInterrupt):
        lecture(["relu_shapes", "linear_classification"], quick=True)
    newest = tracking.runs()[0]
    assert (newest.info.run_name, newest.info.status) == ("linear_classification", "KILLED")


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
