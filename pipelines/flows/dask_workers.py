"""A run's variants spread over Dask's workers: processes of this machine, or any cluster's.

A worker is a process that was spawned and has one thread: TensorFlow survives no fork, and threads
of one process share Keras's seeds. Each task brings its settings along, so that a worker that was
lost is replaced by any other.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipelines import settings
from pipelines.errors import ClusterUnavailable, WrongUse, format_error
from pipelines.flows import context
from pipelines.flows.progress import Silent

if TYPE_CHECKING:
    from distributed import Client, LocalCluster, Worker
    from prefect import Task
    from prefect_dask import DaskTaskRunner
    from prefect_dask.task_runners import PrefectDaskFuture

LEAST_MEMORY = 2_000_000_000  # bytes a worker: TensorFlow, MLflow, Prefect and a network
POLL_SECONDS = 0.1
ANSWER_SECONDS = 10
OURS = ("ANN_", "MLFLOW_", "KERAS_HOME")  # prefixes of the variables that travel
SECRET = "ANN_API_KEY"  # the digit service's
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
PLACES = ("ANN_HOME", "ANN_MNIST_PATH")  # another machine may have its own
PACKAGES = ("ann-pipelines", "keras", "numpy")
_stopped: set[str] = set()  # jobs that were interrupted
_OWN = {name: os.environ[name] for name in PLACES if name in os.environ}


@dataclass(frozen=True)
class Surroundings:
    """What a worker must know of the machine that asks."""

    host: str
    variables: Mapping[str, str]

    @classmethod
    def here(cls) -> Surroundings:
        """This process's; its number of threads, too, decides how sums are rounded."""
        found = {n: v for n, v in os.environ.items() if n.startswith(OURS) and n != SECRET}
        given = {limit: os.environ.get(limit, str(_cores())) for limit in THREADS}
        return cls(socket.gethostname(), found | given | {"ANN_HOME": str(context.settings().home)})

    def enter(self) -> None:
        """Work as the asking process would; what is cached of another one is forgotten.

        A worker on another machine keeps its own state folder and MNIST, if it has been given any.
        """
        variables = dict(self.variables)
        if self.host != socket.gethostname():
            variables |= _OWN
        if any(os.environ.get(name) != value for name, value in variables.items()):
            os.environ.update(variables)
            context.forget()
        settings.export(context.settings())
        logging.getLogger("mlflow").setLevel(os.environ["MLFLOW_LOGGING_LEVEL"])


class Relay(Silent):
    """Tells the asking process how far the variant at work on this worker is."""

    def __init__(self, name: str, job: str) -> None:
        """Speak of the variant of that name, in a job that may be stopped."""
        self.name, self.job = name, job

    def epochs(self, done: int, total: int, loss: float) -> None:
        """Send it to whoever listens.

        Raises:
            KeyboardInterrupt: the job was interrupted.
        """
        from distributed import get_worker

        if self.job in _stopped:
            raise KeyboardInterrupt
        get_worker().log_event(f"ann {self.job}", [self.name, done, total, loss])


