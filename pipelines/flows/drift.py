"""Drift detection as a Prefect flow: does recent traffic still look like the known digits?"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field

import numpy as np
from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from ann_models import drift as statistics
from ann_models.drift import Embedding, Finding, Sample
from ann_models.findings import Findings
from pipelines.errors import WrongUse
from pipelines.events import DRIFT_EVENT, MODEL_RESOURCE
from pipelines.feedback import requests
from pipelines.feedback.corrections import DAY
from pipelines.flows import tasks
from pipelines.flows.context import Context, DataFile
from pipelines.flows.retraining import current_champion
from pipelines.registry import history
from pipelines.registry.versions import Version
from pipelines.tracking import tags
from serving import settings as serving_settings

EXPERIMENT = "Drift watch"
NOTE = (
    "Recent requests compared with known digits: ink, confidence, predicted digits and "
    "distance in an embedding. The tag `verdict` says drift, no drift or not enough."
)
DRIFT, NO_DRIFT, NOT_ENOUGH = "drift", "no drift", "not enough"
COLOURS = {DRIFT: "#D55E00", NO_DRIFT: "#0072B2", NOT_ENOUGH: "#8C8C8C"}  # of runs in MLflow
MOST = 1000  # recent images
KNOWN = 2000  # validation digits with which they are compared
EMBEDDED = 10_000  # training digits to which the embedding is fitted
SHOWN = 50  # digits of a picture


@dataclass
class DriftReport:
    """What the watch found.

    Attributes:
        pipeline_run_id: the Prefect flow run.
        model: the registered model.
        version: the champion that answered the images again.
        verdict: "drift", "no drift" or "not enough".
        images: different images that were sent lately.
        drifted: the measures that drifted.
        findings: of each measure, its size, the size that matters, p-value and level.
        run_id: the MLflow run.
    """

    pipeline_run_id: str
    model: str
    version: str
    verdict: str
    images: int
    drifted: list[str] = field(default_factory=list)
    findings: dict[str, dict[str, float]] = field(default_factory=dict)
    run_id: str | None = None


def _run_name() -> str:
    """Of a flow run, in Prefect's UI."""
    return f"drift: last {flow_run.parameters.get('days', 7):g} days"


@flow(name="drift", flow_run_name=_run_name, validate_parameters=True)
def drift(days: float = 7.0, least: int = 100, model: str | None = None) -> DriftReport:
    """Compare recent traffic with known digits; on drift, emit the event that starts a retraining.

    Args:
        days: how far back "recent" goes.
        least: different images below which nothing is decided; of more, the newest 1000 count.
        model: the registered model, such as that of an image data set; none: of the digits.

    Raises:
        NoChampion: nothing was ever promoted.
        WrongUse: the named model has no champion, ANN_MNIST_PATH does not lead to MNIST, or more
            images are asked for than are compared.
        DataUnavailable: the digits that the champion was trained on cannot be had.
        FeedbackUnavailable: the stored predictions cannot be read.
    """
    if least > MOST:  # of a stored schedule, too: its form stays as it is
        raise WrongUse(
            f"least is {least}, and no more than {MOST} recent images are compared; choose at most "
            f"{MOST}."
        )
    context = Context.open()
    champion = current_champion(context, model)
    digits = tasks.data_of(context, champion)
    report = watch(context, digits, champion, days, least)
    if report.verdict == DRIFT:
        context.registry.record(champion, history.DRIFTED, _sentence(report, least))
        emit_event(
            DRIFT_EVENT,
            resource={
                "prefect.resource.id": f"{MODEL_RESOURCE}{report.model}",
                "prefect.resource.name": report.model,
            },
            payload={"drifted": report.drifted, "run_id": report.run_id, "images": report.images},
        )
    details = ", ".join(report.drifted) or f"{report.images} images"
    create_markdown_artifact(f"**{report.verdict}**: {details}", key="drift")
    return report


