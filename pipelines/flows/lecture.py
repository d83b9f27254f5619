"""The lecture as a Prefect flow: its variants in turn or on workers, then gate and comparison."""

from __future__ import annotations

import gc
import shutil
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from ann_models import variants
from ann_models.errors import DataUnavailable, InvalidData
from pipelines.errors import FATAL, WrongUse, format_error, translate
from pipelines.flows import ad_hoc, context, dask_workers, helper_process, progress, tasks, upstream
from pipelines.flows.context import DataFile
from pipelines.flows.helper_process import Hand, Result
from pipelines.flows.report import DATA_SEED, Report, Row, VariantsFailed, Work, publish
from pipelines.registry.client import MODEL_NAMES
from pipelines.tracking import views
from pipelines.tracking.tags import RUN_COLOR

Comparisons = dict[str, Result]  # by question


@flow(name="lecture", flow_run_name="lecture {names}", validate_parameters=True)
def lecture(
    names: list[str] | None = None,
    seeds: int | None = None,
    quick: bool = False,
    workers: int = 1,
    cluster: str | None = None,
) -> Report:
    """Every variant, or the named ones: data, training, evaluation, tracking, gate, promotion.

    Args:
        names: variants of the lecture's table; none: all of them. What they build on comes first,
            if it is not trained yet.
        seeds: initialisations of each trained variant; none: as the table says.
        quick: shorten every row for a look; its numbers are not results.
        workers: processes that share the variants; with one, this process does them in turn.
        cluster: the address of a Dask scheduler whose workers share them instead.

    Raises:
        UnknownName: a name is not in the table.
        WrongUse: ANN_MNIST_PATH does not lead to MNIST, or the workers cannot do this work.
        VariantsFailed: some variants failed; its `report` says which.
        TrackingUnavailable: the MLflow server went away; what was finished is there.
        OrchestrationUnavailable: the Prefect server went away; likewise.
        ClusterUnavailable: the Dask scheduler does not answer; likewise.
        StorageFull: nothing more can be written; likewise.
    """
    with ad_hoc.untagged():
        named = variants.find(names or [])
        report = Report(str(flow_run.id), data=None, quick=quick)
        files = {name: _prepare(name, report) for name in dict.fromkeys(v.data for v in named)}
        chosen = upstream.with_untrained(named, report.data, quick)
        if added := [variant.name for variant in chosen if variant not in named]:
            progress.display.notice(
                f"Others build on {', '.join(added)}: not trained yet, and so first."
            )
        if quick:
            chosen = [variant.shortened() for variant in chosen]
        if seeds:
            chosen = [replace(v, seeds=seeds) if v.has_networks else v for v in chosen]
        work = [Work(v, files[v.data], report.pipeline_run_id, quick) for v in chosen]
        with helper_process.hand(len(work)) as hand:
            if workers == 1 and cluster is None:
                comparisons = _in_turn(work, report, hand)
            else:
                comparisons = _side_by_side(work, report, workers, cluster)
            for question, view in comparisons.items():
                try:
                    report.views[question] = view()
                except Exception as error:
                    _note_failure(f"the comparison of {question}", error, report)
        publish(report)
        if report.failed:
            raise VariantsFailed(report)
        return report


def _in_turn(work: list[Work], report: Report, hand: Hand) -> Comparisons:
    """One variant after the other, in this process; each is logged while the next ones train."""
    _import_once()
    comparisons: Comparisons = {}
    measured: deque[tuple[Work, Iterator[Row]]] = deque()

    def settle(all_but: int = 0) -> None:
        while len(measured) > all_but:
            item, variant_study = measured.popleft()
            row = next(variant_study)
            _settle(row, report)
            _decide(row, item, report)
            _compare_the_complete(work, report, hand, comparisons)

    try:
        for position, item in enumerate(work, 1):
            if item.variant.depends_on:
                settle()
            variant_study = _study(item, hand)
            with progress.display.variant(item.variant.name, position, len(work)):
                next(variant_study)
            measured.append((item, variant_study))
            settle(all_but=hand.backlog)
    finally:
        settle()
    return comparisons


def _side_by_side(
    work: list[Work], report: Report, workers: int, address: str | None
) -> Comparisons:
    """All variants at once, on Dask's workers; the gate decides in the order of the table."""
    rows: dict[str, Row] = {}
    progress.display.stage(
        "starting workers" if address is None else f"meeting the workers of {address}"
    )
    try:
        with dask_workers.cluster(workers, address, (__name__, "ann_models.training")) as cluster:
            around = dask_workers.Surroundings.here()
            calls = {i.variant.name: {"work": i, "surroundings": around} for i in work}
            after = {i.variant.name: i.variant.depends_on for i in work}
            job = report.pipeline_run_id
            for name, found in cluster.completed(study, calls, after, job, progress.display):
                if isinstance(found, Exception):  # its worker was lost again and again
                    found = Row(name, "failed", error=_in_words(found))
                rows[name] = found
                _settle(found, report)
                well = found.status == "finished"
                progress.display.ended(name, len(rows), len(work), well, found.seconds)
    finally:
        context.tracking().end_unfinished_runs(report.pipeline_run_id)
    report.rows = [rows[item.variant.name] for item in work]
    for item, row in zip(work, report.rows, strict=True):
        _decide(row, item, report)
    comparisons: Comparisons = {}
    _compare_the_complete(work, report, helper_process.HERE, comparisons)
    return comparisons


