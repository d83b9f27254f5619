"""Shadow mode as a Prefect task: the challenger answers recent requests before the gate decides.

Challengers of a retraining always do; with ANN_SHADOW=1 those of every other run do, too.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from prefect import task
from prefect.cache_policies import NO_CACHE

from pipelines import gate
from pipelines.feedback import corrections, requests
from pipelines.feedback.requests import SIDE, Corrections
from pipelines.feedback.shadow import observe
from pipelines.flows.context import Context, DataFile
from pipelines.registry.versions import Version
from pipelines.tracking import tags
from serving import settings as serving_settings

if TYPE_CHECKING:
    from pipelines.candidate import ShadowResult

MOST = 1000  # recent requests that a challenger answers
DAYS = 30


@task(
    name="shadow",
    task_run_name="shadow {challenger.name} version {challenger.number}",
    cache_policy=NO_CACHE,
)
def observe_requests(
    context: Context,
    challenger: Version,
    champion: Version,
    accepted: DataFile | None,
    run_id: str | None,
) -> tuple[ShadowResult, dict[str, float]]:
    """Let the challenger answer recent requests; its verdict is on the version and on the run.

    Args:
        context: of the job.
        challenger: answers, and nobody sees it.
        champion: answered them, and answers them again.
        accepted: corrections that the retraining accepted; None: nobody judged any.
        run_id: the challenger's run.

    Returns:
        What the gate needs, and the logged metrics.

    Raises:
        FeedbackUnavailable: the stored requests cannot be read.
    """
    corrected = _corrections(context, accepted)
    images = requests.recent_images(
        serving_settings.load().feedback_url,
        champion.name,
        since=time.time() - DAYS * corrections.DAY,
        count=MOST,
    )
    seen, metrics = observe(
        context.registry.artifacts.onnx_bytes(challenger),
        context.registry.artifacts.onnx_bytes(champion),
        images,
        dict(zip(corrected.keys, map(int, corrected.digits), strict=True)),
        corrections.split(corrected)[1],
    )
    verdict = {tags.SHADOW: sentence(seen, metrics, champion)}
    context.registry.tag(challenger, verdict)
    if run_id:
        context.tracking.client.set_tag(run_id, tags.SHADOW, verdict[tags.SHADOW])
        for metric, value in metrics.items():
            context.tracking.client.log_metric(run_id, metric, value)
    return seen, metrics


def before_the_gate(context: Context, challenger: Version) -> ShadowResult | None:
    """What the gate gets of shadow mode: nothing where it is off, or there is no champion."""
    if not context.settings.shadow:
        return None
    champion = context.registry.champion(challenger.name)
    if champion is None or champion.number == challenger.number:
        return None
    return observe_requests(context, challenger, champion, None, challenger.run_id)[0]


def sentence(seen: ShadowResult, metrics: dict[str, float], champion: Version) -> str:
    """The verdict, and on what it rests."""
    verdict = gate.shadow_verdict(seen)
    found = f"{verdict}: {seen.agreed:,} of {seen.requests:,} recent requests as expected"
    if "shadow_challenger_ms" not in metrics:
        return f"{found}."
    return (
        f"{found}, {metrics['shadow_challenger_ms']:.2f} ms an image (version {champion.number}: "
        f"{metrics['shadow_champion_ms']:.2f})."
    )


def _corrections(context: Context, accepted: DataFile | None) -> Corrections:
    if accepted is None:
        return Corrections(
            np.empty((0, SIDE, SIDE), np.float32), np.empty(0, np.int32), np.empty(0)
        )
    return Corrections.of(context.load_dataset(accepted.path))
