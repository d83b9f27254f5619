"""What is left of the job, on a real store, when a variant, its log or its report fails."""

import errno

import pytest
import requests
from matplotlib.figure import Figure
from prefect.states import Failed

from ann_models.errors import UnknownName
from ann_models.findings import Findings
from ann_models.variants import VARIANTS
from pipelines.errors import StorageFull, WrongUse
from pipelines.flows import lecture as lecture_flow
from pipelines.flows import lecture_report, tasks
from pipelines.flows.context import Context
from pipelines.flows.lecture import VariantsFailed, lecture
from pipelines.tracking import views
from pipelines.tracking.client import Tracking
from tests.support.lecture_jobs import statuses
from tests.support.served import enter

pytestmark = pytest.mark.usefixtures("prefect")


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


def test_an_error_that_arose_from_ctrl_c_ends_the_job_and_its_run(tracking, recorder, monkeypatch):
    """As SQLAlchemy's, whose commit was interrupted."""

    def locked(*_: object) -> None:
        error = RuntimeError("database is locked")
        error.__context__ = KeyboardInterrupt()
        raise error

    monkeypatch.setattr(tasks, "evaluate", locked)
    with pytest.raises(KeyboardInterrupt):
        lecture(["relu_shapes", "linear_classification"], quick=True)
    newest = tracking.runs()[0]
    assert (newest.info.run_name, newest.info.status) == ("linear_classification", "KILLED")
    assert recorder.failures == []