def _compare_the_complete(
    work: list[Work], report: Report, hand: Hand, comparisons: Comparisons
) -> None:
    """Compare the variants of each question of which none is left to do."""
    left = {item.variant.question for item in work[len(report.rows) :]}
    for item, row in zip(work, report.rows, strict=False):
        question = item.variant.question
        if row.status == "finished" and question not in {*left, *comparisons}:
            comparisons[question] = hand.submit(
                tasks.compare,
                question=question,
                quick=report.quick,
                pipeline_run_id=report.pipeline_run_id,
            )


@task(name="study", task_run_name="study {work.variant.name}", cache_policy=NO_CACHE)
def study(work: Work, surroundings: dask_workers.Surroundings) -> Row:
    """On a worker: one variant from its data to the registry."""
    return _on_a_worker(work, surroundings)  # this function itself is sent there, by value


def _on_a_worker(work: Work, surroundings: dask_workers.Surroundings) -> Row:
    surroundings.enter()
    _import_once()
    name = work.variant.name
    progress.display = dask_workers.Relay(name, work.pipeline_run_id)
    context.tracking().end_unfinished_runs(work.pipeline_run_id, name)
    try:
        _, row = _study(work.with_data_at_hand(), helper_process.HERE)
        return row
    except KeyboardInterrupt:  # who asked was interrupted; Dask would end this worker
        return Row(name, "killed")


def _study(work: Work, hand: Hand) -> Iterator[Row]:
    """One variant from its data to the registry; a failure is its own.

    Yields:
        Its row, twice: when it is trained and measured, and when its run has ended.
    """
    started = time.perf_counter()
    variant, file = work.variant, work.file
    row = Row(variant.name, "failed")
    tags = {
        "variant": variant.name,
        "row": str(variant.row),
        "pipeline_run_id": work.pipeline_run_id,
        "data_source": file.source,
        "seeds": str(variant.seeds),
        "quick": str(work.quick).lower(),
        RUN_COLOR: views.colour(variant),
    }
    try:
        experiment = context.tracking().experiment(variant.question, work.quick)
        with context.tracking().run(experiment, variant.name, tags) as run_id:
            row.run_id = run_id
            path = tasks.train(variant, file, run_id, work.quick) if variant.has_networks else None
            findings = tasks.evaluate(variant, file, path, run_id)
            row.metrics = findings.metrics
            if variant.registered and not work.quick:
                row.version = tasks.register(variant, file, str(path), run_id, row.metrics)
            logged = hand.submit(
                tasks.log,
                variant=variant,
                file=file,
                training_path=path,
                run_id=run_id,
                findings=findings,
                ends=True,
            )
            if variant.data == "digits":
                gc.collect()  # the compiled program and its digits refer to each other
            row.seconds = time.perf_counter() - started
            yield row
            logged()
        row.status = "finished"
    except Exception as error:
        row.error = _in_words(error)
        if not row.seconds:
            row.seconds = time.perf_counter() - started
            yield row
    finally:
        if row.run_id:
            shutil.rmtree(context.settings().work / row.run_id, ignore_errors=True)
    yield row


def _decide(row: Row, work: Work, report: Report) -> None:
    """Let the gate judge the version that a variant became, if it did."""
    if row.version is None:
        return
    try:
        report.decisions.append(tasks.judge(MODEL_NAMES[work.file.source], row.version))
    except Exception as error:
        _note_failure(f"the judgement of {row.name}", error, report)


@cache
def _import_once() -> None:
    """Have TensorFlow here, and its half a million objects out of every later collection's way."""
    import ann_models.training  # noqa: F401

    gc.collect()
    gc.freeze()


def _settle(row: Row, report: Report) -> None:
    report.rows.append(row)
    if row.error:
        report.failed.append(row.name)
        progress.display.failure(f"{row.name}: {row.error}")


def _note_failure(name: str, error: Exception, report: Report) -> None:
    words = _in_words(error)
    report.failed.append(name)
    progress.display.failure(f"{name}: {words}")


def _in_words(error: Exception) -> str:
    """Why something failed, in a sentence; what every later step would meet ends the job."""
    cause = translate(error)
    if isinstance(cause, FATAL):
        raise cause from error
    return format_error(cause)


def _prepare(name: str, report: Report) -> DataFile:
    if name != "digits":
        return tasks.generate(name, DATA_SEED)
    progress.display.stage("digits: looking for MNIST")
    try:
        file = tasks.find_digits("mnist")
    except InvalidData as error:
        raise WrongUse(str(error)) from error
    except DataUnavailable as error:
        file = tasks.find_digits("offline-digits")
        progress.display.notice(
            f"No MNIST: {error} Going on with scikit-learn's OFFLINE DIGITS (1,797 images): "
            "these are not MNIST results."
        )
    report.data = file.source
    return file
