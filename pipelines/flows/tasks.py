"""What a flow does, as Prefect tasks: generate, train, evaluate, log, register, judge, compare.

Between tasks go paths and hashes; arrays stay in files of the state folder.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.logging import get_run_logger

from ann_models import datasets, points
from ann_models.entry import IMAGES
from ann_models.errors import DataUnavailable, InvalidData
from ann_models.questions import QUESTIONS
from ann_models.studies import study_of
from ann_models.studies.over_seeds import median_seed
from ann_models.studies.overview import overview
from ann_models.variants import VARIANTS
from pipelines.errors import TrackingUnavailable, WrongUse, translate
from pipelines.events import DECISION_EVENTS, MODEL_RESOURCE
from pipelines.flows import reproducibility, upstream
from pipelines.flows.context import Context, DataFile
from pipelines.flows.report import VariantJob, run_link
from pipelines.registry.data_sets import DataSetEntry
from pipelines.settings import ui_address
from pipelines.tracking import question_views, tags, views
from pipelines.tracking.provenance import git_commit

if TYPE_CHECKING:
    from ann_models.datasets import Dataset
    from ann_models.findings import Findings
    from ann_models.training.result import Training
    from pipelines.candidate import ShadowResult
    from pipelines.registry.versions import Version


def _tracking_is_unavailable(task: Any, run: Any, state: Any) -> bool:
    """Whether a retry can help: a server may come back, a wrong shape stays wrong."""
    try:
        state.result()
    except Exception as error:
        return isinstance(translate(error), TrackingUnavailable)
    return False


_RETRIES: dict[str, Any] = {
    "retries": 2,
    "retry_delay_seconds": [2, 10],
    "retry_condition_fn": _tracking_is_unavailable,
}


@task(name="generate data", task_run_name="generate {name}", cache_policy=NO_CACHE)
def generate(context: Context, name: str, seed: int) -> DataFile:
    """The lecture's generated data of that name, or points of one's own."""
    data = datasets.generate(name, seed)
    notice_scale(context, data)
    return context.save_dataset(data)


def notice_scale(context: Context, data: Dataset) -> None:
    """Say that points of one's own have numbers from which the networks hardly learn."""
    if data.source == "own":
        for sentence in points.scale_notes(data.arrays["x_train"], data.arrays["y_train"]):
            context.progress.notice(f"{data.name}: {sentence}")


@task(name="find digits", task_run_name="find {source}", cache_policy=NO_CACHE)
def find_digits(context: Context, source: str) -> DataFile:
    """The handwritten digits in their fixed split.

    Raises:
        WrongUse: ANN_MNIST_PATH does not lead to MNIST.
        DataUnavailable: they cannot be had.
    """
    try:
        return context.save_dataset(datasets.digits(source))
    except InvalidData as error:
        raise WrongUse(str(error)) from error


@task(name="find images", task_run_name="find {text}", cache_policy=NO_CACHE)
def find_images(context: Context, text: str) -> DataFile:
    """An image data set of one's own in its fixed split.

    Raises:
        WrongUse: it has the name of another one.
        InvalidSetting, InvalidData, DataUnavailable: it cannot be read.
    """
    data = datasets.image_set(text, context.progress.notice)
    entry = DataSetEntry(data.source, text, data.classes, data.digest)
    context.registry.data_sets.check(entry)
    return replace(context.save_dataset(data), data_set=entry)


def data_of(context: Context, version: Version) -> DataFile:
    """The digits or pictures that a version's model was first trained on.

    Raises:
        WrongUse: ANN_MNIST_PATH does not lead to MNIST, or the pictures cannot be read.
        InvalidSetting: the pictures are not where they were.
        DataUnavailable: they cannot be had, or are not the same any more.
    """
    entry = context.registry.data_sets.find(version.name)
    if entry is None:
        return find_digits(context, version.data_source)
    if copy := context.saved_dataset("digits", entry.sha256):
        return DataFile(str(copy), entry.name, entry.sha256)
    try:
        found = context.save_dataset(datasets.image_set(entry.found_at))
    except InvalidData as error:
        raise WrongUse(str(error)) from error
    if found.digest != entry.sha256:
        raise DataUnavailable(
            f"{entry.found_at} has other pictures than {version} was trained on: SHA-256 "
            f"{found.digest[:12]} in place of {entry.sha256[:12]}. Restore them there."
        )
    return found


