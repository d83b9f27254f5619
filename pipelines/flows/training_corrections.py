"""What people corrected becomes training data: judged, recorded in MLflow, joined to the digits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from ann_models.datasets import Dataset
from ann_models.digits import neighbours
from ann_models.entry import Variant
from ann_models.findings import Findings
from pipelines.feedback import corrections, requests
from pipelines.feedback.corrections import Evidence, Judgement
from pipelines.feedback.requests import Corrections
from pipelines.feedback.shadow import answers
from pipelines.flows.context import Context, DataFile
from pipelines.registry.versions import Version
from pipelines.tracking import tags
from pipelines.tracking.client import TAG_CHARACTERS
from serving import settings as serving_settings

EXPERIMENT = "Retraining"
NOTE = (
    "What people corrected becomes training data: `corrections` runs record what was accepted and "
    "what was refused, the others are the challengers that were trained with it."
)
SHOWN = 50  # digits of a picture


@dataclass(frozen=True)
class TrainingCorrections:
    """The corrections that a retraining uses.

    Attributes:
        run_id: the MLflow run that records them.
        file: the digits, and the corrections that join their training part.
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

    def learned_by(self, variant: Variant) -> TrainingCorrections:
        """The same, with fewer `used` where the variant learns from a part of the digits."""
        if variant.train_size is None:
            return self
        return replace(self, used=corrections.used(variant.train_size, self.used)[0])

    @property
    def about(self) -> dict[str, str]:
        """What a challenger's run and version record of the corrections in them."""
        refused = sum(n for verdict, n in self.counts.items() if verdict != corrections.ACCEPTED)
        return {
            tags.CORRECTIONS_USED: str(self.used),
            tags.CORRECTIONS_REFUSED: str(refused),
            tags.CORRECTIONS_ACCEPTED_SHA256: self.accepted_sha256,
            tags.CORRECTIONS_RUN: self.run_id,
        }


def stored(context: Context, champion: Version) -> tuple[Corrections, int]:
    """The corrections of a model's answers, and how many were no digit.

    Raises:
        FeedbackUnavailable: they cannot be read.
    """
    entry = context.registry.data_sets.find(champion.name)
    classes = len(entry.classes) if entry else None
    return requests.corrections(serving_settings.load().feedback_url, champion.name, classes)


def were_used(context: Context, tag: str, digest: str, champion: Version) -> bool:
    """Whether challengers of this model were trained with the same corrections already."""
    wanted = {tag: digest, tags.RETRAINED: "true", tags.MODEL: champion.name}
    condition = " AND ".join(f"tags.{key} = '{value}'" for key, value in wanted.items())
    experiment = context.tracking.monitoring_experiment(EXPERIMENT, NOTE)
    return bool(context.tracking.client.search_runs([experiment], condition, max_results=1))


@task(
    name="training corrections",
    task_run_name="corrections of {champion.name}",
    cache_policy=NO_CACHE,
)
def training_corrections(
    context: Context, digits: DataFile, champion: Version
) -> TrainingCorrections:
    """Judge the corrections, record every verdict, and save those that are trained on."""
    tracking = context.tracking
    data = context.load_dataset(digits.path)
    found, invalid = stored(context, champion)
    judgement = corrections.judge(found, _evidence(context, found, champion, data))
    accepted = found.select(judgement.accepted)
    training, held_out = corrections.split(accepted)
    used, repeats = corrections.used(len(data.arrays["x_train"]), len(training))
    counts = judgement.counts | ({"no digit": invalid} if invalid else {})
    about = {
        tags.VARIANT: "corrections",
        tags.MODEL: champion.name,
        tags.VERSION: champion.number,
        tags.DATA_SOURCE: data.source,
        tags.PIPELINE_RUN_ID: str(flow_run.id),
        tags.CORRECTIONS_SHA256: found.digest,
        tags.ACCEPTED_SHA256: accepted.digest,
        tags.REFUSALS: "\n".join(judgement.refusals)[:TAG_CHARACTERS],
        tags.VERDICT: "refused" if judgement.refusals else "accepted",
    }
    recorded = accepted.dataset(data.source)
    summary = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
    with tracking.run(
        tracking.monitoring_experiment(EXPERIMENT, NOTE), "corrections", about
    ) as run_id:
        findings = Findings(
            {
                "corrections_accepted": float(len(accepted)),
                "corrections_refused": float(len(found) - len(accepted)),
                "corrections_used": float(used),
                "corrections_held_out": float(len(held_out)),
                "corrections_repeats": float(repeats),
            },
            figures=_pictures(found, judgement),
            tables={"verdicts": _table(found, judgement)},
        )
        tracking.log_data(run_id, recorded, "corrections")
        tracking.log_findings(run_id, findings, {})
        tracking.note(run_id, [summary, *judgement.refusals], findings.figures)
    get_run_logger().info("corrections: %s", summary or "none")
    return TrainingCorrections(
        run_id=run_id,
        file=replace(digits, corrections=context.save_dataset(training.dataset(data.source)).path),
        counts=counts,
        refusals=list(judgement.refusals),
        used=used,
        accepted=context.save_dataset(recorded),
        accepted_sha256=accepted.digest,
    )


def _evidence(context: Context, found: Corrections, champion: Version, data: Dataset) -> Evidence:
    """What the champion and the digits that it was first trained on say of the corrected images."""
    registry, known = context.registry, data.arrays
    candidate = registry.artifacts.candidate(champion)
    errors = np.flatnonzero(~candidate.correct)
    predicted = candidate.probabilities[errors].argmax(axis=1)
    training = known["x_train"], known["y_train"]
    others = neighbours.unanimous_label(known["x_val"][errors], *training)
    held_out = np.concatenate([known["x_val"], known["x_test"]])
    return Evidence(
        champion=answers(registry.artifacts.onnx_bytes(champion), found.images).digits,
        neighbours=neighbours.unanimous_label(found.images, *training),
        copies=neighbours.are_copies(found.images, held_out),
        shared_errors=int(np.count_nonzero(others == predicted)),
        errors=len(errors),
    )


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
