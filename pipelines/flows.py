"""The lecture as Prefect flows: generate, train, evaluate, log, gate, promote; top to bottom.

Between tasks go paths and hashes; arrays stay in files of the state folder.
"""

from __future__ import annotations

import gc
import shutil
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from ann_models import datasets, variants
from ann_models.entry import Variant
from ann_models.errors import DataUnavailable, InvalidData
from ann_models.studies import study_of
from ann_models.studies.over_seeds import median_seed
from ann_models.studies.overview import overview
from pipelines import stores, views
from pipelines.errors import (
    FATAL,
    PipelineError,
    TrackingUnavailable,
    WrongUse,
    in_a_sentence,
    translate,
)
from pipelines.progress import Silent
from pipelines.registry import MODEL_NAMES
from pipelines.stores import DataFile
from pipelines.tracking import git_commit

if TYPE_CHECKING:
    from ann_models.datasets import Dataset
    from ann_models.trained import Training
    from pipelines.gate import Traffic

DATA_SEED = 0  # of the generated data; the runs' seeds are the networks'
progress = Silent()  # the command line puts its terminal here


@dataclass
class Row:
    """How one variant of a job ended."""

    name: str
    status: str
    run_id: str | None = None
    seconds: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    error: str | None = None


@dataclass
class Report:
    """What a job did: a row a variant, where the runs are, and who is champion now."""

    pipeline_run_id: str
    data: str | None
    quick: bool
    rows: list[Row] = field(default_factory=list)
    views: dict[str, str] = field(default_factory=dict)  # question: path of its comparison page
    champion: dict[str, str] | None = None
    decisions: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


class VariantsFailed(PipelineError):
    """Some variants failed; the others are finished and logged."""

    def __init__(self, report: Report) -> None:
        """Name what failed of a job."""
        super().__init__(f"{', '.join(report.failed)} failed; all else is finished and logged.")
        self.report = report


@flow(name="lecture", flow_run_name="lecture {names}", validate_parameters=True)
def lecture(
    names: list[str] | None = None, seeds: int | None = None, quick: bool = False
) -> Report:
    """Every variant, or the named ones: data, training, evaluation, tracking, gate, promotion.

    Args:
        names: variants of the lecture's table; none: all of them.
        seeds: initialisations of each trained variant; none: as the table says.
        quick: shorten every row for a look; its numbers are not results.

    Raises:
        UnknownName: a name is not in the table.
        WrongUse: ANN_MNIST_PATH does not lead to MNIST.
        VariantsFailed: some variants failed; its `report` says which.
        TrackingUnavailable: the MLflow server went away; what was finished is there.
        OrchestrationUnavailable: the Prefect server went away; likewise.
        StorageFull: nothing more can be written; likewise.
    """
    chosen = variants.find(names or [])
    if quick:
        chosen = [variant.shortened() for variant in chosen]
    if seeds:
        chosen = [replace(v, seeds=seeds) if v.layers else v for v in chosen]
    report = Report(str(flow_run.id), data=None, quick=quick)
    _import_once()
    files = {name: _prepare(name, report) for name in dict.fromkeys(v.data for v in chosen)}
    for position, variant in enumerate(chosen, 1):
        with progress.variant(variant.name, position, len(chosen)):
            report.rows.append(_study(variant, files[variant.data], report))
    finished = {row.name for row in report.rows if row.status == "finished"}
    for question in dict.fromkeys(v.question for v in chosen if v.name in finished):
        try:
            report.views[question] = compare(question, quick, report.pipeline_run_id)
        except Exception as error:
            _note_failure(f"the comparison of {question}", error, report)
    _publish(report)
    if report.failed:
        raise VariantsFailed(report)
    return report


def _study(variant: Variant, file: DataFile, report: Report) -> Row:
    """One variant from its data to the registry; a failure is its own."""
    started = time.perf_counter()
    row = Row(variant.name, "failed")
    tags = {
        "variant": variant.name,
        "row": str(variant.row),
        "pipeline_run_id": report.pipeline_run_id,
        "data_source": file.source,
        "seeds": str(variant.seeds),
        "quick": str(report.quick).lower(),
        views.COLOUR: views.colour(variant),
    }
    try:
        experiment = stores.tracking().experiment(variant.question, report.quick)
        with stores.tracking().run(experiment, variant.name, tags) as run_id:
            row.run_id = run_id
            path = train(variant, file, run_id) if variant.layers else None
            row.metrics = evaluate(variant, file, path, run_id)
            if variant.registered and not report.quick:
                version = register(variant, file, str(path), run_id, row.metrics)
                report.decisions.append(judge(MODEL_NAMES[file.source], version))
        stores.tracking().make_newest(run_id, variant.name, experiment)
        row.status = "finished"
    except Exception as error:
        row.error = _note_failure(variant.name, error, report)
    finally:
        row.seconds = time.perf_counter() - started
        if row.run_id:
            shutil.rmtree(stores.settings().work / row.run_id, ignore_errors=True)
        gc.collect()  # the compiled program and its data refer to each other
    return row


