"""Flow runs whose process was killed: Prefect believes what it heard last, so we look ourselves.

Prefect's own way, an automation on missing heartbeats, would also end the runs of a machine that
slept; whether a process is there is certain.
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
from pipelines.scheduling.schedules import AT_WORK
from pipelines.scheduling.work_pool import POOL

STARTING = timedelta(minutes=1)  # until a run that begins has its process
WORKER_LABEL = "prefect.worker.name"
RUN_VARIABLE = "PREFECT__FLOW_RUN_ID"  # in the environment of a scheduled run's process


def close_scheduled(client: SyncPrefectClient, grace: timedelta = STARTING) -> list[str]:
    """Mark runs of this machine's workers that have lost their process as crashed.

    Args:
        client: Prefect's.
        grace: how old a state must be to count.

    Returns:
        The runs' names.
    """
    pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))
    found = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(state=_at_work()), work_pool_filter=pool
    )
    alive = _runs_with_a_process()
    closed = []
    for run in found:
        ours = run.labels.get(WORKER_LABEL, socket.gethostname()) == socket.gethostname()
        # A state from the future is old: the clock was set back.
        fresh = run.state and abs(datetime.now(UTC) - run.state.timestamp) < grace
        if ours and not fresh and str(run.id) not in alive:
            closed += _closed(client, run)
    return closed


def close_typed(client: SyncPrefectClient) -> list[str]:
    """Mark runs that were typed on this machine and have lost their process as crashed.

    Returns:
        The runs' names.
    """
    typed = FlowRunFilterDeploymentId(is_null_=True)
    wanted = FlowRunFilter(state=_at_work(), deployment_id=typed)
    closed = []
    for run in client.read_flow_runs(flow_run_filter=wanted):
        by = [tag.removeprefix(PROCESS_TAG) for tag in run.tags if tag.startswith(PROCESS_TAG)]
        if by and all(has_ended(identity) for identity in by):
            closed += _closed(client, run)
    return closed


def _at_work() -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=list(AT_WORK)))


def _closed(client: SyncPrefectClient, run: FlowRun) -> list[str]:
    crashed: State[None] = Crashed(message="Its process was killed.")
    try:
        client.set_flow_run_state(run.id, crashed, force=True)
    except PrefectHTTPStatusError:
        return []  # its schedule is gone: Prefect lets go of it when its lease has ended
    return [run.name]


def _runs_with_a_process() -> set[str]:
    runs = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            runs.add(process.environ().get(RUN_VARIABLE, ""))
    return runs