class Cluster:
    """Workers that have been met, and what they were asked for."""

    def __init__(self, runner: DaskTaskRunner) -> None:
        """Use the workers behind a task runner that was entered."""
        self.runner = runner
        self.heard: dict[str, tuple[int, int, float]] = {}

    def completed(
        self,
        task: Task[Any, Any],
        calls: Mapping[str, Mapping[str, Any]],
        after: Mapping[str, Iterable[str]],
        job: str,
        progress: Silent,
    ) -> Iterator[tuple[str, Any]]:
        """Run a task once for each name; yield what they return or raise, in the order of ends.

        A task whose worker is lost runs again on another.

        Args:
            task: what each worker does.
            calls: by name, the task's arguments.
            after: by name, the calls whose end it awaits, of those before it.
            job: what the workers call their job.
            progress: is told how far each one is.
        """
        client = self.runner.client
        client.subscribe_topic(f"ann {job}", self._hear)
        waiting: dict[str, PrefectDaskFuture] = {}
        for name, call in calls.items():
            # No name for this list: it would keep the futures, and they their results on workers.
            waiting[name] = self.runner.submit(
                task,
                dict(call),
                wait_for=[waiting[other] for other in after[name] if other in waiting],
            )
        try:
            while waiting:
                time.sleep(POLL_SECONDS)  # here, and not in Dask's thread, Ctrl-C is heard
                _see_that_it_is_there(client)
                for name in waiting.keys() & self.heard.keys():
                    progress.moved(name, *self.heard.pop(name))
                for name in [n for n, future in waiting.items() if future.wrapped_future.done()]:
                    yield name, _outcome(waiting.pop(name))
        except BaseException:
            if client.status == "running":
                client.run(_stopped.add, job)
            raise
        finally:
            progress.cleared()

    def _hear(self, event: tuple[float, Any]) -> None:
        _, (name, *state) = event
        self.heard[name] = tuple(state)


@contextmanager
def cluster(workers: int, address: str | None, modules: Iterable[str]) -> Iterator[Cluster]:
    """Workers that are ready: as many processes of this machine, or those of a scheduler.

    Args:
        workers: how many processes, if there is no address.
        address: of a Dask scheduler.
        modules: what the workers import before they count as ready.

    Raises:
        WrongUse: there is no memory for so many workers, or the cluster's cannot do this work.
        ClusterUnavailable: no scheduler answers at the address.
    """
    from prefect_dask import DaskTaskRunner

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
                "`dask scheduler`, or leave --cluster away."
            ) from error
        _meet(client, address, modules)
        yield Cluster(runner)


def _outcome(future: PrefectDaskFuture) -> Any:
    try:
        return future.result()
    except Exception as error:
        return error


def _see_that_it_is_there(client: Client) -> None:
    if client.status != "running":
        raise ClusterUnavailable(
            "the cluster's scheduler went away; start it, then repeat the command: what is "
            "finished is kept."
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

    The process that asks hears Ctrl-C and ends its workers; what TensorFlow says is for the log.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with context.settings().log.open("a") as log:
        os.dup2(log.fileno(), 2)


def _meet(client: Client, address: str | None, modules: Iterable[str]) -> None:
    """Let every worker import what it needs, and see that it can do the work."""
    here = Surroundings.here()
    try:
        found = client.run(introduce, here, list(modules))
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
    mine = versions()
    for worker, (host, theirs) in found.items():
        if theirs != mine:
            raise WrongUse(f"{worker} has {theirs} and this machine {mine}; install the same.")
        if host != here.host:
            _refuse_what_is_only_here(worker)


def _refuse_what_is_only_here(worker: str) -> None:
    if context.settings().embedded:
        raise WrongUse(
            f"{worker} is on another machine and cannot write into this one's SQLite store; set "
            "MLFLOW_TRACKING_URI to an MLflow server that both reach."
        )
    prefect = urlsplit(os.environ.get("PREFECT_API_URL", "")).hostname
    if prefect in ("127.0.0.1", "localhost"):
        raise WrongUse(
            f"{worker} is on another machine and cannot reach the Prefect server at {prefect}; set "
            "PREFECT_API_URL to one that both reach."
        )


def introduce(surroundings: Surroundings, modules: list[str]) -> tuple[str, str]:
    """On a worker: get ready; its host, and the versions that decide over equal results."""
    surroundings.enter()
    for module in modules:
        importlib.import_module(module)
    return socket.gethostname(), versions()


def _cores() -> int:
    """What TensorFlow takes where nothing is said."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def versions() -> str:
    """Of what must be the same everywhere for the same results."""
    python = "Python {}.{}".format(*sys.version_info)
    return ", ".join([python, *(f"{p} {importlib.metadata.version(p)}" for p in PACKAGES)])
