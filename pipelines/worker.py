"""The process that runs the schedules: a Prefect worker that also ends orphaned runs.

A worker that was killed reports nothing, and Prefect keeps the state that it reported last. So the
next worker looks for runs that are listed as running on this machine and have no process.
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
from pipelines.errors import format_error
from pipelines.scheduling import deployments, orphaned_runs
from pipelines.scheduling.orphaned_runs import STARTING
from pipelines.scheduling.work_pool import HEARTBEAT_SECONDS, POOL
from pipelines.settings import Settings
from pipelines.tracking.client import Tracking

ORPHANS_SECONDS = 30  # between two searches for orphaned runs
LOGGING = {  # runs log through their worker, in `ann up` and in a container
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "ERROR",
}


def _end_orphans(loaded: Settings, grace: timedelta) -> None:
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


async def _end_orphans_regularly(loaded: Settings) -> None:
    while True:
        await asyncio.sleep(ORPHANS_SECONDS)
        try:
            await asyncio.to_thread(_end_orphans, loaded, STARTING)
        except Exception as error:  # an unavailable server is asked again later
            print(f"orphaned runs: {format_error(error)}", file=sys.stderr, flush=True)


async def _work(loaded: Settings) -> None:
    worker = ProcessWorker(
        POOL, name=socket.gethostname(), heartbeat_interval_seconds=HEARTBEAT_SECONDS
    )
    ending = asyncio.create_task(_end_orphans_regularly(loaded))
    working = asyncio.create_task(worker.start())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.cancel)
    try:
        await working
    except asyncio.CancelledError:
        pass
    finally:
        ending.cancel()


def main() -> None:
    """Make the schedules that are missing, end orphaned runs, and work until SIGTERM."""
    loaded = settings.load()
    for name, value in LOGGING.items():
        os.environ.setdefault(name, value)
    settings.export(loaded)  # runs inherit it: TensorFlow's compiled programs are kept
    with deployments.connected() as client:
        deployments.prepare(client)
    _end_orphans(loaded, timedelta(0))
    asyncio.run(_work(loaded))


if __name__ == "__main__":
    main()
