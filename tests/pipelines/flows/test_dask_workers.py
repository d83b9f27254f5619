"""Which workers are refused before any work begins, and how those that work are interrupted."""

import socket
import time
from types import SimpleNamespace

import dask
import pytest
from click.testing import CliRunner
from distributed import Client, LocalCluster
from distributed.comm import CommClosedError

from pipelines import settings
from pipelines.cli.main import main
from pipelines.errors import ClusterUnavailable, WrongUse
from pipelines.flows import dask_workers, reproducibility
from pipelines.flows.dask_workers import Cluster, WorkerProgress
from pipelines.flows.progress import ProgressReporter
from tests.support.waiting import PATIENCE


@pytest.fixture
def here(tmp_path, monkeypatch) -> settings.Settings:
    for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", *reproducibility.THREADS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANN_HOME", str(tmp_path / "home"))
    return settings.load()


# --- who is refused -------------------------------------------------------------------------------


@pytest.fixture
def cluster():
    """Workers in this process's threads: for what is asked before any work begins."""

    def start(**settings):
        started = LocalCluster(
            processes=False,
            protocol="tcp",
            silence_logs=50,
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            **settings,
        )
        clusters.append(started)
        return started

    clusters: list[LocalCluster] = []
    with dask.config.set({"distributed.worker.memory.terminate": False}):
        yield start
        for started in clusters:
            started.close()


def check(here: settings.Settings, address: str, modules: tuple[str, ...] = ()) -> None:
    with Client(address, set_as_default=False) as client:
        dask_workers._check_workers(client, here, address, modules)


def test_workers_of_one_thread_each_are_accepted(here, cluster):
    check(here, cluster(n_workers=2, threads_per_worker=1).scheduler_address)


def test_a_scheduler_without_workers_says_how_to_start_some(here, cluster):
    with pytest.raises(WrongUse, match=r"has no workers; start some with `dask worker tcp:"):
        check(here, cluster(n_workers=0).scheduler_address)


def test_workers_with_several_threads_are_refused(here, cluster):
    with pytest.raises(WrongUse, match="start them with `--nthreads 1`"):
        check(here, cluster(n_workers=1, threads_per_worker=2).scheduler_address)


def test_workers_without_this_project_are_refused(here, cluster):
    with pytest.raises(WrongUse, match="lack this project"):
        address = cluster(n_workers=1, threads_per_worker=1).scheduler_address
        check(here, address, ("ann_models.not_there",))


def test_workers_with_other_versions_are_refused(here, cluster, monkeypatch):
    found = iter([f"keras {version}" for version in (1, 2)])
    monkeypatch.setattr(dask_workers, "versions", lambda: next(found))
    with pytest.raises(WrongUse, match=r"has keras \d and this machine keras \d"):
        check(here, cluster(n_workers=1, threads_per_worker=1).scheduler_address)


@pytest.mark.parametrize(
    ("tracking", "prefect", "wanted"),
    [
        ("", "http://prefect:4200/api", "MLFLOW_TRACKING_URI"),
        ("sqlite:////home/me/x.db", "http://prefect:4200/api", "MLFLOW_TRACKING_URI"),
        ("http://127.0.0.1:5000", "http://prefect:4200/api", "MLFLOW_TRACKING_URI"),
        ("http://LOCALHOST:5000", "http://prefect:4200/api", "MLFLOW_TRACKING_URI"),
        ("postgresql://me@localhost/ann", "http://prefect:4200/api", "MLFLOW_TRACKING_URI"),
        ("http://mlflow:5000", "http://127.0.0.1:4200/api", "PREFECT_API_URL"),
        ("http://mlflow:5000", "http://[::1]:4200/api", "PREFECT_API_URL"),
    ],
)
def test_another_machine_needs_servers_that_it_can_reach(
    here, monkeypatch, tracking, prefect, wanted
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking)
    monkeypatch.setenv("PREFECT_API_URL", prefect)
    with pytest.raises(WrongUse, match=f"is on another machine .* {wanted}"):
        dask_workers._refuse_local_servers("tcp://10.0.0.2:4000", settings.load())


def test_more_workers_than_memory_holds_are_refused():
    with pytest.raises(WrongUse, match=r"100000 workers would have 0.0 GB .* take at most \d+"):
        dask_workers._processes(100_000)


def test_an_address_without_a_scheduler_is_named_in_the_error(here, monkeypatch):
    monkeypatch.setattr(dask_workers, "ANSWER_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
    with (
        pytest.raises(ClusterUnavailable, match=f"no Dask scheduler answers at {address}"),
        dask_workers.cluster(here, 1, address, ()),
    ):
        pass


def test_an_empty_address_is_no_cluster_of_this_machine(here):
    with (
        pytest.raises(WrongUse, match="'' is no address of a Dask scheduler"),
        dask_workers.cluster(here, 1, "", ()),
    ):
        pass


# --- while they work -----------------------------------------------------------------------------


def train(name: str, job: str) -> str:
    """On a worker: report without an end, as a training of days would."""
    progress = WorkerProgress(name, job)
    done = 0
    try:
        while True:
            done += 1
            progress.epochs(done, 1_000_000, 0.5)
            time.sleep(0.01)
    except KeyboardInterrupt:
        return "interrupted"


class FromDask:
    """A task runner that submits functions as they are, without Prefect."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def submit(self, task, parameters, wait_for=()):
        future = self.client.submit(task, **parameters, pure=False)
        return SimpleNamespace(wrapped_future=future, result=future.result)


class Interrupted(ProgressReporter):
    """Ctrl-C is pressed when the first progress arrives."""

    def moved(self, name, done, total, loss):
        self.last = name, total, loss
        raise KeyboardInterrupt


def test_ctrl_c_interrupts_the_trainings_of_that_job_on_every_worker_of_a_cluster(here):
    """In processes of their own: what is pickled for them is a copy."""
    quiet = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, silence_logs=50, scheduler_kwargs=quiet
        ) as started,
        Client(started, set_as_default=False) as client,
    ):
        other = client.submit(train, "mnist_cnn", "another job", pure=False)
        progress, runner = Interrupted(), FromDask(client)
        mine = []
        runner.submit = lambda *call, **options: (
            mine.append(FromDask.submit(runner, *call, **options)) or mine[-1]
        )
        parameters = {"mnist_ann": {"name": "mnist_ann", "job": "job"}}
        with pytest.raises(KeyboardInterrupt):
            for _ in Cluster(runner).results(train, parameters, {"mnist_ann": []}, "job", progress):
                pass
        assert progress.last == ("mnist_ann", 1_000_000, 0.5)
        assert mine[0].wrapped_future.result(timeout=PATIENCE) == "interrupted"
        assert not other.done()


@pytest.mark.parametrize(
    "closed", [RuntimeError("ConnectionPool is closed"), CommClosedError("in <TCP>")]
)
def test_a_worker_that_is_being_closed_counts_as_interrupted(closed, monkeypatch):
    def is_set() -> bool:
        raise closed

    monkeypatch.setattr(dask_workers, "_interrupted", lambda job: SimpleNamespace(is_set=is_set))
    with pytest.raises(KeyboardInterrupt):
        WorkerProgress("mnist_ann", "job").epochs(1, 10, 0.5)


def test_own_processes_and_a_cluster_exclude_each_other():
    done = CliRunner().invoke(main, ["run", "--workers", "2", "--cluster", "tcp://10.0.0.2:8786"])
    assert done.exit_code == 2
    assert "name one" in done.stderr
