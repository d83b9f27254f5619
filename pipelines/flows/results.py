"""A job's results as they come: shown, reported, judged by the gate, compared by question."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial

from pipelines.flows import shadow, tasks
from pipelines.flows.context import Context
from pipelines.flows.helper_process import Executor
from pipelines.flows.report import JobReport, VariantJob, VariantResult, explain


class ResultCollector:
    """Results in the order of the table: into the report, to the gate, into comparisons."""

    def __init__(
        self, context: Context, jobs: list[VariantJob], report: JobReport, executor: Executor
    ) -> None:
        """Collect the results of these jobs in the report; the executor draws comparisons."""
        self.context, self.jobs, self.report, self.executor = context, jobs, report, executor
        self.shown = 0
        self.comparisons: dict[str, Future[str]] = {}  # by question

    def show(self, result: VariantResult) -> None:
        """Print a result as soon as it is there."""
        self.shown += 1
        progress = self.context.progress
        if result.error:
            progress.failure(f"{result.name}: {result.error}")
        progress.ended(result.name, self.shown, len(self.jobs), result.finished, result.seconds)

    def add(self, result: VariantResult) -> None:
        """Report the next result; judge its version; compare its question's runs if complete."""
        self.report.rows.append(result)
        if result.error:
            self.report.failed.append(result.name)
        if result.finished and result.model and result.version:
            try:
                version = self.context.registry.version(result.model, result.version)
                seen = shadow.before_the_gate(self.context, version)
                self.report.decisions.append(tasks.judge(self.context, version, seen))
            except Exception as error:
                self._fail(f"the judgement of {result.name}", error)
        for question in self._complete():
            call = partial(
                self.executor.run,
                tasks.compare,
                context=self.context,
                question=question,
                quick=self.report.quick,
                pipeline_run_id=self.report.pipeline_run_id,
            )
            self.comparisons[question] = self.executor.submit(call)

    def finish(self) -> None:
        """Wait for the comparisons."""
        for question, page in self.comparisons.items():
            try:
                self.report.views[question] = page.result()
            except Exception as error:
                self._fail(f"the comparison of {question}", error)

    def _complete(self) -> Iterator[str]:
        """The questions of which no variant is left, one is finished, and none compared."""
        done = len(self.report.rows)
        left = {job.variant.question for job in self.jobs[done:]}
        for job, result in zip(self.jobs, self.report.rows, strict=False):
            question = job.variant.question
            if result.finished and question not in {*left, *self.comparisons}:
                yield question

    def _fail(self, name: str, error: Exception) -> None:
        fail(self.context, self.report, name, error)


def fail(context: Context, report: JobReport, name: str, error: Exception) -> None:
    """Report that a part of the job failed, and go on.

    Raises:
        PipelineError: what every later part would meet, too, such as a full disk.
        KeyboardInterrupt: the job was interrupted, and the error arose from that.
    """
    message = explain(error)
    report.failed.append(name)
    context.progress.failure(f"{name}: {message}")
