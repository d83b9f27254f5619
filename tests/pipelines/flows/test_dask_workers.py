"""What workers are told, and which workers are refused before any work begins."""

import os
import socket

import dask
import pytest
from click.testing import CliRunner
from distributed import Client, LocalCluster

from pipelines.cli.main import main
from pipelines.errors import ClusterUnavailable, WrongUse
from pipelines.flows import context, dask_workers
from pipelines.flows.dask_workers import Surroundings


@pytest.fixture
def home(tmp_path, monkeypatch):
    before = dict(os.environ)  # entering changes it
    for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", *dask_workers.THREADS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANN_HOME", str(tmp_path / "home"))
    context.forget()
    yield tmp_path / "home"
    os.environ.clear()
    os.environ.update(before)
    context.forget()


# --- what travels ---------------------------------------------------------------------------------


def test_settings_and_the_number_of_threads_travel_and_the_rest_stays(home, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
    monkeypatch.setenv("ANN_MNIST_PATH", "/data/mnist.npz")
    monkeypatch.setenv("EDITOR", "vi")
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    variables = Surroundings.here().variables
    assert variables["MLFLOW_TRACKING_URI"] == "http://tracking:5000"
    assert variables["ANN_MNIST_PATH"] == "/data/mnist.npz"
    assert variables["ANN_HOME"] == str(home)
    assert variables["TF_NUM_INTRAOP_THREADS"] == "3"
    assert int(variables["TF_NUM_INTEROP_THREADS"]) == dask_workers._cores()
    assert "EDITOR" not in variables


def test_the_services_password_stays_at_home(home, monkeypatch):
    monkeypatch.setenv("ANN_API_KEY", "secret")
    assert "ANN_API_KEY" not in Surroundings.here().variables


def test_a_worker_forgets_the_state_folder_of_another_job(home, tmp_path):
    here = Surroundings.here()
    other = Surroundings(here.host, {**here.variables, "ANN_HOME": str(tmp_path / "other")})
    other.enter()
    assert context.settings().home == tmp_path / "other"
    here.enter()
    assert context.settings().home == home


def test_a_worker_on_another_machine_keeps_the_places_it_was_given(home, tmp_path, monkeypatch):
    monkeypatch.setattr(dask_workers, "_OWN", {"ANN_HOME": str(tmp_path / "its own")})
    Surroundings("elsewhere", {"ANN_HOME": "/nobody/has/this"}).enter()
    assert context.settings().home == tmp_path / "its own"


def test_a_job_that_was_interrupted_is_interrupted_at_its_next_word(monkeypatch):
    monkeypatch.setattr(dask_workers, "_stopped", {"job"})
    with pytest.raises(KeyboardInterrupt):
        dask_workers.Relay("mnist_ann", "job").epochs(1, 5, 0.25)


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


def meet(address: str, modules: tuple[str, ...] = ()) -> None:
    with Client(address, set_as_default=False) as client:
        dask_workers._meet(client, address, modules)


def test_a_cluster_of_single_threads_is_welcome(home, cluster):
    meet(cluster(n_workers=2, threads_per_worker=1).scheduler_address)


def test_a_scheduler_without_workers_says_how_to_start_some(home, cluster):
    with pytest.raises(WrongUse, match=r"has no workers; start some with `dask worker tcp:"):
        meet(cluster(n_workers=0).scheduler_address)


def test_workers_with_several_threads_are_refused(home, cluster):
    with pytest.raises(WrongUse, match="start them with `--nthreads 1`"):
        meet(cluster(n_workers=1, threads_per_worker=2).scheduler_address)


def test_workers_without_this_project_are_refused(home, cluster):
    with pytest.raises(WrongUse, match="lack this project"):
        address = cluster(n_workers=1, threads_per_worker=1).scheduler_address
        meet(address, ("ann_models.not_there",))


def test_workers_with_other_versions_are_refused(home, cluster, monkeypatch):
    told = iter([f"keras {version}" for version in (1, 2)])
    monkeypatch.setattr(dask_workers, "versions", lambda: next(told))
    with pytest.raises(WrongUse, match=r"has keras \d and this machine keras \d"):
        meet(cluster(n_workers=1, threads_per_worker=1).scheduler_address)


@pytest.mark.parametrize(
    ("tracking", "prefect", "wanted"),
    [
        ("", "http://prefect:4200/api", "MLFLOW_TRACKING_URI"),
        ("http://mlflow:5000", "http://127.0.0.1:4200/api", "PREFECT_API_URL"),
    ],
)
def test_another_machine_needs_servers_that_it_can_reach(
    home, monkeypatch, tracking, prefect, wanted
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking)
    monkeypatch.setenv("PREFECT_API_URL", prefect)
    with pytest.raises(WrongUse, match=f"is on another machine .* {wanted}"):
        dask_workers._refuse_what_is_only_here("tcp://10.0.0.2:4000")


def test_more_workers_than_memory_holds_are_refused():
    with pytest.raises(WrongUse, match=r"100000 workers would have 0.0 GB .* take at most \d+"):
        dask_workers._processes(100_000)


def test_an_address_where_nobody_answers_is_a_sentence(home, monkeypatch):
    monkeypatch.setattr(dask_workers, "ANSWER_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
    with (
        pytest.raises(ClusterUnavailable, match=f"no Dask scheduler answers at {address}"),
        dask_workers.cluster(1, address, ()),
    ):
        pass


def test_own_processes_and_a_cluster_exclude_each_other():
    done = CliRunner().invoke(main, ["run", "--workers", "2", "--cluster", "tcp://10.0.0.2:8786"])
    assert done.exit_code == 2
    assert "name one" in done.stderr
