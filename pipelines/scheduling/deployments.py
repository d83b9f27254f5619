"""What is scheduled: Prefect deployments of this project's flows, in one work pool.

What a person changes is Prefect's to keep, in its database; DEFAULTS are made once and never
again, even after they were removed. docs/schedules.md says what happens to runs that collide, are
late or are killed.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

import tzlocal
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import (
    DeploymentScheduleCreate,
    DeploymentUpdate,
    VariableCreate,
    VariableUpdate,
    WorkPoolCreate,
)
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.exceptions import ObjectAlreadyExists, PrefectHTTPStatusError
from prefect.utilities.callables import parameter_schema

from ann_models import variants
from pipelines.errors import WrongUse
from pipelines.scheduling.automations import retrain_on_drift
from pipelines.scheduling.work_pool import POOL

if TYPE_CHECKING:
    from prefect.client.schemas.responses import DeploymentResponse

FLOWS = {  # what can be scheduled, and where it is
    "lecture": "pipelines.flows.lecture.lecture",
    "retrain": "pipelines.flows.retraining.retrain",
    "drift": "pipelines.flows.drift.drift",
}
RETRAIN = "retrain"  # the schedule that drift triggers
AT_ONCE = 2  # runs of all schedules together: each holds a TensorFlow
SHORTEST = timedelta(minutes=1)
STARTING_SECONDS = 300  # a run that has not begun after this gives its place back
MADE = "ann_default_schedules"  # Prefect's variable: names of the defaults that were made once
BUSY = {"cancel": ConcurrencyLimitStrategy.CANCEL_NEW, "wait": ConcurrencyLimitStrategy.ENQUEUE}


@dataclass(frozen=True)
class Plan:
    """What is run, and when.

    Attributes:
        name: how people call the schedule.
        flow: one of FLOWS.
        cron: minute, hour, day of the month, month, day of the week; or
        every: the time between two runs.
        timezone: in which `cron` is read; None: this machine's.
        parameters: of the flow; those that are missing have the flow's defaults.
        busy: what becomes of a run that is due while the one before is at work: "cancel" it, or
            let it "wait".
        description: one sentence for people.
    """

    name: str
    flow: str
    cron: str | None = None
    every: timedelta | None = None
    timezone: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    busy: str = "cancel"
    description: str = ""


DEFAULTS = (
    Plan(
        "lecture",
        "lecture",
        cron="0 3 * * 0",
        description="Every row of the lecture, on Sundays.",
    ),
    Plan(
        "digits",
        "lecture",
        cron="30 4 * * *",
        parameters={"names": ["mnist_ann", "mnist_cnn", "mnist_augmented", "handwriting_cnn"]},
        description="The digit networks, every night; the gate decides which one serves.",
    ),
    Plan(
        "retrain",
        "retrain",
        cron="0 5 * * *",
        description="Learn from people's corrections; the gate decides.",
    ),
    Plan(
        "drift",
        "drift",
        cron="0 * * * *",
        description="Watch whether traffic still looks like the known digits.",
    ),
)


@contextmanager
def connected() -> Iterator[SyncPrefectClient]:
    """Prefect's client on the server that PREFECT_API_URL names; a refusal is a sentence.

    Raises:
        WrongUse: the server refuses what was asked, and says why.
    """
    with get_client(sync_client=True) as client:
        try:
            yield client
        except PrefectHTTPStatusError as error:
            if error.response.status_code in (400, 409, 422):
                raise WrongUse(f"Prefect refuses: {_detail(error)}") from error
            raise


def prepare(client: SyncPrefectClient) -> None:
    """Make the work pool and the defaults that were never made; bring flows up to date."""
    try:
        client.create_work_pool(
            WorkPoolCreate(name=POOL, type="process", concurrency_limit=AT_ONCE)
        )
    except ObjectAlreadyExists:
        pass
    made = client.read_variable_by_name(MADE)
    names = list(made.value) if made and isinstance(made.value, list) else []
    there = {deployment.name for deployment in deployments(client)}
    for plan in DEFAULTS:
        if plan.name not in names and plan.name not in there:
            create(client, plan)
    wanted: Any = sorted({*names, *(plan.name for plan in DEFAULTS)})
    if made is None:
        client.create_variable(VariableCreate(name=MADE, value=wanted))
    elif wanted != names:
        client.update_variable(VariableUpdate(name=MADE, value=wanted))
    for deployment in deployments(client):  # the code may have changed since they were made
        flow = flow_of(deployment)
        if flow not in FLOWS:
            continue
        schema = form(flow)
        if (deployment.entrypoint, deployment.parameter_openapi_schema) != (FLOWS[flow], schema):
            update = DeploymentUpdate(entrypoint=FLOWS[flow], parameter_openapi_schema=schema)
            client.update_deployment(deployment.id, update)
    for deployment in deployments(client, RETRAIN):
        retrain_on_drift(client, deployment.id)


def create(client: SyncPrefectClient, plan: Plan) -> None:
    """Make a new schedule.

    Raises:
        WrongUse: the name is taken, or something in the plan cannot be.
    """
    if plan.flow not in FLOWS:
        raise WrongUse(f"there is no flow {plan.flow!r}; choose one of {', '.join(FLOWS)}.")
    if any(deployment.name == plan.name for deployment in deployments(client)):
        raise WrongUse(
            f"there is a schedule {plan.name!r} already; `ann schedule change {plan.name}` "
            "changes it."
        )
    schedule = rule(plan.cron, plan.every, plan.timezone)
    client.create_deployment(
        flow_id=client.create_flow_from_name(plan.flow),
        name=plan.name,
        description=plan.description,
        entrypoint=FLOWS[plan.flow],
        work_pool_name=POOL,
        pull_steps=[],
        parameters=dict(plan.parameters),
        parameter_openapi_schema=form(plan.flow),
        enforce_parameter_schema=True,
        schedules=[DeploymentScheduleCreate(schedule=schedule, active=True)],
        concurrency_limit=1,
        concurrency_options=collision(plan.busy),
    )


# --- what schedules are made of -------------------------------------------------------------------


def deployments(client: SyncPrefectClient, name: str | None = None) -> list[DeploymentResponse]:
    """This project's deployments, or the one of a name."""
    wanted = DeploymentFilter(name=DeploymentFilterName(any_=[name])) if name else None
    pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))
    return client.read_deployments(deployment_filter=wanted, work_pool_filter=pool)


