"""A job's variants spread over Dask's workers: processes of this machine, or any cluster's.

A worker is a process that was spawned and has one thread: TensorFlow survives no fork, and threads
of one process share Keras's seeds. Each task brings its environment along, so that a worker that
was lost is replaced by any other.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipelines import settings as environment
from pipelines.errors import ClusterUnavailable, WrongUse, format_error
from pipelines.flows.progress import ProgressReporter
from pipelines.flows.reproducibility import versions
from pipelines.flows.worker_environment import WorkerEnvironment
from pipelines.settings import Settings

if TYPE_CHECKING:
    from distributed import Client, Event, LocalCluster, Worker
    from prefect import Task
    from prefect_dask import DaskTaskRunner
    from prefect_dask.task_runners import PrefectDaskFuture

LEAST_MEMORY = 2_000_000_000  # bytes a worker: TensorFlow, MLflow, Prefect and a network
POLL_SECONDS = 0.1
ANSWER_SECONDS = 10
MESSAGE = "progress"  # key of an event; Dask adds others


@dataclass(frozen=True)
class TrainingProgress:
    """A message from a worker: how far the training of a variant is."""

    variant: str
    done: int
    total: int
    loss: float


@dataclass(frozen=True)
class WorkerDescription:
    """A worker's answer before work begins: where it is, and the versions that it has."""

    host: str
    versions: str


class WorkerProgress(ProgressReporter):
    """On a worker: sends its training's progress to the process that runs the flow."""

    def __init__(self, variant: str, job: str) -> None:
        """Report on the variant of that name, in a job that may be interrupted."""
        self.variant, self.job = variant, job
        self.interrupted = _interrupted(job)

    def epochs(self, done: int, total: int, loss: float) -> None:
        """Send a message.

        Raises:
            KeyboardInterrupt: the job was interrupted, or this worker is being closed, whose
                result nobody could receive.
        """
        from distributed import get_worker

        message = TrainingProgress(self.variant, done, total, loss)
        try:
            interrupted = self.interrupted.is_set()
            get_worker().log_event(_topic(self.job), {MESSAGE: asdict(message)})
        except (OSError, RuntimeError, CancelledError) as error:  # Dask's for a closed connection
            raise KeyboardInterrupt from error
        if interrupted:
            raise KeyboardInterrupt


class Cluster:
    """Workers that were checked, and a task runner that uses them."""

    def __init__(self, runner: DaskTaskRunner) -> None:
        """Use the workers of a task runner that was entered."""
        self.runner = runner
        self.messages: dict[str, TrainingProgress] = {}  # the newest of each variant

    def results(
        self,
        task: Task[Any, Any],
        parameters: Mapping[str, Mapping[str, Any]],
        depends_on: Mapping[str, Iterable[str]],
        job: str,
        progress: ProgressReporter,
    ) -> Iterator[tuple[str, Any]]:
        """Run a task once for each name; yield what they return or raise, in the order of ends.

        A task whose worker is lost runs again on another. If this process is interrupted, so is
        each task, at its next report of progress.

        Args:
            task: what each worker does.
            parameters: by name, the task's.
            depends_on: by name, the tasks whose end it awaits, of those before it.
            job: the flow run's id.
            progress: moves a bar for each.
        """
        client = self.runner.client
        client.subscribe_topic(_topic(job), self._receive)
        waiting: dict[str, PrefectDaskFuture] = {}
        for name, call in parameters.items():
            # No name for this list: it would keep the futures, and they their results on workers.
            waiting[name] = self.runner.submit(
                task,
                dict(call),
                wait_for=[waiting[other] for other in depends_on[name] if other in waiting],
            )
        try:
            while waiting:
                time.sleep(POLL_SECONDS)  # in this thread, not in Dask's, Ctrl-C is received
                _check_connection(client)
                for name in waiting.keys() & self.messages.keys():
                    message = self.messages.pop(name)
                    progress.moved(name, message.done, message.total, message.loss)
                for name in [n for n, future in waiting.items() if future.wrapped_future.done()]:
                    yield name, _outcome(waiting.pop(name))
        except BaseException:
            if client.status == "running":
                _interrupted(job, client).set()
            raise
        finally:
            progress.cleared()

    def _receive(self, event: tuple[float, Any]) -> None:
        message = TrainingProgress(**event[1][MESSAGE])
        self.messages[message.variant] = message


