"""`ann up`: the services of one machine, started, kept running and ended together.

Runs, scheduled or ad hoc, and the digit service read and write the store in the state folder
directly; the MLflow server is for people and other programs. So no run depends on that server, and
`ann run` works the same with and without it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from pipelines.errors import PipelineError, WrongUse
from pipelines.local import mlflow_ui, ports, status
from pipelines.local.log import ServiceLog
from pipelines.local.process_tags import terminate_orphans
from pipelines.local.services import DIGITS, MLFLOW, PREFECT, WORKER, Ports, endpoints
from pipelines.local.status import ServiceStatus
from pipelines.local.supervisor import Service, State, Supervisor
from pipelines.locks import only_one
from pipelines.scheduling import flow_history
from pipelines.settings import Settings, metrics_port

PATHS = ("ANN_MNIST_PATH",)  # runs of a schedule start in another folder
PORTS = {  # of a service: its field of `Ports`, and what chooses it
    MLFLOW: ("mlflow", "ann up --mlflow-port"),
    PREFECT: ("prefect", "ann up --prefect-port"),
    DIGITS: ("digits", "ann up --port"),
}
METRICS = "the worker's metrics"
METRICS_VARIABLE = "ANN_METRICS_PORT="
AT_REST = {  # the two servers wait most of the time: less memory for their threads, fewer wake-ups
    "MALLOC_ARENA_MAX": "2",
    "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "00:00:15",
    "PREFECT_SERVER_SERVICES_CLEANUP_RECONCILER_LOOP_SECONDS": "30",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "15",
    "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_LOOP_SECONDS": "30",
}


def services(settings: Settings, at: Ports, environ: Mapping[str, str]) -> list[Service]:
    """What `ann up` starts: the servers first, then what needs them."""
    parts = {endpoint.name: endpoint for endpoint in endpoints(settings, at)}
    prefect_api_url = settings.prefect_api_url or f"{parts[PREFECT].address}/api"
    common = {
        "ANN_HOME": str(settings.home),
        "ANN_MLFLOW_UI": environ.get("ANN_MLFLOW_UI") or parts[MLFLOW].address,
        "PREFECT_API_URL": prefect_api_url,
        "PREFECT_CLIENT_MAX_RETRIES": "5",  # a server that restarts is waited for, a minute
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO",
        "PREFECT_LOGGING_INTERNAL_LEVEL": "ERROR",
        "PREFECT_LOGGING_COLORS": "false",
        "PYTHONUNBUFFERED": "1",
    }
    common |= {name: str(Path(environ[name]).absolute()) for name in PATHS if environ.get(name)}
    server = {
        **flow_history.ENVIRONMENT,
        **AT_REST,
        # In memory, the default, a restart would lose the holder of a schedule's slot indefinitely.
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
        (MLFLOW, mlflow_ui.command(at.mlflow), AT_REST | mlflow_ui.environment(settings), ()),
        (PREFECT, [sys.executable, *prefect], server, ()),
        (WORKER, [sys.executable, "-m", "pipelines.worker"], worker, (MLFLOW, PREFECT)),
        (DIGITS, [sys.executable, *digits], {}, (MLFLOW,)),
    ]
    managed = [name for name, endpoint in parts.items() if endpoint.managed]
    return [
        Service(
            name,
            command,
            parts[name].probe,
            {**common, **environment},
            tuple(other for other in depends_on if other in managed),
        )
        for name, command, environment, depends_on in planned
        if name in managed
    ]


def run(
    settings: Settings, at: Ports, log: ServiceLog, ready: Callable[[list[ServiceStatus]], None]
) -> None:
    """Start everything, keep it running until Ctrl-C, SIGTERM or SIGHUP, then end it.

    Args:
        settings: the state folder and the servers that exist already.
        at: the ports of this machine.
        log: called with every line.
        ready: called once, when every service is healthy or was reported as not ready.

    Raises:
        WrongUse: it runs already for this state folder, a port is taken or named twice, or a
            variable of Prefect has an impossible value.
    """
    managed = [place for place in endpoints(settings, at) if place.managed and place.name in PORTS]
    numbers = {place.name: getattr(at, PORTS[place.name][0]) for place in managed}
    choice = {place.name: PORTS[place.name][1] for place in managed}
    if port := metrics_port():
        numbers[METRICS], choice[METRICS] = port, METRICS_VARIABLE
    for name, number in numbers.items():
        if twice := [other for other, its in numbers.items() if its == number and other != name]:
            raise WrongUse(
                f"{name} and {twice[0]} cannot both have port {number}; choose another for one of "
                f"them: `{choice[name]}` or `{choice[twice[0]]}`."
            )
    with _only_one(settings):
        left = terminate_orphans(str(settings.home))
        if left:
            log("ann", f"ended {left} orphaned processes of an earlier `ann up`")
        for name, number in numbers.items():
            ports.check_free(number, name, choice[name])
        _check_prefect()
        _make_store(settings)
        asyncio.run(_run(settings, at, log, ready))


def _check_prefect() -> None:
    """Refuse what Prefect's processes would end with."""
    if fault := _fault("from prefect.settings import Settings; Settings()"):
        raise WrongUse(fault)


def _make_store(settings: Settings) -> None:
    """Make the embedded store before any service opens it."""
    if settings.is_new:
        code = (
            "from pipelines import settings; from pipelines.tracking.client import Tracking; "
            "Tracking(settings.load()).open()"
        )
        if fault := _fault(code, ANN_HOME=str(settings.home)):
            raise PipelineError(fault)


def _fault(statements: str, **more: str) -> str:
    """Why statements fail, in a process that gives their libraries' memory back; "" if they pass.

    Args:
        statements: Python's, in one line.
        more: variables of its environment.
    """
    code = (
        "from pipelines.errors import translate\n"
        f"try: {statements}\n"
        "except Exception as error: raise SystemExit(str(translate(error)))\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=os.environ | more, capture_output=True, text=True)
    if not done.returncode:
        return ""
    printed = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return printed[-1]  # before it stand warnings, or a traceback


async def _run(
    settings: Settings, at: Ports, log: ServiceLog, ready: Callable[[list[ServiceStatus]], None]
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask_to_stop() -> None:
        first = not stop.is_set()
        stop.set()  # before anything is printed: the terminal may be closed
        if first:
            log("ann", "ending; an active run is stopped and marked as such")

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            loop.add_signal_handler(number, ask_to_stop)

    def changed(states: Mapping[str, State]) -> None:
        status.write_state(settings, at, states)

    planned = services(settings, at, os.environ)
    supervisor = Supervisor(planned, str(settings.home), log, changed)

    async def report_when_ready() -> None:
        await supervisor.ready()
        with suppress(OSError):  # the terminal was closed
            ready(await asyncio.to_thread(status.status, settings))

    reporting = asyncio.create_task(report_when_ready())
    try:
        await supervisor.run(stop)
    finally:
        reporting.cancel()
        status.state_file(settings).unlink(missing_ok=True)


def _only_one(settings: Settings) -> AbstractContextManager[None]:
    """One `ann up` for a state folder."""

    def refusal() -> str:
        note = status.read_state(settings)
        who = f" (process {note['pid']})" if note else ""
        return (
            f"`ann up` runs already for {settings.home}{who}; `ann status` shows it, Ctrl-C in its "
            "terminal ends it. ANN_HOME names another state folder."
        )

    return only_one(settings.home / "up.lock", refusal)
