"""What is scheduled: Prefect deployments of this project's flows, in one work pool.

What a person changes is kept in Prefect's database; DEFAULTS are made once and never again, even
after they were removed. docs/schedules.md says what happens to runs that overlap, are late or are
killed.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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
    WorkPoolUpdate,
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

from ann_models import data_name, variants
from ann_models.errors import InvalidSetting
from ann_models.questions import QUESTIONS
from ann_models.selection import select
from pipelines.errors import WrongUse
from pipelines.scheduling.automations import retrain_on_drift
from pipelines.scheduling.work_pool import FLOWS, JOB_TEMPLATE, POOL

if TYPE_CHECKING:
    from prefect.client.schemas.responses import DeploymentResponse

RETRAIN = "retrain"  # the schedule that drift triggers
MAX_CONCURRENT = 2  # runs of all schedules together: each holds a TensorFlow
SHORTEST = timedelta(minutes=1)
STARTING_SECONDS = 300  # a run that has not begun after this loses its place
MADE = "ann_default_schedules"  # Prefect's variable: names of the defaults that were made once
STRATEGIES = {  # for a run that is due while the one before is active
    "cancel": ConcurrencyLimitStrategy.CANCEL_NEW,
    "wait": ConcurrencyLimitStrategy.ENQUEUE,
}
NAME = re.compile(r"[\w.:-]([\w .:-]{0,98}[\w.:-])?")


@dataclass(frozen=True)
class ScheduleSpec:
    """What is run, and when.

    Attributes:
        name: of the schedule.
        flow: one of FLOWS.
        cron: minute, hour, day of the month, month, day of the week; or
        every: the time between two runs.
        timezone: in which `cron` is read; None: this machine's.
        parameters: of the flow; those that are missing have the flow's defaults.
        when_busy: what happens to a run that is due while the one before is active: "cancel" it,
            or let it "wait".
        description: one sentence.
    """

    name: str
    flow: str
    cron: str | None = None
    every: timedelta | None = None
    timezone: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    when_busy: str = "cancel"
    description: str = ""


DEFAULTS = (
    ScheduleSpec(
        "lecture",
        "lecture",
        cron="0 3 * * 0",
        description="Every row of the lecture, on Sundays.",
    ),
    ScheduleSpec(
        "digits",
        "lecture",
        cron="30 4 * * *",
        parameters={"names": ["mnist_ann", "mnist_cnn", "mnist_augmented", "handwriting_cnn"]},
        description="The digit networks, every night; the gate decides which one serves.",
    ),
    ScheduleSpec(
        "retrain",
        "retrain",
        cron="0 5 * * *",
        description="Train with the corrections; the gate decides.",
    ),
    ScheduleSpec(
        "drift",
        "drift",
        cron="0 * * * *",
        description="Compare recent requests with the known digits.",
    ),
)


@contextmanager
def connected() -> Iterator[SyncPrefectClient]:
    """Prefect's client of the server that PREFECT_API_URL names.

    Raises:
        WrongUse: the server refuses what was asked, and says why.
    """
    with get_client(sync_client=True) as client:
        try:
            yield client
        except PrefectHTTPStatusError as error:
            if error.response.status_code in (400, 409, 422):
                raise WrongUse(f"Prefect refuses: {_detail(error)}") from error
            if error.response.status_code in (401, 403):
                raise WrongUse(
                    "the Prefect server asks for a password; set PREFECT_API_AUTH_STRING to "
                    "USER:PASSWORD, as its PREFECT_SERVER_API_AUTH_STRING says."
                ) from error
            raise


def prepare(client: SyncPrefectClient) -> None:
    """Make the work pool and the defaults that were never made; bring flows up to date."""
    _make_work_pool(client)
    made = client.read_variable_by_name(MADE)
    names = list(made.value) if made and isinstance(made.value, list) else []
    there = {deployment.name for deployment in deployments(client)}
    for spec in DEFAULTS:
        if spec.name not in names and spec.name not in there:
            create(client, spec)
    wanted: Any = sorted({*names, *(spec.name for spec in DEFAULTS)})
    if made is None:
        client.create_variable(VariableCreate(name=MADE, value=wanted))
    elif wanted != names:
        client.update_variable(VariableUpdate(name=MADE, value=wanted))
    for deployment in deployments(client):  # the code may have changed since they were made
        flow = flow_of(deployment)
        if flow not in FLOWS:
            continue
        try:
            schema = parameters_of(flow, deployment.parameters.get("table"))
        except InvalidSetting:  # the table has moved, or has a fault now: its next run says so
            schema = deployment.parameter_openapi_schema or {}
        if (deployment.entrypoint, deployment.parameter_openapi_schema) != (FLOWS[flow], schema):
            update = DeploymentUpdate(entrypoint=FLOWS[flow], parameter_openapi_schema=schema)
            client.update_deployment(deployment.id, update)
    for deployment in deployments(client, RETRAIN):
        retrain_on_drift(client, deployment.id)


def create(client: SyncPrefectClient, spec: ScheduleSpec) -> None:
    """Make a new schedule, and the work pool if it is the first.

    Raises:
        WrongUse: the name is taken, or something in the specification is impossible.
    """
    if not NAME.fullmatch(spec.name):
        raise WrongUse(
            f"{spec.name!r} cannot be a schedule's name; it has 1 to 100 letters, digits, spaces "
            "and . : - _."
        )
    if spec.flow not in FLOWS:
        raise WrongUse(f"there is no flow {spec.flow!r}; choose one of {', '.join(FLOWS)}.")
    if any(deployment.name == spec.name for deployment in deployments(client)):
        raise WrongUse(
            f"there is a schedule {spec.name!r} already; `ann schedule change {spec.name}` "
            "changes it."
        )
    schedule = timing(spec.cron, spec.every, spec.timezone)
    parameters = checked(spec.parameters)
    _make_work_pool(client)
    client.create_deployment(
        flow_id=client.create_flow_from_name(spec.flow),
        name=spec.name,
        description=spec.description,
        entrypoint=FLOWS[spec.flow],
        work_pool_name=POOL,
        pull_steps=[],
        parameters=parameters,
        parameter_openapi_schema=parameters_of(spec.flow, parameters.get("table")),
        enforce_parameter_schema=True,
        schedules=[DeploymentScheduleCreate(schedule=schedule, active=True)],
        concurrency_limit=1,
        concurrency_options=concurrency_policy(spec.when_busy),
    )


def checked(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A flow's parameters; a table of one's own is read, and named by its whole path.

    Changed settings are applied. What has another type is left to Prefect, which knows the types.

    Raises:
        UnknownName: a changed variant is not in the table.
        InvalidSetting: the table or a change has a fault, or the table's path can be none.
    """
    found = dict(parameters)
    table, changes, names = (found.get(name) for name in ("table", "changes", "names"))
    if isinstance(table, str):
        found["table"] = table = str(data_name.absolute(table))
        select([], {}, table)
    texts = isinstance(changes, dict) and all(isinstance(v, str) for v in changes.values())
    if changes and texts and isinstance(names, list | None):
        select([str(name) for name in names or []], changes, table)
    return found


