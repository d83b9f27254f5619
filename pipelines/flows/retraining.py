"""The closed loop as a Prefect flow: corrections in, a challenger out, the gate decides.

The digit service follows the registry's alias by itself, so that a promotion here ends there.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from ann_models import variants
from ann_models.datasets import Dataset
from ann_models.digits import neighbours
from ann_models.entry import Variant
from ann_models.findings import Findings
from pipelines.errors import FATAL, PipelineError, WrongUse, format_error, translate
from pipelines.feedback import corrections, requests
from pipelines.feedback.corrections import Evidence, Judgement
from pipelines.feedback.requests import Corrections
from pipelines.feedback.shadow import answers, observe
from pipelines.flows import context, progress, tasks
from pipelines.flows.context import DataFile
from pipelines.tracking import views
from pipelines.tracking.tags import RUN_COLOR
from serving import settings as serving_settings

if TYPE_CHECKING:
    from pipelines.gate import ShadowResult
    from pipelines.registry.versions import Version

EXPERIMENT = "Retraining"
NOTE = (
    "What people corrected becomes training data: `corrections` runs say what was accepted and "
    "what was refused, the others are the challengers that learned from it."
)
ANSWERED = "answered"  # tag of a corrections run whose challengers are trained and judged
MIRRORED = 1000  # recent requests that a challenger answers in the shadow
MIRRORED_DAYS = 30
SHOWN = 50  # digits of a picture


class NoChampion(PipelineError):
    """Nothing is promoted yet, so that there is nothing to retrain or to watch."""


@dataclass
class Challenger:
    """How one retrained variant ended."""

    variant: str
    run_id: str | None = None
    version: str | None = None
    decision: str = ""
    seconds: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    error: str | None = None


@dataclass
class Report:
    """What a retraining did.

    Attributes:
        pipeline_run_id: the Prefect flow run.
        model: the registered model.
        status: "retrained", "nothing new", or "failed" if a variant failed.
        corrections: how many got each verdict.
        refusals: why days of corrections were refused.
        challengers: one a variant.
        champion: the version that serves now.
    """

    pipeline_run_id: str
    model: str
    status: str
    champion: str
    corrections: dict[str, int] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    challengers: list[Challenger] = field(default_factory=list)


class RetrainingFailed(PipelineError):
    """Some challengers failed; what is finished is logged."""

    def __init__(self, report: Report) -> None:
        """Name what failed."""
        failed = [c.variant for c in report.challengers if c.error]
        super().__init__(f"{', '.join(failed)} failed; all else is finished and logged.")
        self.report = report


@dataclass(frozen=True)
class Lesson:
    """What the corrections became.

    Attributes:
        run_id: the MLflow run that records it.
        file: the digits with the accepted corrections among the training part.
        counts: how many corrections got each verdict.
        refusals: why days were refused.
        used: corrections in the training part.
        accepted: all accepted corrections, those that are kept from training too.
        accepted_sha256: digest of the accepted ones.
    """

    run_id: str
    file: DataFile
    counts: dict[str, int]
    refusals: list[str]
    used: int
    accepted: DataFile
    accepted_sha256: str


@flow(name="retrain", validate_parameters=True)
def retrain(names: list[str] | None = None, force: bool = False) -> Report:
    """Train challengers with what people corrected, and let the gate decide on them.

    Args:
        names: registered variants of the table that learn from labels; none: the champion's, or
            those that it builds on.
        force: train even if no correction is new.

    Raises:
        NoChampion: there is no champion to challenge.
        UnknownName, WrongUse: a name is not in the table, or is no candidate for the service.
        DataUnavailable: the digits that the champion was trained on cannot be had.
        FeedbackUnavailable: the corrections cannot be read.
        RetrainingFailed: some challengers failed.
    """
    champion = champion_now()
    chosen = _registered(names or taught_by_labels(champion.tags["variant"]))
    found, _ = _corrections(champion)
    report = Report(str(flow_run.id), champion.name, "nothing new", champion.number)
    if not force and (not len(found) or _answered("corrections_sha256", found.digest, champion)):
        return _published(report)
    lesson = learn(tasks.find_digits(champion.tags["data"]), champion.name, champion.number)
    report.corrections, report.refusals = lesson.counts, lesson.refusals
    for refusal in lesson.refusals:
        progress.display.notice(refusal)
    new = lesson.used and not _answered("accepted_sha256", lesson.accepted_sha256, champion)
    if new or force:
        for position, variant in enumerate(chosen, 1):
            with progress.display.variant(variant.name, position, len(chosen)):
                report.challengers.append(_challenge(variant, lesson, champion, report))
        report.status = "failed" if any(c.error for c in report.challengers) else "retrained"
        report.champion = champion_now().number
    _published(report)
    if report.status == "failed":
        raise RetrainingFailed(report)
    context.tracking().client.set_tag(lesson.run_id, ANSWERED, "true")
    return report


def _challenge(variant: Variant, lesson: Lesson, champion: Version, report: Report) -> Challenger:
    """One variant from the lesson to the gate; a failure is its own."""
    started = time.perf_counter()
    outcome = Challenger(variant.name)
    tags = {
        "variant": variant.name,
        "row": str(variant.row),
        "pipeline_run_id": report.pipeline_run_id,
        "data_source": lesson.file.source,
        "seeds": str(variant.seeds),
        "quick": "false",
        RUN_COLOR: views.colour(variant),
        **_record(lesson),
    }
    tracking, registry = context.tracking(), context.registry()
    try:
        with tracking.run(tracking.watch(EXPERIMENT, NOTE), variant.name, tags) as run_id:
            outcome.run_id = run_id
            path = tasks.train(variant, lesson.file, run_id)
            findings = tasks.evaluate(variant, lesson.file, path, run_id)
            tasks.log(variant, lesson.file, path, run_id, findings)
            outcome.metrics = findings.metrics
            number = tasks.register(variant, lesson.file, path, run_id, outcome.metrics)
            outcome.version = number
            registry.tag(registry.version(champion.name, number), _record(lesson))
            seen, metrics = shadow(champion.name, number, lesson.accepted, run_id)
            outcome.metrics |= metrics
            outcome.decision = tasks.judge(champion.name, number, seen)
            tracking.client.set_tag(run_id, "decision", outcome.decision[:5000])
    except Exception as error:
        cause = translate(error)
        if isinstance(cause, FATAL):
            raise cause from error
        outcome.error = format_error(cause)
        progress.display.failure(f"{variant.name}: {outcome.error}")
    finally:
        outcome.seconds = time.perf_counter() - started
        if outcome.run_id:
            shutil.rmtree(context.settings().work / outcome.run_id, ignore_errors=True)
    return outcome


# --- the tasks ------------------------------------------------------------------------------------


@task(name="learn", task_run_name="corrections for {name}", cache_policy=NO_CACHE)
def learn(digits: DataFile, name: str, number: str) -> Lesson:
    """Judge the corrections, put every verdict on record, join the accepted ones to the digits."""
    tracking = context.tracking()
    champion = context.registry().version(name, number)
    data = context.loaded(digits.path)
    found, invalid = _corrections(champion)
    judgement = corrections.judge(found, _evidence(found, champion, data))
    accepted = found.select(judgement.accepted)
    training, held_out = corrections.split(accepted)
    joined, repeats = corrections.add_to_training(data, training)
    used = (len(joined.arrays["x_train"]) - len(data.arrays["x_train"])) // max(repeats, 1)
    counts = judgement.counts | ({"no digit": invalid} if invalid else {})
    refused = len(found) - len(accepted)
    tags = {
        "variant": "corrections",
        "model": name,
        "data_source": data.source,
        "pipeline_run_id": str(flow_run.id),
        "corrections_sha256": found.digest,
        "accepted_sha256": accepted.digest,
        "refusals": "\n".join(judgement.refusals),
        "verdict": "refused" if judgement.refusals else "accepted",
    }
    arrays = {"x": accepted.images, "y": accepted.digits, "times": accepted.times}
    kept = Dataset("corrections", data.source, arrays)
    with tracking.run(tracking.watch(EXPERIMENT, NOTE), "corrections", tags) as run_id:
        findings = Findings(
            {
                "corrections_accepted": float(len(accepted)),
                "corrections_refused": float(refused),
                "corrections_used": float(used),
                "corrections_held_out": float(len(held_out)),
                "corrections_repeats": float(repeats),
            },
            figures=_pictures(found, judgement),
            tables={"verdicts": _table(found, judgement)},
        )
        tracking.log_data(run_id, kept, "corrections")
        tracking.log_findings(run_id, findings, {})
        words = [f"{n} {verdict}" for verdict, n in counts.items()]
        tracking.note(run_id, [", ".join(words), *judgement.refusals], findings.figures)
    return Lesson(
        run_id=run_id,
        file=context.saved(joined),
        counts=counts,
        refusals=list(judgement.refusals),
        used=used,
        accepted=context.saved(kept),
        accepted_sha256=accepted.digest,
    )


@task(name="shadow", task_run_name="shadow {name} version {number}", cache_policy=NO_CACHE)
def shadow(
    name: str, number: str, corrected: DataFile, run_id: str
) -> tuple[ShadowResult, dict[str, float]]:
    """Mirror recent traffic to the challenger; what the gate needs, and the logged metrics."""
    registry = context.registry()
    arrays = context.loaded(corrected.path).arrays
    accepted = Corrections(arrays["x"], arrays["y"], arrays["times"])
    images = requests.recent_images(
        serving_settings.load().feedback_url,
        name,
        since=time.time() - MIRRORED_DAYS * corrections.DAY,
        count=MIRRORED,
    )
    seen, metrics = observe(
        registry.artifacts.onnx_bytes(registry.version(name, number)),
        registry.artifacts.onnx_bytes(champion_now()),
        images,
        dict(zip(accepted.keys, map(int, accepted.digits), strict=True)),
        corrections.split(accepted)[1],
    )
    for metric, value in metrics.items():
        context.tracking().client.log_metric(run_id, metric, value)
    return seen, metrics


# --- what they stand on ---------------------------------------------------------------------------


def champion_now() -> Version:
    """The version that serves: of MNIST, or of the offline digits where there is none.

    Raises:
        NoChampion: nothing was ever promoted.
    """
    if champion := context.registry().current_champion():
        return champion
    raise NoChampion("there is no champion yet; `ann run mnist_ann` makes one.")


def taught_by_labels(name: str) -> list[str]:
    """A variant that labels teach, and so corrections; else those such that it builds on.

    Raises:
        UnknownName: the name is not in the table.
    """
    (variant,) = variants.find([name])
    found = [other for needed in variant.depends_on for other in taught_by_labels(needed)]
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
                f"{', '.join(taught_by_labels(variant.name))}."
            )
    return chosen


def _corrections(champion: Version) -> tuple[Corrections, int]:
    return requests.corrections(serving_settings.load().feedback_url, champion.name)


def _evidence(found: Corrections, champion: Version, data: Dataset) -> Evidence:
    """Ask the champion again, and the digits that it was first trained on."""
    registry, known = context.registry(), data.arrays
    candidate = registry.artifacts.candidate(champion)
    mistakes = np.flatnonzero(~candidate.correct)
    named = candidate.probabilities[mistakes].argmax(axis=1)
    training = known["x_train"], known["y_train"]
    others = neighbours.unanimous_label(known["x_val"][mistakes], *training)
    held_out = np.concatenate([known["x_val"], known["x_test"]])
    return Evidence(
        champion=answers(registry.artifacts.onnx_bytes(champion), found.images).digits,
        neighbours=neighbours.unanimous_label(found.images, *training),
        copies=neighbours.are_copies(found.images, held_out),
        shared_errors=int(np.count_nonzero(others == named)),
        errors=len(mistakes),
    )


def _answered(tag: str, digest: str, champion: Version) -> bool:
    """Whether the same corrections were learned from already, for this model."""
    tracking = context.tracking()
    condition = (
        f"tags.{tag} = '{digest}' AND tags.{ANSWERED} = 'true' AND tags.model = '{champion.name}'"
    )
    experiment = tracking.watch(EXPERIMENT, NOTE)
    return bool(tracking.client.search_runs([experiment], condition, max_results=1))


def _record(lesson: Lesson) -> dict[str, str]:
    """What a run and a version say of the corrections in them."""
    refused = sum(n for verdict, n in lesson.counts.items() if verdict != corrections.ACCEPTED)
    return {
        "corrections_used": str(lesson.used),
        "corrections_refused": str(refused),
        "corrections_accepted_sha256": lesson.accepted_sha256,
        "corrections_run": lesson.run_id,
    }


def _pictures(found: Corrections, judgement: Judgement) -> dict[str, Any]:
    from ann_models.figures import digits

    figures = {}
    for name, which in (("accepted", judgement.accepted), ("refused", ~judgement.accepted)):
        newest = np.flatnonzero(which)[-SHOWN:]
        if len(newest):
            title = f"The newest of {which.sum()} {name} corrections"
            figures[name] = digits.labelled_grid(found.images[newest], found.digits[newest], title)
    return figures


def _table(found: Corrections, judgement: Judgement) -> dict[str, list[Any]]:
    return {
        "image_sha256": found.keys,
        "digit": found.digits.tolist(),
        "time": found.times.tolist(),
        "verdict": list(judgement.verdicts),
    }


def _published(report: Report) -> Report:
    """The outcome in a few words, where a person looks in Prefect's UI."""
    lines = [f"**{report.status}**: {report.model}, version {report.champion} is champion."]
    lines += [f"- {n} corrections: {verdict}" for verdict, n in report.corrections.items()]
    lines += [f"- {refusal}" for refusal in report.refusals]
    lines += [f"- {c.variant}: {c.error or c.decision}" for c in report.challengers]
    create_markdown_artifact("\n".join(lines), key="retraining", description="What it came to")
    return report
