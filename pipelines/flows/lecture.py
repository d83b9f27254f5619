"""The lecture as a Prefect flow: each variant from its data to the gate, then the comparisons."""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from ann_models import data_name, datasets, limits
from ann_models.entry import Variant
from ann_models.errors import DataUnavailable, InvalidData
from ann_models.findings import Findings
from ann_models.selection import select
from pipelines.errors import WrongUse
from pipelines.flows import ad_hoc, dask_workers, helper_process, tasks, upstream
from pipelines.flows.context import Context, DataFile, require_examples
from pipelines.flows.dask_workers import WorkerProgress
from pipelines.flows.helper_process import Executor
from pipelines.flows.report import (
    JobReport,
    VariantJob,
    VariantResult,
    VariantsFailed,
    explain,
    publish,
)
from pipelines.flows.results import ResultCollector, fail
from pipelines.flows.worker_environment import WorkerEnvironment
from pipelines.tracking import views


def _run_name() -> str:
    """Of a flow run, in Prefect's UI: `lecture: all variants, quick`."""
    given = flow_run.parameters
    names = given.get("names") or []
    chosen = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"lecture: {chosen or 'all variants'}" + (", quick" if given.get("quick") else "")


@flow(name="lecture", flow_run_name=_run_name, validate_parameters=True)
def lecture(
    names: list[str] | None = None,
    seeds: int | None = None,
    quick: bool = False,
    workers: int = 1,
    cluster: str | None = None,
    changes: dict[str, str] | None = None,
    table: str | None = None,
) -> JobReport:
    """Every variant, or the named ones: data, training, evaluation, tracking, gate, promotion.

    Args:
        names: variants of the lecture's table; none: all of them. What they depend on comes first,
            if it is not trained yet.
        seeds: initialisations of each trained variant; none: as the table says.
        quick: shorten every row for a look; its numbers are not results.
        workers: processes that share the variants; with one, this process runs them in order.
        cluster: the address of a Dask scheduler whose workers share them instead.
        changes: settings in which the named variants differ, such as `{"epochs": "2000",
            "layers.0.activation": "tanh"}`; the runs are tracked next to those without changes.
        table: the path of a TOML file or Python module with variants of one's own, in place of the
            lecture's.

    Raises:
        UnknownName: a name is not in the table.
        InvalidSetting: the table or a change has a fault.
        WrongUse: ANN_MNIST_PATH does not lead to MNIST, an image data set cannot be read, has the
            name of another one or fewer pictures than asked for, or the workers cannot do this
            work.
        VariantsFailed: some variants failed; its `report` says which.
        TrackingUnavailable: the MLflow server became unavailable; what was finished is there.
        OrchestrationUnavailable: the Prefect server became unavailable; likewise.
        ClusterUnavailable: the Dask scheduler does not answer; likewise.
        StorageFull: nothing more can be written; likewise.
    """
    with ad_hoc.untagged():
        context = Context.open()
        report = JobReport(str(flow_run.id), data=None, quick=quick)
        named, questions = select(names or [], changes or {}, table)
        for question in questions.values():
            context.tracking.add_question(question, quick)
        jobs = _jobs(context, named, seeds, report)
        if workers == 1 and cluster is None:
            _run_here(context, jobs, report)
        else:
            _run_on_workers(context, jobs, report, workers, cluster)
        if not (names or quick or table) and any(row.finished for row in report.rows):
            try:
                report.page = tasks.log_report(context, report.pipeline_run_id)
            except Exception as error:
                fail(context, report, "the report of the lecture", error)
        publish(context, report)
        if report.failed:
            raise VariantsFailed(report)
        return report


# --- generate -------------------------------------------------------------------------------------


