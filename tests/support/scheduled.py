"""Schedules and their runs in a Prefect server, as its clients and workers see them."""

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.states import Pending, Scheduled
from prefect.types import DateTime
from prefect.types._datetime import now

from pipelines.scheduling import schedules


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
