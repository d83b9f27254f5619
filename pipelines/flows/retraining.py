"""Retraining as a Prefect flow: corrections in, a challenger out, the gate decides.

The digit service follows the registry's alias by itself, so that a promotion here ends there.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.runtime import flow_run

from ann_models import variants
from ann_models.entry import IMAGES, Variant
from ann_models.selection import select
from pipelines.errors import PipelineError, WrongUse
from pipelines.flows import shadow, tasks, training_corrections
from pipelines.flows.context import Context
from pipelines.flows.report import VariantJob, explain
from pipelines.flows.training_corrections import EXPERIMENT, NOTE, TrainingCorrections
from pipelines.registry import history
from pipelines.registry.champion import without_champion
from pipelines.registry.data_sets import DataSetEntry
from pipelines.registry.versions import Version
from pipelines.tracking import tags, views
from pipelines.tracking.client import TAG_CHARACTERS


class NoChampion(PipelineError):
    """Nothing is promoted yet, so that there is nothing to retrain or to watch."""


@dataclass
class ChallengerResult:
    """How one retrained variant ended."""

    variant: str
    run_id: str | None = None
    version: str | None = None
    decision: str = ""
    seconds: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    error: str | None = None


NOTHING_NEW = "no correction is new since the last retraining"


@dataclass
class RetrainingReport:
    """What a retraining did.

    Attributes:
        pipeline_run_id: the Prefect flow run.
        model: the registered model.
        status: "retrained", "nothing new", or "failed" if a variant failed.
        corrections: how many got each verdict.
        refusals: why days of corrections were refused.
        challengers: one a variant.
        reason: why nothing was trained; empty if something was.
        champion: the version that serves now.
    """

    pipeline_run_id: str
    model: str
    status: str
    champion: str
    corrections: dict[str, int] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    challengers: list[ChallengerResult] = field(default_factory=list)
    reason: str = ""


class RetrainingFailed(PipelineError):
    """Some challengers failed; what is finished is logged."""

    def __init__(self, report: RetrainingReport) -> None:
        """Name what failed."""
        failed = [c.variant for c in report.challengers if c.error]
        super().__init__(f"{', '.join(failed)} failed; all else is finished and logged.")
        self.report = report


def _run_name() -> str:
    """Of a flow run, in Prefect's UI."""
    names = flow_run.parameters.get("names") or ["the champion's variant"]
    return f"retrain {', '.join(names)}"


@flow(name="retrain", flow_run_name=_run_name, validate_parameters=True)
def retrain(
    names: list[str] | None = None, force: bool = False, model: str | None = None
) -> RetrainingReport:
    """Train challengers with what people corrected, and let the gate decide on them.

    Args:
        names: registered variants of the table that learn from labels; none: the champion's, or
            those that it depends on.
        force: train even if no correction is new.
        model: the registered model, such as that of an image data set; none: of the digits.

    Raises:
        NoChampion: there is no champion to challenge.
        UnknownName, WrongUse: a name is not in the table, or is no candidate for the service.
        DataUnavailable: the digits that the champion was trained on cannot be had.
        FeedbackUnavailable: the corrections cannot be read.
        RetrainingFailed: some challengers failed.
    """
    context = Context.open()
    champion = current_champion(context, model)
    if entry := context.registry.data_sets.find(champion.name):
        chosen = _on_images(champion, entry, names)
    else:
        if not names and champion.variant not in variants.VARIANTS:
            raise _of_own_table(champion)
        chosen = _registered(names or trained_on_labels(champion.variant))
    report = RetrainingReport(str(flow_run.id), champion.name, "nothing new", champion.number)
    found, _ = training_corrections.stored(context, champion)
    report.reason = NOTHING_NEW if len(found) else f"there is no correction of {champion.name} yet"

    def used(tag: str, digest: str) -> bool:
        return training_corrections.were_used(context, tag, digest, champion)

    if not force and (not len(found) or used(tags.CORRECTIONS_SHA256, found.digest)):
        return _published(report)
    digits = tasks.data_of(context, champion)
    corrected = training_corrections.training_corrections(context, digits, champion)
    report.corrections, report.refusals = corrected.counts, corrected.refusals
    for refusal in corrected.refusals:
        context.progress.notice(refusal)
    if force or (corrected.used and not used(tags.ACCEPTED_SHA256, corrected.accepted_sha256)):
        _challenge(context, chosen, corrected, report)
    elif not corrected.used:
        report.reason = "no correction can be trained on"
    _published(report)
    if report.status == "failed":
        raise RetrainingFailed(report)
    context.tracking.client.set_tag(corrected.run_id, tags.RETRAINED, "true")
    return report


def _challenge(
    context: Context,
    chosen: list[Variant],
    corrected: TrainingCorrections,
    report: RetrainingReport,
) -> None:
    """One challenger after the other; each meets the champion of its moment."""
    for position, variant in enumerate(chosen, 1):
        job = VariantJob(variant, corrected.file, report.pipeline_run_id)
        result = _train_challenger(context, job, corrected.learned_by(variant), report.model)
        report.challengers.append(result)
        if result.error:
            context.progress.failure(f"{variant.name}: {result.error}")
        context.progress.ended(
            variant.name, position, len(chosen), not result.error, result.seconds
        )
    report.reason = ""
    report.status = "failed" if any(c.error for c in report.challengers) else "retrained"
    if champion := context.registry.champion(report.model):
        report.champion = champion.number