def _jobs(
    context: Context, named: list[Variant], seeds: int | None, report: JobReport
) -> list[VariantJob]:
    """The variants to run, what they depend on included, with their data."""
    files = {name: _data(context, name, report) for name in dict.fromkeys(v.data for v in named)}
    for variant in named:
        if variant.train_size:
            require_examples(variant, context.load_dataset(files[variant.data].path))
    chosen = upstream.with_untrained(context, named, report.data, report.quick)
    if added := [variant.name for variant in chosen if variant not in named]:
        context.progress.notice(
            f"Others depend on {', '.join(added)}: not trained yet, and so first."
        )
    if report.quick:
        chosen = [variant.shortened() for variant in chosen]
    if seeds is not None:
        limits.check("seeds", seeds)
        chosen = [replace(v, seeds=seeds) if v.has_networks else v for v in chosen]
    return [VariantJob(v, files[v.data], report.pipeline_run_id, report.quick) for v in chosen]


def _data(context: Context, name: str, report: JobReport) -> DataFile:
    wanted = data_name.parse(name)
    if wanted.is_images:
        context.progress.stage(f"reading the pictures of {wanted.path}")
        try:
            file = tasks.find_images(context, wanted.path)
        except (InvalidData, DataUnavailable) as error:
            raise WrongUse(str(error)) from error
        report.data = report.data or file.source
        return file
    if name != "digits":
        return tasks.generate(context, name, datasets.DATA_SEED)
    context.progress.stage("digits: looking for MNIST")
    try:
        file = tasks.find_digits(context, "mnist")
    except DataUnavailable as error:
        file = tasks.find_digits(context, "offline-digits")
        context.progress.notice(
            f"No MNIST: {error} Going on with scikit-learn's OFFLINE DIGITS (1,797 images): "
            "these are not MNIST results."
        )
    report.data = file.source
    return file


# --- train, evaluate, register, log ---------------------------------------------------------------


@dataclass
class OpenRun:
    """A run in which a variant was trained and evaluated, and which has still to be logged.

    Attributes:
        run_id: the MLflow run.
        path: of the trained weights, if it has networks.
        findings: what was measured.
        end: ends the run as it ended: finished, failed or killed.
    """

    run_id: str
    path: str | None
    findings: Findings
    end: ExitStack


def run_variant(
    context: Context,
    job: VariantJob,
    executor: Executor,
    report: Callable[[VariantResult], None] = lambda _: None,
    other_hands: Future[DataFile] | None = None,
) -> Future[VariantResult]:
    """One variant from its data to its logged run; a failure is its own.

    It is trained, evaluated and registered here and now; the executor logs it and ends the run.

    Args:
        context: the job's.
        job: the variant.
        executor: does what needs no TensorFlow.
        report: is called with the result, after those of the variants before it.
        other_hands: what it learns from besides its data, if that is generated ahead.

    Raises:
        PipelineError: what every later variant would meet, too, such as a full disk.
    """
    started = time.perf_counter()
    result = VariantResult(job.variant.name)
    run: OpenRun | None = None
    try:
        with context.progress.training(job.variant.name):
            if other_hands:
                job = replace(job, other_hands=other_hands.result())
            run = _train_and_evaluate(context, job, result)
    except Exception as error:
        result.error = explain(error)
    result.seconds = time.perf_counter() - started
    return executor.submit(_log, context, job, executor, run, result, report)


def _train_and_evaluate(context: Context, job: VariantJob, result: VariantResult) -> OpenRun:
    variant, tracking = job.variant, context.tracking
    experiment = tracking.experiment(variant.question, job.quick)
    with ExitStack() as stack:
        name = views.run_name(variant)
        run_id = stack.enter_context(tracking.run(experiment, name, job.about))
        stack.callback(context.remove_work, run_id)
        result.run_id = run_id
        path = tasks.train(context, job, run_id) if variant.has_networks else None
        findings = tasks.evaluate(context, job, path, run_id)
        result.metrics = findings.metrics
        if variant.registered and not job.quick:
            version = tasks.register(context, job, str(path), run_id, findings.metrics)
            result.model, result.version = version.name, version.number
        if variant.has_images:
            gc.collect()  # the compiled program and its digits refer to each other
        return OpenRun(run_id, path, findings, stack.pop_all())