@task(
    name="generate handwriting",
    task_run_name="generate handwriting for {job.variant.name}",
    cache_policy=NO_CACHE,
)
def generate_handwriting(context: Context, job: VariantJob) -> DataFile:
    """The digits of other hands, and the pictures of no digit, that a variant learns from."""
    from ann_models.digits.people import other_hands

    assert job.variant.other_hands is not None
    data = context.dataset_of(job.variant, job.file)
    return context.save_dataset(other_hands(data, job.variant.other_hands))


@task(name="train", task_run_name="train {job.variant.name}", cache_policy=NO_CACHE, **_RETRIES)
def train(context: Context, job: VariantJob, run_id: str) -> str:
    """Train every seed; the path of the trained weights and their history."""
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    data = context.dataset_of(job.variant, job.file)
    seeds = tuple(range(job.variant.seeds))
    context.tracking.log_settings(run_id, job.variant, seeds, data)
    if job.variant.other_hands:
        from ann_models.digits.people import joined

        file = job.other_hands or generate_handwriting(context, job)
        others = datasets.Dataset.load(Path(file.path))
        context.tracking.log_data(run_id, others, "training")
        data = joined(data, others)
    monitor = SystemMetricsMonitor(
        run_id, sampling_interval=1, tracking_uri=context.settings.tracking_uri
    )
    monitor.start()
    try:
        trained = _networks(context, job, data.without_test, seeds)
    finally:
        monitor.finish()
    path = context.save_training(trained, run_id)
    if trained.interrupted:
        raise KeyboardInterrupt
    return path


def _networks(context: Context, job: VariantJob, data: Dataset, seeds: tuple[int, ...]) -> Training:
    from ann_models.training import trainer

    variant, report = job.variant, context.progress.epochs
    if variant.members:
        return upstream.committee(context, variant, data, job.quick)
    if variant.distillation:
        data = upstream.distillation_set(context, variant, data, job.quick, report)
    checkpoints = context.settings.work / "checkpoints"
    return trainer.train(variant, data, seeds, report, checkpoints)


@task(
    name="evaluate", task_run_name="evaluate {job.variant.name}", cache_policy=NO_CACHE, **_RETRIES
)
def evaluate(context: Context, job: VariantJob, path: str | None, run_id: str) -> Findings:
    """Measure what was trained, and log one seed's model: the best one, or a typical one."""
    variant, tracking = job.variant, context.tracking
    data = context.dataset_of(variant, job.file)
    trained = context.load_training(path, variant, data) if path else None
    findings = study_of(variant)(variant, data, trained)
    if trained is None:
        tracking.log_settings(run_id, variant, (), data)
    else:
        conditions = {tags.WEIGHTS_SHA256: trained.weights_sha256, **reproducibility.conditions()}
        for name, value in conditions.items():
            tracking.client.set_tag(run_id, name, value)
        findings.metrics["train_seconds"] = trained.seconds
        findings.metrics["parameters"] = trained.models[0].count_params()
        seed = findings.metrics.get("best_seed")
        chosen = median_seed(trained) if seed is None else trained.seeds.index(int(seed))
        tracking.log_model(run_id, trained.models[chosen], variant.name)
    _log_metrics(findings.metrics)
    return findings


def _log_metrics(metrics: dict[str, float]) -> None:
    shown = {n: m for n, m in metrics.items() if n.endswith("_accuracy") or n == "final_train_loss"}
    line = ", ".join(f"{name} {value:.4g}" for name, value in shown.items())
    get_run_logger().info(line or "evaluated: no accuracy to measure")