@contextmanager
def cluster(
    settings: Settings, workers: int, address: str | None, modules: Iterable[str]
) -> Iterator[Cluster]:
    """Workers that are ready: as many processes of this machine, or those of a scheduler.

    Args:
        settings: of the job.
        workers: how many processes, if there is no address.
        address: of a Dask scheduler.
        modules: what the workers import before they count as ready.

    Raises:
        WrongUse: there is no memory for so many workers, the cluster's cannot do this work, or the
            address is empty.
        ClusterUnavailable: no scheduler answers at the address.
    """
    from prefect_dask import DaskTaskRunner

    if address is not None and not address.strip():
        raise WrongUse(
            f"{address!r} is no address of a Dask scheduler; name one such as tcp://HOST:8786."
        )
    with ExitStack() as stack:
        if address is None:
            local = stack.enter_context(_processes(workers))
            runner = DaskTaskRunner(cluster=local)
        else:
            runner = DaskTaskRunner(address=address, client_kwargs={"timeout": ANSWER_SECONDS})
        stack.enter_context(runner)
        try:
            client = runner.client
        except (OSError, ValueError) as error:
            raise ClusterUnavailable(
                f"no Dask scheduler answers at {address} ({format_error(error)}). Start one with "
                "`dask scheduler`, or run without --cluster."
            ) from error
        _check_workers(client, settings, address, modules)
        yield Cluster(runner)


def _topic(job: str) -> str:
    return f"ann progress {job}"


def _interrupted(job: str, client: Client | None = None) -> Event:
    """The scheduler's event that a job was interrupted; on a worker, the client is its own."""
    from distributed import Event

    return Event(f"ann interrupted {job}", client)


def _outcome(future: PrefectDaskFuture) -> Any:
    try:
        return future.result()
    except Exception as error:
        return error


def _check_connection(client: Client) -> None:
    if client.status != "running":
        raise ClusterUnavailable(
            "the connection to the cluster's scheduler was lost; start it, then repeat the "
            "command: what is finished is kept."
        )


def _processes(workers: int) -> LocalCluster:
    from distributed import LocalCluster
    from distributed.system import MEMORY_LIMIT

    memory = MEMORY_LIMIT // workers
    if memory < LEAST_MEMORY:
        raise WrongUse(
            f"{workers} workers would have {memory / 1e9:.1f} GB of memory each and need "
            f"{LEAST_MEMORY / 1e9:.0f}; take at most {max(1, MEMORY_LIMIT // LEAST_MEMORY)}."
        )
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        memory_limit=memory,
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        security=True,  # else every user of this machine could run code here
        silence_logs=logging.CRITICAL,
        preload=[__name__],
    )


def dask_setup(worker: Worker) -> None:
    """What a process of `_processes` does first: Dask calls it by its name.

    Ctrl-C is for the process that runs the flow, which ends its workers; what TensorFlow writes to
    the standard error stream goes to the log.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with environment.load().log.open("a") as log:
        os.dup2(log.fileno(), 2)


def _check_workers(
    client: Client, settings: Settings, address: str | None, modules: Iterable[str]
) -> None:
    """Let every worker import what it needs, and check that it can do the work."""
    here = WorkerEnvironment.of_this_process(settings)
    try:
        found = client.run(describe, here, list(modules))
    except ImportError as error:
        raise WrongUse(
            f"the workers at {address} lack this project ({error}); install it there, too."
        ) from error
    if not found:
        raise WrongUse(
            f"the scheduler at {address} has no workers; start some with "
            f"`dask worker {address} --nworkers 2 --nthreads 1`."
        )
    if max(client.nthreads().values()) > 1:
        raise WrongUse(
            f"workers at {address} have several threads, which share Keras's seeds; start them "
            "with `--nthreads 1`, and several with `--nworkers`."
        )
    required = versions()
    for worker, description in found.items():
        if description.versions != required:
            raise WrongUse(
                f"{worker} has {description.versions} and this machine {required}; install the "
                "same."
            )
        if description.host != here.host:
            _refuse_local_servers(worker, settings)


def _refuse_local_servers(worker: str, settings: Settings) -> None:
    mlflow = urlsplit(settings.tracking_uri)
    if mlflow.scheme.startswith("sqlite"):
        raise WrongUse(
            f"{worker} is on another machine and cannot write into this one's SQLite store "
            f"{mlflow.path.removeprefix('/')}; set MLFLOW_TRACKING_URI to an MLflow server that "
            "both reach."
        )
    prefect = urlsplit(os.environ.get("PREFECT_API_URL", ""))
    for variable, host in (
        ("MLFLOW_TRACKING_URI", mlflow.hostname),
        ("PREFECT_API_URL", prefect.hostname),
    ):
        if host in environment.LOCAL_NAMES:
            raise WrongUse(
                f"{worker} is on another machine and cannot reach this one's server at {host}; set "
                f"{variable} to one that both reach."
            )


def describe(worker_environment: WorkerEnvironment, modules: list[str]) -> WorkerDescription:
    """On a worker: import what the work needs, and say where this is."""
    with worker_environment.applied():
        for module in modules:
            importlib.import_module(module)
    return WorkerDescription(socket.gethostname(), versions())
