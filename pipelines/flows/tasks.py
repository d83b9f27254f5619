"""What a flow does, as Prefect tasks: generate, train, evaluate, log, register, gate, compare.

Between tasks go paths and hashes; arrays stay in files of the state folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from ann_models import datasets
from ann_models.entry import Variant
from ann_models.questions import QUESTIONS
from ann_models.studies import study_of
from ann_models.studies.over_seeds import median_seed
from ann_models.studies.overview import overview
from pipelines.errors import TrackingUnavailable, translate
from pipelines.flows import context, progress, upstream
from pipelines.flows.context import DataFile
from pipelines.tracking import views
from pipelines.tracking.provenance import git_commit

if TYPE_CHECKING:
    from ann_models.datasets import Dataset
    from ann_models.findings import Findings
    from ann_models.training.result import Training
    from pipelines.gate import ShadowResult


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


@task(name="generate data", task_run_name="generate {name}", cache_policy=NO_CACHE)
def generate(name: str, seed: int) -> DataFile:
    """The lecture's generated data of that name."""
    return context.saved(datasets.generate(name, seed))


@task(
    name="find digits",
    task_run_name="find {source}",
    cache_policy=NO_CACHE,
)
def find_digits(source: str) -> DataFile:
    """The handwritten digits in their fixed split."""
    return context.saved(datasets.digits(source))


@task(name="train", task_run_name="train {variant.name}", cache_policy=NO_CACHE, **_PATIENCE)
def train(variant: Variant, file: DataFile, run_id: str, quick: bool = False) -> str:
    """Train every seed; the path of the trained weights and their history."""
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    data = context.data_of(variant, file)
    seeds = tuple(range(variant.seeds))
    context.tracking().log_settings(run_id, variant, seeds, data)
    monitor = SystemMetricsMonitor(
        run_id, sampling_interval=1, tracking_uri=context.settings().tracking_uri
    )
    monitor.start()
    try:
        trained = _networks(variant, data.without_test, seeds, quick)
    finally:
        monitor.finish()
    path = context.keep(trained, context.settings().work / run_id / "training.npz")
    if trained.interrupted:
        raise KeyboardInterrupt
    return path


def _networks(variant: Variant, data: Dataset, seeds: tuple[int, ...], quick: bool) -> Training:
    from ann_models.training import trainer

    if variant.members:
        return upstream.committee(variant, data, quick)
    if variant.distillation:
        data = upstream.lessons(variant, data, quick, progress.display.epochs)
    checkpoints = context.settings().work / "checkpoints"
    return trainer.train(variant, data, seeds, progress.display.epochs, checkpoints)


@task(name="evaluate", task_run_name="evaluate {variant.name}", cache_policy=NO_CACHE, **_PATIENCE)
def evaluate(variant: Variant, file: DataFile, training_path: str | None, run_id: str) -> Findings:
    """Measure, and log the model that stands for the seeds."""
    data = context.data_of(variant, file)
    trained = context.trained(training_path, variant, data) if training_path else None
    findings = study_of(variant)(variant, data, trained)
    if trained is None:
        context.tracking().log_settings(run_id, variant, (), data)
    else:
        context.tracking().client.set_tag(run_id, "weights_sha256", trained.weights_sha256)
        findings.metrics["train_seconds"] = trained.seconds
        findings.metrics["parameters"] = trained.models[0].count_params()
        best = findings.metrics.get("best_seed")
        chosen = median_seed(trained) if best is None else int(best)
        context.tracking().log_model(run_id, trained.models[chosen], variant.name)
    return findings


@task(name="log", task_run_name="log {variant.name}", cache_policy=NO_CACHE, **_PATIENCE)
def log(
    variant: Variant,
    file: DataFile,
    training_path: str | None,
    run_id: str,
    findings: Findings,
    ends: bool = False,
) -> None:
    """Draw, and log to the run all that was found; the run may end with that."""
    panel = views.PANELS[variant.study]
    extra = {"training.npz": Path(training_path)} if training_path else {}
    context.tracking().log_findings(run_id, findings, extra, panel)
    trainings = f"{variant.seeds} seeds" if variant.has_networks else "nothing to train"
    facts = f"Row {variant.row} · {file.source} · {trainings}"
    figures = [panel, *findings.figures.keys() - {panel}]
    context.tracking().note(run_id, [variant.look_at, facts], figures)
    if ends:
        context.tracking().finish(run_id, variant.name)


@task(name="register", task_run_name="register {variant.name}", cache_policy=NO_CACHE)
def register(
    variant: Variant,
    file: DataFile,
    training_path: str,
    run_id: str,
    metrics: dict[str, float],
) -> str:
    """The seed with the best validation accuracy as a new version of the registered model."""
    from pipelines.flows.candidate import evaluate_candidate

    data = context.data_of(variant, file).without_test
    trained = context.trained(training_path, variant, data)
    best = int(metrics["best_seed"])
    version = context.registry().register(
        evaluate_candidate(trained.models[trained.seeds.index(best)], data),
        run_id=run_id,
        variant=variant.name,
        seed=best,
        git_commit=git_commit(),
    )
    return version.number


@task(name="gate", task_run_name="gate {name} version {number}", cache_policy=NO_CACHE)
def judge(name: str, number: str, shadow: ShadowResult | None = None) -> str:
    """Let the gate decide on a version; its decision in one sentence."""
    registry = context.registry()
    version = registry.version(name, number)
    decision = registry.judge(version, shadow=shadow)
    verdict = "is the new champion" if decision.promote else "was refused"
    return f"{version} ({version.variant}) {verdict}: {decision.summary}"


@task(name="compare", task_run_name="compare {question}", cache_policy=NO_CACHE)
def compare(question: str, quick: bool, pipeline_run_id: str) -> str:
    """Draw the panels across a question's runs; the path of its comparison page."""
    tracking = context.tracking()
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
