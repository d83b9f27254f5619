"""Prefect automations: the drift flow's event starts the retraining."""

from __future__ import annotations

from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.events import DeploymentEventTrigger

from pipelines.events import DRIFT_EVENT, MODEL_RESOURCE

ON_DRIFT = DeploymentEventTrigger(
    name="retrain on drift",
    description="The drift flow's event starts the retraining.",
    expect={DRIFT_EVENT},
    match={"prefect.resource.id": f"{MODEL_RESOURCE}*"},
    parameters={"model": "{{ event.resource['prefect.resource.name'] }}"},  # which drifted
)


def retrain_on_drift(client: SyncPrefectClient, deployment: UUID) -> None:
    """Let drift start this deployment, unless an automation does already.

    An automation that a person paused or changed stays as it is; it is removed with its schedule.
    """
    if client.read_resource_related_automations(f"prefect.deployment.{deployment}"):
        return
    trigger = ON_DRIFT.model_copy()
    trigger.set_deployment_id(deployment)
    client.create_automation(trigger.as_automation())
