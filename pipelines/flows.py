"""The lecture as Prefect flows: generate, train, evaluate, log, gate, promote; top to bottom.

Between tasks go paths and hashes; arrays stay in files of the state folder.
"""

from __future__ import annotations

import gc
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from ann_models import datasets, variants
from ann_models.entry import Variant
from ann_models.errors import DataUnavailable, InvalidData
from ann_models.questions import QUESTIONS
from ann_models.studies import study_of
from ann_models.studies.over_seeds import median_seed
from ann_models.studies.overview import overview
from pipelines import abandoned, predecessors, scaling, stores, views
from pipelines.errors import FATAL, TrackingUnavailable, WrongUse, in_a_sentence, translate
from pipelines.jobs import DATA_SEED, Report, Row, VariantsFailed, Work, publish
from pipelines.progress import Silent
from pipelines.registry import MODEL_NAMES
from pipelines.stores import DataFile
from pipelines.tracking import git_commit

if TYPE_CHECKING:
    from ann_models.datasets import Dataset
    from ann_models.findings import Findings
    from ann_models.trained import Training
    from pipelines.gate import Traffic

progress = Silent()  # the command line puts its terminal here


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
    with abandoned.untagged():
        named = variants.find(names or [])
        report = Report(str(flow_run.id), data=None, quick=quick)
        files = {name: _prepare(name, report) for name in dict.fromkeys(v.data for v in named)}
        chosen = predecessors.with_untrained(named, report.data, quick)
        if added := [variant.name for variant in chosen if variant not in named]:
            progress.notice(f"Others build on {', '.join(added)}: not trained yet, and so first.")
        if quick:
            chosen = [variant.shortened() for variant in chosen]
        if seeds:
            chosen = [replace(v, seeds=seeds) if v.has_networks else v for v in chosen]
        work = [Work(v, files[v.data], report.pipeline_run_id, quick) for v in chosen]
        if workers == 1 and cluster is None:
            _in_turn(work, report)
        else:
            _side_by_side(work, report, workers, cluster)
        finished = {row.name for row in report.rows if row.status == "finished"}
        for question in dict.fromkeys(v.question for v in chosen if v.name in finished):
            try:
                report.views[question] = compare(question, quick, report.pipeline_run_id)
            except Exception as error:
                _note_failure(f"the comparison of {question}", error, report)
        publish(report)
        if report.failed:
            raise VariantsFailed(report)
        return report


def _in_turn(work: list[Work], report: Report) -> None:
    """One variant after the other, in this process; each is logged while the next one trains."""
    _import_once()
    sys.setswitchinterval(0.0003)  # else who trains waits 5 ms for who draws, again and again
    measured: list[tuple[Work, Iterator[Row]]] = []

    def settle() -> None:
        while measured:
            item, study = measured.pop()
            row = next(study)
            _settle(row, report)
            _decide(row, item, report)

    try:
        for position, item in enumerate(work, 1):
            if item.variant.builds_on:
                settle()
            study = _study(item, log.submit)
            with progress.variant(item.variant.name, position, len(work)):
                next(study)
            settle()
            measured.append((item, study))
    finally:
        settle()


def _side_by_side(work: list[Work], report: Report, workers: int, address: str | None) -> None:
    """All variants at once, on Dask's workers; the gate decides in the order of the table."""
    rows: dict[str, Row] = {}
    progress.stage("starting workers" if address is None else f"meeting the workers of {address}")
    try:
        with scaling.cluster(workers, address, (__name__, "ann_models.training")) as cluster:
            around = scaling.Surroundings.here()
            calls = {i.variant.name: {"work": i, "surroundings": around} for i in work}
            after = {i.variant.name: i.variant.builds_on for i in work}
            job = report.pipeline_run_id
            for name, found in cluster.completed(study, calls, after, job, progress):
                if isinstance(found, Exception):  # its worker was lost again and again
                    found = Row(name, "failed", error=_in_words(found))
                rows[name] = found
                _settle(found, report)
                well = found.status == "finished"
                progress.ended(name, len(rows), len(work), well, found.seconds)
    finally:
        stores.tracking().close_lost_runs(report.pipeline_run_id)
    report.rows = [rows[item.variant.name] for item in work]
    for item, row in zip(work, report.rows, strict=True):
        _decide(row, item, report)


