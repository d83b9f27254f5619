"""The schedules as they stand in Prefect: list, change, remove, pause, resume, trigger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleUpdate, DeploymentUpdate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, FlowRun, StateType
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort

from pipelines.errors import WrongUse
from pipelines.scheduling.deployments import collision, deployments, flow_of, rule

if TYPE_CHECKING:
    from prefect.client.schemas.responses import DeploymentResponse


AT_WORK = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)


@dataclass(frozen=True)
class Scheduled:
    """A schedule as it stands in Prefect."""

    name: str
    flow: str
    when: str
    timezone: str
    paused: bool
    busy: str
    parameters: dict[str, Any]
    next_run: datetime | None
    last_state: str | None
    description: str


def listed(client: SyncPrefectClient) -> list[Scheduled]:
    """All schedules, by name."""
    found = sorted(deployments(client), key=lambda deployment: deployment.name)
    return [_scheduled(client, deployment) for deployment in found]


def change(
    client: SyncPrefectClient,
    name: str,
    *,
    cron: str | None = None,
    every: timedelta | None = None,
    timezone: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    busy: str | None = None,
) -> None:
    """Change what is given of a schedule; runs that were planned by the old one are dropped.

    Raises:
        WrongUse: there is no such schedule, or something cannot be.
    """
    deployment = find(client, name)
    update = DeploymentUpdate()
    if cron or every or timezone:
        before = _rule_of(deployment)
        if not (cron or every):
            cron = before.cron if isinstance(before, CronSchedule) else None
            every = before.interval if isinstance(before, IntervalSchedule) else None
        after = rule(cron, every, timezone or getattr(before, "timezone", None))
        update.schedules = [DeploymentScheduleUpdate(schedule=after, active=True)]
    if parameters:
        update.parameters = {**deployment.parameters, **parameters}
    if busy:
        update.concurrency_options = collision(busy)
    client.update_deployment(deployment.id, update)


def remove(client: SyncPrefectClient, name: str) -> None:
    """Remove a schedule; its runs stay.

    Raises:
        WrongUse: there is no such schedule, or it is at work: Prefect could not end its run.
    """
    deployment = find(client, name)
    at_work = runs(client, deployment.id, AT_WORK)
    if at_work:
        raise WrongUse(
            f"{name} is at work ({at_work[0].name}). Wait until it has ended, or cancel the run in "
            "Prefect's UI; then remove it."
        )
    client.delete_deployment(deployment.id)


def pause(client: SyncPrefectClient, name: str) -> None:
    """Start no more runs of a schedule.

    Raises:
        WrongUse: there is no such schedule.
    """
    client.pause_deployment(find(client, name).id)


def resume(client: SyncPrefectClient, name: str) -> None:
    """Go on with a schedule; what was due meanwhile is not made up.

    Raises:
        WrongUse: there is no such schedule.
    """
    client.resume_deployment(find(client, name).id)


def trigger(client: SyncPrefectClient, name: str, parameters: Mapping[str, Any]) -> FlowRun:
    """Run a schedule's flow now, with some parameters changed for this once.

    Raises:
        WrongUse: there is no such schedule, a parameter cannot be, or the one place is taken and
            the run would be cancelled.
    """
    deployment = find(client, name)
    at_work = runs(client, deployment.id, AT_WORK)
    if at_work and _busy(deployment) == "cancel":
        raise WrongUse(
            f"{name} is at work ({at_work[0].name}), and a second run would be cancelled. Wait "
            f"for it, or let runs wait: `ann schedule change {name} --when-busy wait`."
        )
    return client.create_flow_run_from_deployment(deployment.id, parameters=dict(parameters))


def runs(
    client: SyncPrefectClient,
    deployment: Any,
    states: Sequence[StateType],
    sort: FlowRunSort = FlowRunSort.EXPECTED_START_TIME_DESC,
    limit: int = 1,
) -> list[FlowRun]:
    """A schedule's runs in one of the states."""
    wanted = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states))),
    )
    return client.read_flow_runs(flow_run_filter=wanted, sort=sort, limit=limit)


def find(client: SyncPrefectClient, name: str) -> DeploymentResponse:
    """A schedule by its name.

    Raises:
        WrongUse: there is no such schedule.
    """
    found = deployments(client, name)
    if not found:
        names = ", ".join(sorted(d.name for d in deployments(client))) or "none yet"
        raise WrongUse(f"there is no schedule {name!r}; there are: {names}.")
    return found[0]


def _busy(deployment: DeploymentResponse) -> str:
    options = deployment.concurrency_options
    waits = not options or options.collision_strategy == ConcurrencyLimitStrategy.ENQUEUE
    return "wait" if waits else "cancel"


def _rule_of(deployment: DeploymentResponse) -> Any:
    return deployment.schedules[0].schedule if deployment.schedules else None


def _scheduled(client: SyncPrefectClient, deployment: DeploymentResponse) -> Scheduled:
    planned = runs(
        client, deployment.id, [StateType.SCHEDULED], FlowRunSort.EXPECTED_START_TIME_ASC
    )
    begun = [state for state in StateType if state is not StateType.SCHEDULED]
    last = runs(client, deployment.id, begun)
    rules = [s.schedule for s in deployment.schedules if s.active]
    return Scheduled(
        name=deployment.name,
        flow=flow_of(deployment),
        when=", ".join(_in_words(rule) for rule in rules) or "only when triggered",
        timezone=getattr(_rule_of(deployment), "timezone", None) or "UTC",
        paused=bool(deployment.paused),
        busy=_busy(deployment),
        parameters=dict(deployment.parameters),
        next_run=planned[0].expected_start_time if planned else None,
        last_state=last[0].state_name if last else None,
        description=deployment.description or "",
    )


def _in_words(rule: Any) -> str:
    if isinstance(rule, CronSchedule):
        return rule.cron
    if isinstance(rule, IntervalSchedule):
        return f"every {rule.interval}"
    return str(getattr(rule, "rrule", rule))