def flow_of(deployment: DeploymentResponse) -> str:
    """Which of FLOWS a deployment runs."""
    return str(deployment.entrypoint).rpartition(".")[2]


def form(flow: str) -> dict[str, Any]:
    """The flow's typed parameters as a JSON schema, which Prefect checks and its UI shows."""
    module, _, name = FLOWS[flow].rpartition(".")
    schema = parameter_schema(getattr(importlib.import_module(module), name)).model_dump(
        mode="json", exclude_unset=True
    )
    if "names" in schema["properties"]:
        choices = schema["properties"]["names"]["anyOf"][0]["items"]
        choices["enum"] = list(variants.VARIANTS)
    return {**schema, "additionalProperties": False}


def rule(
    cron: str | None, every: timedelta | None, timezone: str | None
) -> CronSchedule | IntervalSchedule:
    """When to run, as Prefect keeps it; just one of `cron` and `every`.

    Raises:
        WrongUse: both or none are given, or one cannot be read.
    """
    timezone = timezone or tzlocal.get_localzone_name() or "UTC"
    if timezone not in available_timezones():
        raise WrongUse(f"{timezone!r} is no time zone; name one as Europe/Berlin or UTC.")
    if (cron is None) == (every is None):
        raise WrongUse("say when: either --cron or --every.")
    if cron is not None:
        try:
            return CronSchedule(cron=cron, timezone=timezone)
        except ValueError:
            raise WrongUse(
                f"{cron!r} is no cron rule; expected five fields (minute, hour, day, month, day of "
                "the week), such as '30 4 * * *' for every day at 4:30."
            ) from None
    assert every is not None
    if every < SHORTEST:
        raise WrongUse(f"every {every} is too often; the shortest time is {SHORTEST}.")
    return IntervalSchedule(interval=every, timezone=timezone)


def collision(busy: str) -> ConcurrencyOptions:
    """What becomes of a run that is due while another is at work: "cancel" or "wait"."""
    return ConcurrencyOptions(collision_strategy=BUSY[busy], grace_period_seconds=STARTING_SECONDS)


def _detail(error: PrefectHTTPStatusError) -> str:
    try:
        answer = error.response.json()
        return str(answer.get("detail") or answer["exception_detail"][0]["msg"])
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return str(error).splitlines()[0]