def _study(work: Work, log: Callable[..., Any]) -> Iterator[Row]:
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
        views.COLOUR: views.colour(variant),
    }
    try:
        experiment = stores.tracking().experiment(variant.question, work.quick)
        with stores.tracking().run(experiment, variant.name, tags) as run_id:
            row.run_id = run_id
            path = train(variant, file, run_id, work.quick) if variant.has_networks else None
            findings = evaluate(variant, file, path, run_id)
            row.metrics = findings.metrics
            if variant.registered and not work.quick:
                row.version = register(variant, file, str(path), run_id, row.metrics)
            logging = log(variant, file, path, run_id, findings)
            if variant.data == "digits":
                gc.collect()  # the compiled program and its digits refer to each other
            row.seconds = time.perf_counter() - started
            yield row
            if logging:
                logging.result()
        stores.tracking().make_newest(run_id, variant.name, experiment)
        row.status = "finished"
    except Exception as error:
        row.error = _in_words(error)
        if not row.seconds:
            row.seconds = time.perf_counter() - started
            yield row
    finally:
        if row.run_id:
            shutil.rmtree(stores.settings().work / row.run_id, ignore_errors=True)
    yield row


def _decide(row: Row, work: Work, report: Report) -> None:
    """Let the gate judge the version that a variant became, if it did."""
    if row.version is None:
        return
    try:
        report.decisions.append(judge(MODEL_NAMES[work.file.source], row.version))
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
        progress.failure(f"{row.name}: {row.error}")


def _note_failure(name: str, error: Exception, report: Report) -> None:
    words = _in_words(error)
    report.failed.append(name)
    progress.failure(f"{name}: {words}")


def _in_words(error: Exception) -> str:
    """Why something failed, in a sentence; what every later step would meet ends the job."""
    cause = translate(error)
    if isinstance(cause, FATAL):
        raise cause from error
    return in_a_sentence(cause)


# --- the tasks ------------------------------------------------------------------------------------


def _prepare(name: str, report: Report) -> DataFile:
    if name != "digits":
        return generate(name, DATA_SEED)
    progress.stage("digits: looking for MNIST")
    try:
        file = find_digits("mnist")
    except InvalidData as error:
        raise WrongUse(str(error)) from error
    except DataUnavailable as error:
        file = find_digits("offline-digits")
        progress.notice(
            f"No MNIST: {error} Going on with scikit-learn's OFFLINE DIGITS (1,797 images): "
            "these are not MNIST results."
        )
    report.data = file.source
    return file


@task(name="generate data", task_run_name="generate {name}", cache_policy=NO_CACHE)
def generate(name: str, seed: int) -> DataFile:
    """The lecture's generated data of that name."""
    return stores.saved(datasets.generate(name, seed))


@task(
    name="find digits",
    task_run_name="find {source}",
    cache_policy=NO_CACHE,
)
def find_digits(source: str) -> DataFile:
    """The handwritten digits in their fixed split."""
    return stores.saved(datasets.digits(source))


@task(name="train", task_run_name="train {variant.name}", cache_policy=NO_CACHE)
def train(variant: Variant, file: DataFile, run_id: str, quick: bool = False) -> str:
    """Train every seed; the path of the trained weights and their history."""
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    data = stores.data_of(variant, file)
    seeds = tuple(range(variant.seeds))
    stores.tracking().log_settings(run_id, variant, seeds, data)
    monitor = SystemMetricsMonitor(
        run_id, sampling_interval=1, tracking_uri=stores.settings().tracking_uri
    )
    monitor.start()
    try:
        trained = _networks(variant, data.without_test, seeds, quick)
    finally:
        monitor.finish()
    path = stores.keep(trained, stores.settings().work / run_id / "training.npz")
    stores.tracking().client.set_tag(run_id, "weights_sha256", trained.weights_sha256)
    if trained.interrupted:
        raise KeyboardInterrupt
    return path


def _networks(variant: Variant, data: Dataset, seeds: tuple[int, ...], quick: bool) -> Training:
    from ann_models import training

    if variant.members:
        return predecessors.committee(variant, data, quick)
    if variant.distillation:
        data = predecessors.lessons(variant, data, quick, progress.epochs)
    checkpoints = stores.settings().work / "checkpoints"
    return training.train(variant, data, seeds, progress.epochs, checkpoints)


def _tracking_is_away(task: Any, run: Any, state: Any) -> bool:
    """Whether a retry can help: a server may come back, a wrong shape stays wrong."""
    try:
        state.result()
    except Exception as error:
        return isinstance(translate(error), TrackingUnavailable)
    return False


_PATIENCE: dict[str, Any] = {
    "retries": 2,
    "retry_delay_seconds": [2, 10],
    "retry_condition_fn": _tracking_is_away,
}