@task(name="log", task_run_name="log {job.variant.name}", cache_policy=NO_CACHE, **_RETRIES)
def log(
    context: Context, job: VariantJob, path: str | None, run_id: str, findings: Findings
) -> None:
    """Draw, and log to the run all that was found."""
    variant = job.variant
    panel = views.PANELS[variant.study]
    extra = {"training.npz": Path(path)} if path else {}
    title = question_views.picture_title(variant.question)
    context.tracking.log_findings(run_id, findings, extra, (panel, title))
    trainings = f"{variant.seeds} seeds" if variant.has_networks else "nothing to train"
    facts = f"Row {variant.row} · {job.file.source} · {trainings}"
    figures = [panel, *findings.figures.keys() - {panel}]
    context.tracking.note(run_id, [variant.look_at, facts], figures)
    get_run_logger().info("logged: %s", run_link(ui_address(context.settings), run_id))


@task(name="register", task_run_name="register {job.variant.name}", cache_policy=NO_CACHE)
def register(
    context: Context, job: VariantJob, path: str, run_id: str, metrics: dict[str, float]
) -> Version:
    """The seed with the best validation accuracy as a new version of the registered model."""
    from pipelines.flows.candidate import evaluate_candidate

    data = context.dataset_of(job.variant, job.file).without_test
    trained = context.load_training(path, job.variant, data)
    best = int(metrics["best_seed"])
    if job.file.data_set:
        context.registry.make(job.file.source)
        context.registry.data_sets.keep(job.file.data_set)
    version = context.registry.register(
        evaluate_candidate(
            trained.models[trained.seeds.index(best)], data, metrics.get("temperature")
        ),
        run_id=run_id,
        variant=job.variant.name,
        seed=best,
        git_commit=git_commit(),
    )
    context.registry.tag(version, job.changes)
    return version


@task(
    name="gate",
    task_run_name="gate {version.name} version {version.number}",
    cache_policy=NO_CACHE,
)
def judge(context: Context, version: Version, shadow: ShadowResult | None = None) -> str:
    """Let the gate decide on a version; its decision in one sentence."""
    decision = context.registry.judge(version, shadow=shadow)
    verdict = "is the new champion" if decision.promote else "was refused"
    sentence = f"{version} ({version.variant}) {verdict}: {decision.summary}"
    get_run_logger().info(sentence)
    emit_event(
        DECISION_EVENTS[decision.promote],
        resource={
            "prefect.resource.id": f"{MODEL_RESOURCE}{version.name}",
            "prefect.resource.name": version.name,
        },
        payload={"version": version.number, "decision": sentence},
    )
    return sentence


@task(name="compare", task_run_name="compare {question}", cache_policy=NO_CACHE)
def compare(context: Context, question: str, quick: bool, pipeline_run_id: str) -> str:
    """Draw the panels across a question's runs; the path of its comparison page."""
    tracking = context.tracking
    experiment = tracking.experiment(question, quick)
    newest = tracking.newest(question, quick)
    lecture = [run for run in newest if run.data.tags[tags.VARIANT] in VARIANTS]
    findings = overview(question, [tracking.summary(run) for run in lecture])
    if findings.figures:
        about = {tags.OVERVIEW: question, tags.PIPELINE_RUN_ID: pipeline_run_id}
        with tracking.run(experiment, "overview", about) as run_id:
            tracking.log_findings(run_id, findings, {})
            tracking.note(run_id, [QUESTIONS[question].look_at], findings.figures)
    mine = [r for r in newest if r.data.tags.get(tags.PIPELINE_RUN_ID) == pipeline_run_id]
    own = bool(mine) and all(r.data.params.get("data", "").startswith(IMAGES) for r in mine)
    return views.link("", experiment, question_views.view_of(question, own))


@task(name="report", cache_policy=NO_CACHE)
def log_report(context: Context, pipeline_run_id: str) -> str:
    """Log the whole lecture as one HTML page; the path of its run in MLflow's UI."""
    from pipelines.flows import lecture_report

    tracking = context.tracking
    page = lecture_report.report(tracking, context.registry, ui_address(context.settings))
    experiment = tracking.monitoring_experiment(lecture_report.EXPERIMENT, lecture_report.NOTE)
    with tracking.run(experiment, "report", {tags.PIPELINE_RUN_ID: pipeline_run_id}) as run_id:
        tracking.client.log_text(run_id, page, lecture_report.FILE)
    return f"#/experiments/{experiment}/runs/{run_id}/artifacts"
