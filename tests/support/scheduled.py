"""Schedules and their runs in a Prefect server, as its clients and workers see them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.states import Pending, Scheduled
from prefect.types import DateTime
from prefect.types._datetime import now

from pipelines.scheduling import deployments, schedules

CHANGES_BY_ITSELF = {"updated", "last_polled", "status"}


@contextmanager
def usual_schedules() -> Iterator[SyncPrefectClient]:
    """A client of a server with the usual schedules; afterwards those that were used are gone."""
    with deployments.connected() as client:
        deployments.prepare(client)
        before = {d.id: _content(d) for d in deployments.deployments(client)}
        yield client
        for deployment in deployments.deployments(client):
            runs = schedules.runs(client, deployment.id, list(StateType), limit=100)
            for run in runs:
                if run.state_type in schedules.ACTIVE:
                    client.delete_flow_run(run.id)
            if runs or _content(deployment) != before.get(deployment.id):
                schedules.remove(client, deployment.name)
        client.delete_variable_by_name(deployments.MADE)


def _content(deployment: DeploymentResponse) -> dict[str, Any]:
    return deployment.model_dump(exclude=CHANGES_BY_ITSELF)


def by_name(client: SyncPrefectClient) -> dict[str, schedules.Schedule]:
    return {schedule.name: schedule for schedule in schedules.list_schedules(client)}


def due(client: SyncPrefectClient, name: str, when: DateTime | None = None) -> FlowRun:
    """A run that a schedule would have made for a time; None: now."""
    deployment = schedules.find(client, name)
    return client.create_flow_run_from_deployment(
        deployment.id, state=Scheduled(scheduled_time=when or now("UTC"))
    )


def begin(client: SyncPrefectClient, run: FlowRun) -> str:
    """What a worker is answered when it wants to begin a run."""
    return client.set_flow_run_state(run.id, Pending()).state.name