@task(name="evaluate", task_run_name="evaluate {variant.name}", cache_policy=NO_CACHE, **_PATIENCE)
def evaluate(variant: Variant, file: DataFile, training_path: str | None, run_id: str) -> Findings:
    """Measure, and log the model that stands for the seeds."""
    data = stores.data_of(variant, file)
    trained = stores.trained(training_path, variant, data) if training_path else None
    findings = study_of(variant)(variant, data, trained)
    if trained is None:
        stores.tracking().log_settings(run_id, variant, (), data)
    else:
        findings.metrics["train_seconds"] = trained.seconds
        findings.metrics["parameters"] = trained.models[0].count_params()
        best = findings.metrics.get("best_seed")
        chosen = median_seed(trained) if best is None else int(best)
        stores.tracking().log_model(run_id, trained.models[chosen], variant.name)
    return findings


@task(name="log", task_run_name="log {variant.name}", cache_policy=NO_CACHE, **_PATIENCE)
def log(
    variant: Variant, file: DataFile, training_path: str | None, run_id: str, findings: Findings
) -> None:
    """Draw, and log to the run all that was found."""
    panel = views.PANELS[variant.study]
    extra = {"training.npz": Path(training_path)} if training_path else {}
    stores.tracking().log_findings(run_id, findings, extra, panel)
    trainings = f"{variant.seeds} seeds" if variant.has_networks else "nothing to train"
    facts = f"Row {variant.row} · {file.source} · {trainings}"
    figures = [panel, *findings.figures.keys() - {panel}]
    stores.tracking().note(run_id, [variant.look_at, facts], figures)


@task(name="study", task_run_name="study {work.variant.name}", cache_policy=NO_CACHE)
def study(work: Work, surroundings: scaling.Surroundings) -> Row:
    """On a worker: one variant from its data to the registry."""
    return _on_a_worker(work, surroundings)  # this function itself is sent there, by value


def _on_a_worker(work: Work, surroundings: scaling.Surroundings) -> Row:
    global progress
    surroundings.enter()
    _import_once()
    name = work.variant.name
    progress = scaling.Relay(name, work.pipeline_run_id)
    stores.tracking().close_lost_runs(work.pipeline_run_id, name)
    try:
        _, row = _study(work.with_data_at_hand(), log)
        return row
    except KeyboardInterrupt:  # who asked was interrupted; Dask would end this worker
        return Row(name, "killed")


@task(name="register", task_run_name="register {variant.name}", cache_policy=NO_CACHE)
def register(
    variant: Variant,
    file: DataFile,
    training_path: str,
    run_id: str,
    metrics: dict[str, float],
) -> str:
    """The seed with the best validation accuracy as a new version of the registered model."""
    data = stores.data_of(variant, file).without_test
    trained = stores.trained(training_path, variant, data)
    best = int(metrics["best_seed"])
    version = stores.registry().register(
        trained.models[trained.seeds.index(best)],
        data,
        run_id=run_id,
        variant=variant.name,
        seed=best,
        git_commit=git_commit(),
    )
    return version.number


@task(name="gate", task_run_name="gate {name} version {number}", cache_policy=NO_CACHE)
def judge(name: str, number: str, traffic: Traffic | None = None) -> str:
    """Let the gate decide on a version; its decision in one sentence."""
    registry = stores.registry()
    version = registry.version(name, number)
    decision = registry.judge(version, traffic=traffic)
    verdict = "is the new champion" if decision.promote else "was refused"
    sentence = f"{name} version {number} ({version.tags['variant']}) {verdict}: "
    against = [reason for reason in decision.reasons if not reason.in_favour]
    return sentence + (against or decision.reasons)[-1].sentence


@task(name="compare", task_run_name="compare {question}", cache_policy=NO_CACHE)
def compare(question: str, quick: bool, pipeline_run_id: str) -> str:
    """Draw the panels across a question's runs; the path of its comparison page."""
    tracking = stores.tracking()
    experiment = tracking.experiment(question, quick)
    findings = overview(
        question, [tracking.summary(run) for run in tracking.newest(question, quick)]
    )
    if findings.figures:
        tags = {"overview": question, "pipeline_run_id": pipeline_run_id}
        with tracking.run(experiment, "overview", tags) as run_id:
            tracking.log_findings(run_id, findings, {})
            tracking.note(run_id, [QUESTIONS[question].look_at], findings.figures)
    return views.link("", experiment, question)