@task(
    name="watch traffic",
    task_run_name="watch traffic of {champion.name} version {champion.number}",
    cache_policy=NO_CACHE,
)
def watch(
    context: Context, digits: DataFile, champion: Version, days: float, least: int
) -> DriftReport:
    """Compare recent images and known digits, and the champion's answers to both; log it."""
    from ann_models.onnx.inference import predictor

    registry, tracking = context.registry, context.tracking
    images = requests.recent_images(
        serving_settings.load().feedback_url, champion.name, time.time() - days * DAY, MOST
    )
    report = DriftReport(str(flow_run.id), champion.name, champion.number, NOT_ENOUGH, len(images))
    about = {
        tags.VARIANT: "drift",
        tags.PIPELINE_RUN_ID: report.pipeline_run_id,
        tags.MODEL: champion.name,
        tags.VERSION: champion.number,
        tags.DATA_SOURCE: digits.source,
    }
    with tracking.run(tracking.monitoring_experiment(EXPERIMENT, NOTE), "drift", about) as run_id:
        report.run_id = run_id
        logged = Findings({"images": float(len(images))})
        if len(images) >= least:
            answer = predictor(registry.artifacts.onnx_bytes(champion))
            known = context.load_dataset(digits.path).arrays
            unseen = known["x_val"][:KNOWN]
            recent, reference = Sample(images, answer(images)), Sample(unseen, answer(unseen))
            embedding = Embedding(known["x_train"][:EMBEDDED])
            found = statistics.compare(recent, reference, embedding)
            report.findings = {name: asdict(finding) for name, finding in found.items()}
            report.drifted = statistics.drifted(found)
            report.verdict = DRIFT if report.drifted else NO_DRIFT
            logged = findings(recent, reference, embedding, found)
            logged.metrics["drifted_measures"] = float(len(report.drifted))
        tracking.client.set_tag(run_id, tags.VERDICT, report.verdict)
        tracking.client.set_tag(run_id, tags.RUN_COLOR, COLOURS[report.verdict])
        tracking.client.update_run(run_id, name=report.verdict)  # in the legends of a timeline
        tracking.client.set_tag(run_id, tags.DRIFTED, ", ".join(report.drifted))
        tracking.log_findings(run_id, logged, {})
        tracking.note(run_id, [_sentence(report, least)], logged.figures)
        get_run_logger().info("%s: %s", report.verdict, _sentence(report, least))
    return report


def findings(
    recent: Sample, reference: Sample, embedding: Embedding, found: dict[str, Finding]
) -> Findings:
    """Numbers and pictures of a comparison: distributions, recent digits, the most unusual ones."""
    from ann_models.figures import digits, traffic

    unusual = statistics.unusualness(recent.images, reference.images, embedding)
    usual = statistics.unusualness(reference.images, reference.images, embedding)
    predicted = recent.probabilities.argmax(axis=1)
    most_unusual = np.argsort(-unusual, kind="stable")[:SHOWN]
    metrics = {"images": float(len(recent.images))}
    for name, finding in found.items():
        metrics |= {f"{name}_change": finding.size, f"{name}_p_value": finding.p_value}
    return Findings(
        metrics,
        arrays={"unusualness": unusual},
        figures={
            "distributions": traffic.distributions(recent, reference, (unusual, usual), found),
            "recent": digits.labelled_grid(
                recent.images[:SHOWN], predicted[:SHOWN], "The newest requests, under their answers"
            ),
            "unusual": digits.labelled_grid(
                recent.images[most_unusual], predicted[most_unusual], "The most unusual of them"
            ),
        },
    )


def _sentence(report: DriftReport, least: int) -> str:
    if report.verdict == NOT_ENOUGH:
        return f"Not enough: {report.images} different images were sent; {least} are needed."
    if report.verdict == NO_DRIFT:
        return f"No drift in {report.images} different images."
    return f"Drift in {report.images} different images: {', '.join(report.drifted)}."
