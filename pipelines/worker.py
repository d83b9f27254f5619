"""The process that runs the schedules: a Prefect worker that first clears up after its forerunner.

A worker that was killed can report nothing, and Prefect believes what it heard last. So whoever
comes next looks for runs that are said to be at work on this machine and have no process.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from datetime import UTC, datetime, timedelta

import psutil
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Crashed, State
from prefect.workers.process import ProcessWorker

from pipelines import deployments, settings
from pipelines.places import POOL
from pipelines.probes import HEARTBEAT_SECONDS
from pipelines.schedules import AT_WORK
from pipelines.settings import Settings
from pipelines.tracking import Tracking

LOOK_SECONDS = 30  # between two looks for runs whose process is gone
STARTING = timedelta(minutes=1)  # until a run that begins has its process
WORKER_LABEL = "prefect.worker.name"
RUN_VARIABLE = "PREFECT__FLOW_RUN_ID"  # in the environment of a run's process


def close_abandoned(client: SyncPrefectClient, grace: timedelta = STARTING) -> list[str]:
    """Mark runs of this machine's workers that have lost their process as crashed.

    Args:
        client: Prefect's.
        grace: how old a state must be to count.

    Returns:
        The runs' names.
    """
    wanted = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(AT_WORK)))
    )
    pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))
    found = client.read_flow_runs(flow_run_filter=wanted, work_pool_filter=pool)
    alive = _runs_with_a_process()
    closed = []
    for run in found:
        ours = run.labels.get(WORKER_LABEL, socket.gethostname()) == socket.gethostname()
        old = run.state is None or run.state.timestamp < datetime.now(UTC) - grace
        if ours and old and str(run.id) not in alive:
            crashed: State[None] = Crashed(message="Its process was killed.")
            try:
                client.set_flow_run_state(run.id, crashed, force=True)
            except PrefectHTTPStatusError:
                continue  # its schedule is gone: Prefect lets go of it when its lease has ended
            closed.append(run.name)
    return closed


def _runs_with_a_process() -> set[str]:
    runs = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            runs.add(process.environ().get(RUN_VARIABLE, ""))
    return runs


def _clear_up(loaded: Settings, grace: timedelta) -> None:
    """Close what was abandoned, in Prefect and in MLflow."""
    with deployments.connected() as client:
        for name in close_abandoned(client, grace):
            print(f"{name} had lost its process; it counts as crashed", flush=True)
    closed = Tracking(loaded).close_abandoned_runs()
    for run_id in closed:
        print(f"MLflow run {run_id} had lost its process; it counts as killed", flush=True)


async def _clear_up_regularly(loaded: Settings) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            await asyncio.to_thread(_clear_up, loaded, STARTING)
        except Exception as error:  # a server that is away now is asked again
            print(f"no clearing up: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


async def _work(loaded: Settings) -> None:
    worker = ProcessWorker(
        POOL, name=socket.gethostname(), heartbeat_interval_seconds=HEARTBEAT_SECONDS
    )
    clearing = asyncio.create_task(_clear_up_regularly(loaded))
    working = asyncio.create_task(worker.start())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.cancel)
    try:
        await working
    except asyncio.CancelledError:
        pass
    finally:
        clearing.cancel()


def main() -> None:
    """Make the schedules that are missing, clear up, and work until SIGTERM."""
    loaded = settings.load()
    with deployments.connected() as client:
        deployments.prepare(client)
    _clear_up(loaded, timedelta(0))
    asyncio.run(_work(loaded))


if __name__ == "__main__":
    main()