def _make_work_pool(client: SyncPrefectClient) -> None:
    pool = WorkPoolCreate(
        name=POOL,
        type="process",
        concurrency_limit=MAX_CONCURRENT,
        base_job_template=JOB_TEMPLATE,
    )
    with suppress(ObjectAlreadyExists):
        client.create_work_pool(pool)
        return
    if client.read_work_pool(POOL).base_job_template != JOB_TEMPLATE:  # of an earlier version
        client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=JOB_TEMPLATE))


# --- what schedules are made of -------------------------------------------------------------------


def deployments(client: SyncPrefectClient, name: str | None = None) -> list[DeploymentResponse]:
    """This project's deployments, or the one of a name."""
    wanted = DeploymentFilter(name=DeploymentFilterName(any_=[name])) if name is not None else None
    pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))
    return client.read_deployments(deployment_filter=wanted, work_pool_filter=pool)


def flow_of(deployment: DeploymentResponse) -> str:
    """Which of FLOWS a deployment runs."""
    return str(deployment.entrypoint).rpartition(".")[2]


def parameters_of(flow: str, table: str | None = None) -> dict[str, Any]:
    """The flow's typed parameters as a JSON schema, which Prefect checks and its UI shows.

    Args:
        flow: one of FLOWS.
        table: path of a table of one's own, whose names stand in place of the lecture's.

    Raises:
        InvalidSetting: the table has a fault.
    """
    module, _, name = FLOWS[flow].rpartition(".")
    schema = parameter_schema(getattr(importlib.import_module(module), name)).model_dump(
        mode="json", exclude_unset=True
    )
    if "names" in schema["properties"]:
        choices = schema["properties"]["names"]["anyOf"][0]["items"]
        questions = list(QUESTIONS) if flow == "lecture" else []
        names = list(variants.VARIANTS)
        if isinstance(table, str):
            own, _ = select([], {}, table)
            questions = sorted({variant.question for variant in own})
            names = [variant.name for variant in own]
        choices["enum"] = [*questions, *names]
    return {**schema, "additionalProperties": False}


def timing(
    cron: str | None, every: timedelta | None, timezone: str | None
) -> CronSchedule | IntervalSchedule:
    """When to run, as Prefect stores it; exactly one of `cron` and `every`.

    Raises:
        WrongUse: both or none are given, or one cannot be read.
    """
    timezone = checked_time_zone(
        tzlocal.get_localzone_name() or "UTC" if timezone is None else timezone
    )
    if (cron is None) == (every is None):
        raise WrongUse("name one of --cron and --every.")
    if cron is not None:
        try:
            if len(cron.split()) != 5 and not cron.startswith("@"):
                raise ValueError(cron)  # to Prefect a sixth field is one of seconds
            return CronSchedule(cron=cron, timezone=timezone)
        except ValueError:
            raise WrongUse(
                f"{cron!r} is not a cron rule; expected five fields (minute, hour, day, month, day "
                "of the week), such as '30 4 * * *' for every day at 4:30."
            ) from None
    assert every is not None
    if every < SHORTEST:
        raise WrongUse(f"every {every} is too often; the shortest time is {SHORTEST}.")
    return IntervalSchedule(interval=every, timezone=timezone)


def checked_time_zone(name: str) -> str:
    """The name of a time zone, if there is one of that name.

    Raises:
        WrongUse: there is none.
    """
    if name not in available_timezones():
        raise WrongUse(f"{name!r} is not a time zone; use one such as Europe/Berlin or UTC.")
    return name


def concurrency_policy(when_busy: str) -> ConcurrencyOptions:
    """What happens to a run that is due while another is active: "cancel" or "wait"."""
    strategy = STRATEGIES[when_busy]
    return ConcurrencyOptions(collision_strategy=strategy, grace_period_seconds=STARTING_SECONDS)


def _detail(error: PrefectHTTPStatusError) -> str:
    try:
        answer = error.response.json()
        return str(answer.get("detail") or answer["exception_detail"][0]["msg"])
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return str(error).splitlines()[0]