def _log(
    context: Context,
    job: VariantJob,
    executor: Executor,
    run: OpenRun | None,
    result: VariantResult,
    report: Callable[[VariantResult], None],
) -> VariantResult:
    """Log what was found and end the run, by the executor."""
    if run:
        try:
            with run.end:
                executor.run(
                    tasks.log,
                    context=context,
                    job=job,
                    path=run.path,
                    run_id=run.run_id,
                    findings=run.findings,
                )
            experiment = context.tracking.experiment(job.variant.question, job.quick)
            context.tracking.make_newest(run.run_id, job.variant.name, experiment)
            result.status = "finished"
        except Exception as error:
            result.error = explain(error)
    report(result)
    return result


# --- all variants, here or on workers -------------------------------------------------------------


def _run_here(context: Context, jobs: list[VariantJob], report: JobReport) -> None:
    """One variant after the other in this process; each is logged while the next ones train."""
    import_tensorflow()
    pending: deque[Future[VariantResult]] = deque()
    other_hands: dict[str, Future[DataFile] | None] = {}
    with helper_process.executor(len(jobs)) as executor:
        collector = ResultCollector(context, jobs, report, executor)

        def collect(all_but: int = 0) -> None:
            while pending and (len(pending) > all_but or pending[0].done()):
                collector.add(pending.popleft().result())

        try:
            for job in jobs:
                if job.variant.depends_on:
                    collect()
                if job.variant.has_images and not other_hands:  # the helper has time from here on
                    other_hands = _generated_ahead(context, jobs, executor)
                generated = other_hands.get(job.variant.name)
                pending.append(run_variant(context, job, executor, collector.show, generated))
                collect(all_but=executor.backlog)
        finally:
            collect()
        collector.finish()


def _generated_ahead(
    context: Context, jobs: list[VariantJob], executor: Executor
) -> dict[str, Future[DataFile] | None]:
    """By variant, the handwriting that it learns from, as far as a helper can generate it."""
    return {
        job.variant.name: executor.ahead(tasks.generate_handwriting, context=context, job=job)
        for job in jobs
        if job.variant.other_hands
    }


def _run_on_workers(
    context: Context, jobs: list[VariantJob], report: JobReport, workers: int, address: str | None
) -> None:
    """All variants at once, on Dask's workers; the gate decides in the order of the table."""
    context.progress.stage(
        "starting workers" if address is None else f"connecting to the workers of {address}"
    )
    environment = WorkerEnvironment.of_this_process(context.settings)
    parameters = {j.variant.name: {"job": j, "environment": environment} for j in jobs}
    depends_on = {job.variant.name: job.variant.depends_on for job in jobs}
    results: dict[str, VariantResult] = {}
    modules = (__name__, "ann_models.training")
    collector = ResultCollector(context, jobs, report, Executor())
    try:
        with dask_workers.cluster(context.settings, workers, address, modules) as cluster:
            for name, result in cluster.results(
                run_on_worker, parameters, depends_on, report.pipeline_run_id, context.progress
            ):
                if isinstance(result, Exception):  # its worker was lost again and again
                    result = VariantResult(name, error=explain(result))
                results[name] = result
                collector.show(result)
    finally:
        context.tracking.end_unfinished_runs(report.pipeline_run_id)
    for job in jobs:
        collector.add(results[job.variant.name])
    collector.finish()


@task(name="variant", task_run_name="{job.variant.name}", cache_policy=NO_CACHE)
def run_on_worker(job: VariantJob, environment: WorkerEnvironment) -> VariantResult:
    """On a worker: one variant from its data to its logged run."""
    return _run_on_worker(job, environment)  # this function itself is sent there, by value


def _run_on_worker(job: VariantJob, environment: WorkerEnvironment) -> VariantResult:
    name = job.variant.name
    with environment.applied():
        import_tensorflow()
        context = Context.open(WorkerProgress(name, job.pipeline_run_id))
        context.tracking.end_unfinished_runs(job.pipeline_run_id, name)
        try:
            job = job.with_local_data(context)
            return run_variant(context, job, Executor()).result()
        except KeyboardInterrupt:  # the job was interrupted; Dask would end this worker
            return VariantResult(name, "killed")


@cache
def import_tensorflow() -> None:
    """Import TensorFlow, and keep its half a million objects out of every later collection.

    Collections are rare from then on: tracing creates many objects that stay, and what has cycles
    of the size of a data set is collected after its variant.
    """
    import ann_models.training  # noqa: F401

    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
