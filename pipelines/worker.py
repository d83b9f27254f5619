"""The process that runs the schedules: a Prefect worker that first ends orphaned runs.

A worker that was killed can report nothing, and Prefect believes what it heard last. So the next
worker looks for runs that are marked as running on this machine and have no process.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from datetime import timedelta

from prefect.workers.process import ProcessWorker

from pipelines import settings
from pipelines.scheduling import deployments, metrics, orphaned_runs
from pipelines.scheduling.orphaned_runs import STARTING
from pipelines.scheduling.work_pool import HEARTBEAT_SECONDS, POOL
from pipelines.settings import Settings
from pipelines.tracking.client import Tracking

CHECK_SECONDS = 30  # between two searches for orphaned runs
LOGGING = {  # the worker prints the logs of its runs
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "ERROR",
}


def _end_orphaned_runs(loaded: Settings, grace: timedelta) -> None:
    """End orphaned runs, in Prefect and in MLflow."""
    with deployments.connected() as client:
        for name in (
            *orphaned_runs.crash_scheduled(client, grace),
            *orphaned_runs.crash_ad_hoc(client),
        ):
            print(f"{name} had lost its process; it is marked as crashed", flush=True)
    tracking = Tracking(loaded)
    tracking.check()
    for run_id in tracking.end_orphaned_runs():
        print(f"MLflow run {run_id} had lost its process; it is marked as killed", flush=True)


async def _end_orphaned_runs_regularly(loaded: Settings) -> None:
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        try:
            await asyncio.to_thread(_end_orphaned_runs, loaded, STARTING)
        except Exception as error:  # a server that is unavailable now is asked again
            print(
                f"orphaned runs could not be ended: {type(error).__name__}: {error}",
                file=sys.stderr,
            )


async def _work(loaded: Settings) -> None:
    worker = ProcessWorker(
        POOL, name=socket.gethostname(), heartbeat_interval_seconds=HEARTBEAT_SECONDS
    )
    clearing = asyncio.create_task(_end_orphaned_runs_regularly(loaded))
    working = asyncio.create_task(worker.start())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.cancel)
    try:
        await working
    except asyncio.CancelledError:
        pass
    finally:
        clearing.cancel()


def main() -> None:
    """Create the schedules that are missing, end orphaned runs, and work until SIGTERM."""
    loaded = settings.load()
    for name, value in LOGGING.items():
        os.environ.setdefault(name, value)
    settings.export(loaded)  # runs inherit it: TensorFlow's compiled programs are kept
    with deployments.connected() as client:
        deployments.prepare(client)
    _end_orphaned_runs(loaded, timedelta(0))
    metrics.serve(loaded)
    asyncio.run(_work(loaded))


if __name__ == "__main__":
    main()
