"""`ann up`: everything a person uses on one machine, started, kept alive and ended together.

Runs, scheduled or typed, and the digit service read and write the store in the state folder
themselves; the MLflow server beside them is its face for people and for other programs. So no run
depends on that server, and `ann run` means the same with and without it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pipelines.errors import Locked, WrongUse
from pipelines.local import mlflow_ui, ports, status
from pipelines.local.log import UpLog
from pipelines.local.services import DIGITS, MLFLOW, PREFECT, WORKER, Ports, places
from pipelines.local.status import Standing
from pipelines.local.supervisor import Service, State, Supervisor, end_orphans
from pipelines.locks import exclusive_lock
from pipelines.scheduling import flow_history
from pipelines.settings import Settings

PATHS = ("ANN_MNIST_PATH",)  # runs of a schedule start in another folder


def services(settings: Settings, at: Ports, environ: Mapping[str, str]) -> list[Service]:
    """What `ann up` starts: the servers first, then what needs them."""
    parts = {place.name: place for place in places(settings, at)}
    prefect_api_url = settings.prefect_api_url or f"{parts[PREFECT].address}/api"
    common = {
        "ANN_HOME": str(settings.home),
        "PREFECT_API_URL": prefect_api_url,
        "PREFECT_CLIENT_MAX_RETRIES": "5",  # a server that starts anew is waited for, a minute
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO",
        "PREFECT_LOGGING_INTERNAL_LEVEL": "ERROR",
        "PREFECT_LOGGING_COLORS": "false",
        "PYTHONUNBUFFERED": "1",
    }
    common |= {name: str(Path(environ[name]).absolute()) for name in PATHS if environ.get(name)}
    server = {
        **flow_history.ENVIRONMENT,
        # In memory, the default, a restart would lose who holds a schedule's one place, for ever.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
            "prefect.server.concurrency.lease_storage.filesystem"
        ),
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        "PREFECT_LOGGING_LEVEL": "WARNING",
    }
    worker = {
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_WORKER_PREFETCH_SECONDS": "0",  # else runs start up to 10 s early
    }
    prefect = ["-m", "prefect", "server", "start", "--host", ports.HOST, "--port", str(at.prefect)]
    digits = ["-m", "pipelines.cli", "serve", "--port", str(at.digits)]
    planned = [
        (MLFLOW, mlflow_ui.command(settings, at.mlflow), mlflow_ui.ENVIRONMENT, ()),
        (PREFECT, [sys.executable, *prefect], server, ()),
        (WORKER, [sys.executable, "-m", "pipelines.worker"], worker, (MLFLOW, PREFECT)),
        (DIGITS, [sys.executable, *digits], {"ANN_MLFLOW_UI": parts[MLFLOW].address}, (MLFLOW,)),
    ]
    starting = [name for name, place in parts.items() if place.ours]
    return [
        Service(
            name,
            command,
            parts[name].probe,
            {**common, **environment},
            tuple(other for other in after if other in starting),
        )
        for name, command, environment, after in planned
        if name in starting
    ]


def run(settings: Settings, at: Ports, log: UpLog, ready: Callable[[list[Standing]], None]) -> None:
    """Start everything, keep it alive until Ctrl-C or SIGTERM, then end it.

    Args:
        settings: the state folder and the servers that are there already.
        at: the ports of this machine.
        log: is given every line.
        ready: is called once, when all parts are well or said to be in trouble.

    Raises:
        WrongUse: it runs already for this state folder, or a port is taken.
    """
    with _only_one(settings):
        left = end_orphans(str(settings.home))
        if left:
            log("ann", f"ended {left} processes that an earlier `ann up` had to leave behind")
        wanted = {MLFLOW: "mlflow", PREFECT: "prefect", DIGITS: "digits"}
        for place in places(settings, at):
            if place.ours and place.name in wanted:
                number = getattr(at, wanted[place.name])
                option = "--port" if place.name == DIGITS else f"--{wanted[place.name]}-port"
                ports.check_free(number, place.name, f"ann up {option}")
        asyncio.run(_run(settings, at, log, ready))


async def _run(
    settings: Settings, at: Ports, log: UpLog, ready: Callable[[list[Standing]], None]
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask_to_stop() -> None:
        if not stop.is_set():
            log("ann", "ending; a run at work is told to stop and marked so")
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ask_to_stop)

    def changed(states: Mapping[str, State]) -> None:
        status.write_note(settings, at, states)

    planned = services(settings, at, os.environ)
    supervisor = Supervisor(planned, str(settings.home), log, changed)

    async def tell_when_ready() -> None:
        await supervisor.settled()
        ready(await asyncio.to_thread(status.status, settings))

    telling = asyncio.create_task(tell_when_ready())
    try:
        await supervisor.run(stop)
    finally:
        telling.cancel()
        status.note_file(settings).unlink(missing_ok=True)


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """One `ann up` for a state folder."""
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive_lock(settings.home / "up.lock", seconds=0))
        except Locked:
            note = status.read_note(settings)
            who = f" (process {note['pid']})" if note else ""
            raise WrongUse(
                f"`ann up` runs already for {settings.home}{who}; `ann status` shows it, Ctrl-C in "
                "its terminal ends it. ANN_HOME names another state folder."
            ) from None
        yield
