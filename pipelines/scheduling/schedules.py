"""The schedules in Prefect: list, change, remove, pause, resume, trigger."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
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
from prefect.client.schemas.objects import (
    ConcurrencyLimitStrategy,
    DeploymentSchedule,
    FlowRun,
    StateType,
    WorkerStatus,
)
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from pipelines.errors import PipelineError, WrongUse
from pipelines.scheduling.deployments import (
    checked,
    checked_time_zone,
    concurrency_policy,
    deployments,
    flow_of,
    parameters_of,
    timing,
)
from pipelines.scheduling.work_pool import POOL

if TYPE_CHECKING:
    from prefect.client.schemas.responses import DeploymentResponse


ACTIVE = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
PATIENCE = 60.0  # seconds without a worker: a restarted one is back by then


@dataclass(frozen=True)
class Schedule:
    """A schedule and its runs, as Prefect reports them."""

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


def list_schedules(client: SyncPrefectClient) -> list[Schedule]:
    """All schedules, by name."""
    found = sorted(deployments(client), key=lambda deployment: deployment.name)
    return [_schedule_of(client, deployment) for deployment in found]


def change(
    client: SyncPrefectClient,
    name: str,
    *,
    cron: str | None = None,
    every: timedelta | None = None,
    timezone: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    when_busy: str | None = None,
) -> None:
    """Change what is given of a schedule; runs that were planned by the old one are dropped.

    Raises:
        WrongUse: there is no such schedule, or something is impossible.
    """
    deployment = find(client, name)
    update = DeploymentUpdate()
    if (cron, every, timezone) != (None, None, None):
        update.schedules = _changed(deployment.schedules, cron, every, timezone)
    if parameters:
        update.parameters = checked({**deployment.parameters, **parameters})
        table = update.parameters.get("table")
        update.parameter_openapi_schema = parameters_of(flow_of(deployment), table)
    if when_busy:
        update.concurrency_options = concurrency_policy(when_busy)
    if (cron, every) != (None, None):
        for rule in deployment.schedules[1:]:  # those with slugs would stay
            client.delete_deployment_schedule(deployment.id, rule.id)
    client.update_deployment(deployment.id, update)


def remove(client: SyncPrefectClient, name: str) -> None:
    """Remove a schedule and what starts it, such as drift; its runs stay.

    Raises:
        WrongUse: there is no such schedule, or it is active: Prefect could not end its run.
    """
    deployment = find(client, name)
    active = runs(client, deployment.id, ACTIVE)
    if active:
        raise WrongUse(
            f"{name} is active ({active[0].name}). Wait until it has ended, or cancel the run in "
            "Prefect's UI; then remove it."
        )
    client.delete_deployment(deployment.id)
    client.delete_resource_owned_automations(f"prefect.deployment.{deployment.id}")


def pause(client: SyncPrefectClient, name: str) -> None:
    """Start no more runs of a schedule.

    Raises:
        WrongUse: there is no such schedule.
    """
    client.pause_deployment(find(client, name).id)


def resume(client: SyncPrefectClient, name: str) -> None:
    """Go on with a schedule; runs that were due meanwhile are not run later.

    Raises:
        WrongUse: there is no such schedule.
    """
    client.resume_deployment(find(client, name).id)


def trigger(client: SyncPrefectClient, name: str, parameters: Mapping[str, Any]) -> FlowRun:
    """Run a schedule's flow now, with some parameters changed for this run.

    Raises:
        WrongUse: there is no such schedule, a parameter is impossible, or a run is active and this
            one would be cancelled.
    """
    deployment = find(client, name)
    active = runs(client, deployment.id, ACTIVE)
    if active and _busy(deployment) == "cancel":
        raise WrongUse(
            f"{name} is active ({active[0].name}), and a second run would be cancelled. Wait "
            f"for it, or let runs wait: `ann schedule change {name} --when-busy wait`."
        )
    meant = checked({**deployment.parameters, **parameters})
    return client.create_flow_run_from_deployment(deployment.id, parameters=meant)


def obstacle(client: SyncPrefectClient, begun: bool = False) -> str:
    """Why a run, begun or not, does not go on now, and what to do; "" if nothing hinders it."""
    workers = client.read_workers_for_work_pool(POOL)
    if not any(worker.status == WorkerStatus.ONLINE for worker in workers):
        return (
            f"no worker is online in the work pool {POOL!r}; `ann up` (or the container `worker`) "
            "starts one."
        )
    if begun:
        return ""  # a pause holds back only what has not begun
    queues = client.read_work_queues(work_pool_name=POOL)
    if client.read_work_pool(POOL).is_paused or any(queue.is_paused for queue in queues):
        return f"the work pool {POOL!r} is paused; resume it in Prefect's UI."
    return ""


def follow(
    client: SyncPrefectClient,
    run: FlowRun,
    tell: Callable[[str], None],
    warn: Callable[[str], None],
    seconds: float = 2,
) -> FlowRun:
    """Wait until a run has ended.

    Args:
        client: Prefect's.
        run: the run, as it was started.
        tell: takes a sentence at each change of its state.
        warn: takes the obstacle, as soon as there is one.
        seconds: between two looks.

    Returns:
        The run in its final state.

    Raises:
        PipelineError: an obstacle has lasted for PATIENCE, or the run was deleted.
    """
    shown, known, since = "", "", 0.0
    while True:
        try:
            run = client.read_flow_run(run.id)
        except ObjectNotFound:
            raise PipelineError(f"{run.name} was deleted while it was waited for.") from None
        assert run.state
        if run.state.name != shown:
            shown = str(run.state.name)
            tell(f"{run.name}: {shown}. {run.state.message or ''}".rstrip())
        if run.state.is_final():
            return run
        found = obstacle(client, begun=run.state.type in (StateType.RUNNING, StateType.CANCELLING))
        if found != known:
            known, since = found, time.monotonic()
            if found:
                warn(found)
        elif found and time.monotonic() - since > PATIENCE:
            raise PipelineError(
                f"{run.name} is {shown} and is not waited for any longer: for {PATIENCE:.0f} "
                f"seconds {found} The run is kept; Prefect's UI shows it."
            )
        time.sleep(seconds)


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


def _changed(
    before: Sequence[DeploymentSchedule],
    cron: str | None,
    every: timedelta | None,
    timezone: str | None,
) -> list[DeploymentScheduleUpdate]:
    """One active rule in place of all, or the same rules in another time zone."""
    if before and (cron, every) == (None, None):
        assert timezone is not None
        zone = {"timezone": checked_time_zone(timezone)}
        return [
            DeploymentScheduleUpdate(
                schedule=each.schedule.model_copy(update=zone),
                active=each.active,
                parameters=each.parameters,
                slug=each.slug,
            )
            for each in before
        ]
    after = timing(cron, every, _time_zone_of(before) if timezone is None else timezone)
    slug = before[0].slug if before else None
    return [DeploymentScheduleUpdate(schedule=after, active=True, slug=slug)]


def _time_zone_of(rules: Sequence[DeploymentSchedule]) -> str | None:
    return getattr(rules[0].schedule, "timezone", None) if rules else None


def _schedule_of(client: SyncPrefectClient, deployment: DeploymentResponse) -> Schedule:
    planned = runs(
        client, deployment.id, [StateType.SCHEDULED], FlowRunSort.EXPECTED_START_TIME_ASC
    )
    begun = [state for state in StateType if state is not StateType.SCHEDULED]
    last = runs(client, deployment.id, begun)
    timings = [s.schedule for s in deployment.schedules if s.active]
    return Schedule(
        name=deployment.name,
        flow=flow_of(deployment),
        when=", ".join(_text(timing) for timing in timings) or "only when triggered",
        timezone=_time_zone_of(deployment.schedules) or "UTC",
        paused=bool(deployment.paused),
        busy=_busy(deployment),
        parameters=dict(deployment.parameters),
        next_run=planned[0].expected_start_time if planned else None,
        last_state=last[0].state_name if last else None,
        description=deployment.description or "",
    )


def _text(timing: Any) -> str:
    if isinstance(timing, CronSchedule):
        return timing.cron
    if isinstance(timing, IntervalSchedule):
        return f"every {timing.interval}"
    return str(getattr(timing, "rrule", timing))