def _train_challenger(
    context: Context, job: VariantJob, corrected: TrainingCorrections, model: str
) -> ChallengerResult:
    """One variant from the corrections to the gate; a failure is its own."""
    started = time.perf_counter()
    result = ChallengerResult(job.variant.name)
    tracking, registry = context.tracking, context.registry
    about = job.about | corrected.about
    try:
        with ExitStack() as run:
            experiment = tracking.monitoring_experiment(EXPERIMENT, NOTE)
            name = views.run_name(job.variant)
            run_id = run.enter_context(tracking.run(experiment, name, about))
            run.callback(context.remove_work, run_id)
            result.run_id = run_id
            with context.progress.training(job.variant.name):
                path = tasks.train(context, job, run_id)
            findings = tasks.evaluate(context, job, path, run_id)
            tasks.log(context, job, path, run_id, findings)
            result.metrics = findings.metrics
            challenger = tasks.register(context, job, path, run_id, findings.metrics)
            result.version = challenger.number
            registry.tag(challenger, corrected.about)
            learned = f"{job.variant.name} learned from {counted(corrected.used)}, run {run_id}."
            registry.record(challenger, history.RETRAINED, learned)
            champion = registry.champion(model)
            seen = None
            if champion:
                seen, metrics = shadow.observe_requests(
                    context, challenger, champion, corrected.accepted, run_id
                )
                result.metrics |= metrics
        result.decision = tasks.judge(context, challenger, seen)
        tracking.client.set_tag(run_id, tags.DECISION, result.decision[:TAG_CHARACTERS])
    except Exception as error:
        result.error = explain(error)
    result.seconds = time.perf_counter() - started
    return result


def current_champion(context: Context, model: str | None = None) -> Version:
    """The version that serves: of a model, or of MNIST or of the offline digits.

    Raises:
        NoChampion: nothing was ever promoted.
        WrongUse: the named model has no champion.
    """
    registry = context.registry
    champion = registry.current_champion() if model is None else registry.champion(model)
    if champion is None and model is not None:
        raise without_champion(model)
    if champion is None:
        raise NoChampion("there is no champion yet; `ann run mnist_ann` makes one.")
    return champion


def _on_images(champion: Version, entry: DataSetEntry, names: list[str] | None) -> list[Variant]:
    """The champion's entry, or rows of the lecture, on the champion's image data set.

    Raises:
        WrongUse: the champion is of a table of one's own, or a row is no candidate.
        InvalidSetting: the data set is not where it was.
    """
    data = {"data": f"{IMAGES}{entry.found_at}"}
    if names:
        chosen, _ = select(names, data)
    else:
        origin = champion.tags.get(tags.DERIVED_FROM, "")
        if origin not in variants.VARIANTS:
            raise _of_own_table(champion)
        found, _ = select([origin], tags.changes_of(champion.tags) | data)
        chosen = [replace(variant, name=champion.variant) for variant in found]
    for variant in chosen:
        if not variant.registered:
            raise WrongUse(f"{variant.derived_from} is no candidate for the service.")
    return chosen


def _of_own_table(champion: Version) -> WrongUse:
    return WrongUse(
        f"{champion.variant} is not a row of the lecture; train it again with `ann run --table`, "
        "or name a row to retrain."
    )


def trained_on_labels(name: str) -> list[str]:
    """A variant that is trained on labels, and so on corrections; else those it depends on.

    Raises:
        UnknownName: the name is not in the table.
    """
    (variant,) = variants.find([name])
    found = [other for needed in variant.depends_on for other in trained_on_labels(needed)]
    return list(dict.fromkeys(found)) or [name]


def _registered(names: list[str]) -> list[Variant]:
    chosen = variants.find(names)
    for variant in chosen:
        if not variant.registered:
            raise WrongUse(
                f"{variant.name} is no candidate for the digit service; those are "
                f"{', '.join(v.name for v in variants.find([]) if v.registered)}."
            )
        if variant.depends_on:
            raise WrongUse(
                f"{variant.name} learns from other networks and not from corrections; retrain "
                f"{', '.join(trained_on_labels(variant.name))}."
            )
    return chosen


def counted(corrections: int) -> str:
    """How many corrections, with their noun."""
    return f"{corrections} correction{'' if corrections == 1 else 's'}"


def _published(report: RetrainingReport) -> RetrainingReport:
    """The outcome as an artifact in Prefect's UI."""
    lines = [f"**{report.status}**: {report.model}, version {report.champion} is champion."]
    lines += [f"- {counted(n)}: {verdict}" for verdict, n in report.corrections.items()]
    lines += [f"- {refusal}" for refusal in report.refusals]
    lines += [f"- {c.variant}: {c.error or c.decision}" for c in report.challengers]
    create_markdown_artifact("\n".join(lines), key="retraining", description="What it came to")
    return report
