"""Orphaned flow runs: their process was killed, and Prefect still lists them as running.

Prefect's own way, an automation on missing heartbeats, would also end the runs of a machine that
was suspended; whether a process exists is certain.
"""

from __future__ import annotations

import contextlib
import socket
from datetime import UTC, datetime, timedelta

import psutil
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Crashed, State

from pipelines.flows.ad_hoc import PROCESS_TAG
from pipelines.process_identity import has_ended
from pipelines.scheduling.schedules import ACTIVE
from pipelines.scheduling.work_pool import POOL

STARTING = timedelta(minutes=1)  # until a run that begins has its process
WORKER_LABEL = "prefect.worker.name"
RUN_VARIABLE = "PREFECT__FLOW_RUN_ID"  # in the environment of a scheduled run's process


def crash_scheduled(client: SyncPrefectClient, grace: timedelta = STARTING) -> list[str]:
    """Mark runs of this machine's workers that have lost their process as crashed.

    Args:
        client: Prefect's.
        grace: how old a state must be to count.

    Returns:
        The runs' names.
    """
    pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))
    found = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(state=_active()), work_pool_filter=pool
    )
    alive = _runs_with_a_process()
    crashed = []
    for run in found:
        ours = run.labels.get(WORKER_LABEL, socket.gethostname()) == socket.gethostname()
        # A state from the future is old: the clock was set back.
        fresh = run.state and abs(datetime.now(UTC) - run.state.timestamp) < grace
        if ours and not fresh and str(run.id) not in alive:
            crashed += _crash(client, run)
    return crashed


def crash_ad_hoc(client: SyncPrefectClient) -> list[str]:
    """Mark ad hoc runs of this machine that have lost their process as crashed.

    Returns:
        The runs' names.
    """
    ad_hoc = FlowRunFilterDeploymentId(is_null_=True)
    wanted = FlowRunFilter(state=_active(), deployment_id=ad_hoc)
    crashed = []
    for run in client.read_flow_runs(flow_run_filter=wanted):
        by = [tag.removeprefix(PROCESS_TAG) for tag in run.tags if tag.startswith(PROCESS_TAG)]
        if by and all(has_ended(identity) for identity in by):
            crashed += _crash(client, run)
    return crashed


def _active() -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=list(ACTIVE)))


def _crash(client: SyncPrefectClient, run: FlowRun) -> list[str]:
    state: State[None] = Crashed(message="Its process was killed.")
    try:
        client.set_flow_run_state(run.id, state, force=True)
    except PrefectHTTPStatusError:
        return []  # its schedule was removed: Prefect drops it when its lease has ended
    return [run.name]


def _runs_with_a_process() -> set[str]:
    runs = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            runs.add(process.environ().get(RUN_VARIABLE, ""))
    return runs
