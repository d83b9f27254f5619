"""Results in the order of the table: reported, judged, compared when their question is complete."""

import errno
import sqlite3
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from ann_models.variants import VARIANTS
from pipelines.errors import StorageFull
from pipelines.flows import results, shadow, tasks
from pipelines.flows.context import DataFile
from pipelines.flows.helper_process import Executor
from pipelines.flows.progress import ProgressReporter
from pipelines.flows.report import JobReport, VariantJob, VariantResult
from pipelines.flows.results import ResultCollector

FILE = DataFile("digits.npz", "mnist", "d1")
NAMES = ["linear_classification", "nonlinear_classification", "relu_regression_1"]
OF_TWO_QUESTIONS = [VariantJob(VARIANTS[name], FILE, "flow run") for name in NAMES]


class Recorder(ProgressReporter):
    def __init__(self) -> None:
        self.failures: list[str] = []
        self.ends: list[tuple[str, int, int, bool, float]] = []

    def failure(self, text: str) -> None:
        self.failures.append(text)

    def ended(self, *end: Any) -> None:
        self.ends.append(end)


class Comparing(Executor):
    """Remembers what was to be compared; a question whose name is in `fails` cannot be."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.fails: dict[str, Exception] = {}

    def run(self, task: Any, **parameters: Any) -> str:
        assert task is tasks.compare
        self.asked.append(parameters)
        if error := self.fails.get(parameters["question"]):
            raise error
        return f"#/{parameters['question']}"


class Registry:
    """Has version 1 of every model, and no other."""

    def version(self, name: str, number: str) -> str:
        if number != "1":
            raise LookupError(f"{name} has no version {number}")
        return f"{name}/{number}"


@pytest.fixture
def collector() -> ResultCollector:
    assert len({job.variant.question for job in OF_TWO_QUESTIONS}) == 2
    context: Any = SimpleNamespace(progress=Recorder(), registry=Registry())
    report = JobReport("flow run", "mnist", quick=True)
    return ResultCollector(context, OF_TWO_QUESTIONS, report, Comparing())


@pytest.fixture
def judged(monkeypatch) -> list:
    """The versions that were judged, and what shadow mode saw before."""
    asked: list = []
    monkeypatch.setattr(shadow, "before_the_gate", lambda context, version: f"seen {version}")

    def judge(context, version, seen):
        asked.append((version, seen))
        return f"{version} is promoted."

    monkeypatch.setattr(tasks, "judge", judge)
    return asked


def finished(name: str, **more: Any) -> VariantResult:
    return VariantResult(name, "finished", "run", 1.5, **more)


def compared(collector: ResultCollector) -> list[str]:
    return [parameters["question"] for parameters in collector.executor.asked]


def test_results_are_shown_as_they_come_with_their_place_among_all(collector):
    collector.show(finished(NAMES[2]))
    collector.show(VariantResult(NAMES[0], "failed", seconds=0.5, error="the training diverged"))
    progress = collector.context.progress
    assert progress.ends == [(NAMES[2], 1, 3, True, 1.5), (NAMES[0], 2, 3, False, 0.5)]
    assert progress.failures == [f"{NAMES[0]}: the training diverged"]
    assert collector.report.rows == []


def test_a_result_is_a_row_of_the_report_and_a_failed_one_is_named(collector):
    rows = [finished(NAMES[0]), VariantResult(NAMES[1], error="the training diverged")]
    for row in rows:
        collector.add(row)
    assert collector.report.rows == rows
    assert collector.report.failed == [NAMES[1]]


def test_a_question_is_compared_when_its_last_variant_is_there_and_once(collector):
    collector.add(finished(NAMES[0]))
    assert compared(collector) == []
    collector.add(finished(NAMES[1]))
    assert compared(collector) == ["boundary"]
    collector.add(finished(NAMES[2]))
    assert compared(collector) == ["boundary", "neurons"]
    parameters = collector.executor.asked[0]
    assert (parameters["quick"], parameters["pipeline_run_id"]) == (True, "flow run")
    assert parameters["context"] is collector.context


def test_one_finished_variant_of_a_question_is_enough_for_a_comparison(collector):
    collector.add(VariantResult(NAMES[0], error="the training diverged"))
    collector.add(finished(NAMES[1]))
    collector.add(VariantResult(NAMES[2], error="the training diverged"))
    assert compared(collector) == ["boundary"]


def test_the_pages_of_the_comparisons_are_in_the_report_at_the_end(collector):
    for name in NAMES:
        collector.add(finished(name))
    assert collector.report.views == {}
    collector.finish()
    assert collector.report.views == {"boundary": "#/boundary", "neurons": "#/neurons"}


def test_a_comparison_that_fails_is_reported_and_hides_no_other(collector):
    collector.executor.fails["boundary"] = ValueError("no runs")
    for name in NAMES:
        collector.add(finished(name))
    collector.finish()
    assert collector.report.views == {"neurons": "#/neurons"}
    assert collector.report.failed == ["the comparison of boundary"]
    assert collector.context.progress.failures == [
        "the comparison of boundary: ValueError: no runs"
    ]


def test_a_finished_version_is_judged_with_what_shadow_mode_saw(collector, judged):
    collector.add(finished(NAMES[0], model="mnist-digits", version="1"))
    assert judged == [("mnist-digits/1", "seen mnist-digits/1")]
    assert collector.report.decisions == ["mnist-digits/1 is promoted."]


@pytest.mark.parametrize(
    "result",
    [
        VariantResult(NAMES[0], "failed", model="mnist-digits", version="1"),
        VariantResult(NAMES[0], "finished", version="1"),
        VariantResult(NAMES[0], "finished", model="mnist-digits"),
    ],
    ids=["its run failed", "no model", "no version"],
)
def test_what_is_no_finished_version_is_not_judged(collector, judged, result):
    collector.add(result)
    assert judged == []
    assert collector.report.decisions == collector.report.failed == []


def test_a_judgement_that_fails_is_reported_and_the_result_stays(collector, judged):
    collector.add(finished(NAMES[0], model="mnist-digits", version="2"))
    assert collector.report.failed == [f"the judgement of {NAMES[0]}"]
    (message,) = collector.context.progress.failures
    assert message == (f"the judgement of {NAMES[0]}: LookupError: mnist-digits has no version 2")
    assert [row.finished for row in collector.report.rows] == [True]


def test_a_full_disk_ends_the_job_since_no_later_part_can_do_better(collector):
    full: Future[str] = Future()
    full.set_exception(OSError(errno.ENOSPC, "No space left on device"))
    collector.comparisons["boundary"] = full
    with pytest.raises(StorageFull):
        collector.finish()


def test_what_failed_is_named_with_its_message(collector):
    results.fail(collector.context, collector.report, "the report", ValueError("too long"))
    assert collector.report.failed == ["the report"]
    assert collector.context.progress.failures == ["the report: ValueError: too long"]


def test_an_error_that_arose_from_an_interruption_ends_the_job(collector):
    error = sqlite3.OperationalError("database is locked")
    error.__context__ = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        results.fail(collector.context, collector.report, "xor_mlp", error)
    assert collector.report.failed == []