def _import_once() -> None:
    """Have TensorFlow here, and its half a million objects out of every later collection's way."""
    import ann_models.training  # noqa: F401

    gc.collect()
    gc.freeze()


def _note_failure(name: str, error: Exception, report: Report) -> str:
    """Why something failed, in a sentence; what every later step would meet ends the job."""
    cause = translate(error)
    if isinstance(cause, FATAL):
        raise cause from error
    report.failed.append(name)
    progress.failure(f"{name}: {in_a_sentence(cause)}")
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
def train(variant: Variant, file: DataFile, run_id: str) -> str:
    """Train every seed; the path of the trained weights and their history."""
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    from ann_models import training

    data = _data(variant, file)
    seeds = tuple(range(variant.seeds))
    stores.tracking().log_settings(run_id, variant, seeds, data)
    monitor = SystemMetricsMonitor(
        run_id, sampling_interval=1, tracking_uri=stores.settings().tracking_uri
    )
    monitor.start()
    try:
        trained = training.train(
            variant, data, seeds, progress.epochs, stores.settings().work / "checkpoints"
        )
    finally:
        monitor.finish()
    path = stores.settings().work / run_id / "training.npz"
    trained.save(path)
    stores.tracking().client.set_tag(run_id, "weights_sha256", trained.weights_sha256)
    if trained.interrupted:
        raise KeyboardInterrupt
    return str(path)


def _tracking_is_away(task: Any, run: Any, state: Any) -> bool:
    """Whether a retry can help: a server may come back, a wrong shape stays wrong."""
    try:
        state.result()
    except Exception as error:
        return isinstance(translate(error), TrackingUnavailable)
    return False


@task(
    name="evaluate",
    task_run_name="evaluate {variant.name}",
    cache_policy=NO_CACHE,
    retries=2,
    retry_delay_seconds=[2, 10],
    retry_condition_fn=_tracking_is_away,
)
def evaluate(
    variant: Variant, file: DataFile, training_path: str | None, run_id: str
) -> dict[str, float]:
    """Measure, draw, and log everything to the run; its final metrics."""
    data = _data(variant, file)
    trained = _load_training(training_path, variant, data) if training_path else None
    findings = study_of(variant)(variant, data, trained)
    extra = {}
    if trained is None:
        stores.tracking().log_settings(run_id, variant, (), data)
    else:
        findings.metrics["train_seconds"] = trained.seconds
        findings.metrics["parameters"] = trained.models[0].count_params()
        extra["training.npz"] = Path(str(training_path))
        chosen = int(findings.metrics.get("best_seed", median_seed(trained)))
        stores.tracking().log_model(run_id, trained.models[chosen], variant.name)
    panel = views.PANELS[variant.study]
    stores.tracking().log_findings(run_id, findings, extra, panel)
    facts = f"Row {variant.row} · {data.source} · {_seeds_in_words(trained)}"
    figures = [panel, *findings.figures.keys() - {panel}]
    stores.tracking().note(run_id, [variant.look_at, facts], figures)
    return findings.metrics


def _seeds_in_words(trained: Training | None) -> str:
    return "nothing to train" if trained is None else f"{len(trained.seeds)} seeds"


@task(name="register", task_run_name="register {variant.name}", cache_policy=NO_CACHE)
def register(
    variant: Variant,
    file: DataFile,
    training_path: str,
    run_id: str,
    metrics: dict[str, float],
) -> str:
    """The seed with the best validation accuracy as a new version of the registered model."""
    data = _data(variant, file)
    trained = _load_training(training_path, variant, data)
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
            tracking.note(run_id, [variants.QUESTIONS[question].look_at], findings.figures)
    return views.link("", experiment, question)


# --- what the tasks stand on ----------------------------------------------------------------------


def _data(variant: Variant, file: DataFile) -> Dataset:
    data = stores.loaded(file.path)
    if variant.train_size is None:
        return data
    return datasets.digits_subset(data, min(variant.train_size, len(data.arrays["x_train"])))


def _load_training(path: str, variant: Variant, data: Dataset) -> Training:
    from ann_models.trained import Training

    return Training.load(Path(path), variant, data.arrays["x_train"].shape[1:])


def _publish(report: Report) -> None:
    """The result table and the gate's words, where a person looks in Prefect's UI."""
    table = [{"variant": r.name, "status": r.status, "run": r.run_id} for r in report.rows]
    create_table_artifact(table, key="results", description="Every variant of this run")
    create_markdown_artifact(
        "\n".join(f"- {sentence}" for sentence in report.decisions) or "No candidate this time.",
        key="decisions",
        description="What the gate decided, and why",
    )
    if report.data and not report.quick:
        champion = stores.registry().champion(MODEL_NAMES[report.data])
        if champion:
            report.champion = {"name": champion.name, "version": champion.number}
