"""A job on several workers: the results of a sequential one, even if a worker is lost."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager

import psutil
import pytest

from tests.support.processes import Ann
from tests.support.waiting import PATIENCE, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# One row that is done at once, one that trains for long, one whose sums threads could round.
NAMES = ("relu_shapes", "overfit_base", "mnist_data_size_500")
JOB = ("run", *NAMES, "--seeds", "5")
LONG_JOB = ("run", "relu_shapes", "overfit_base", "--seeds", "60")


def tag_of_runs(ann: Ann, key: str) -> dict[str, str]:
    """A tag of the newest run of each name."""
    with closing(sqlite3.connect(f"file:{ann.home}/mlflow.db?mode=ro", uri=True)) as store:
        query = (
            "SELECT r.name, t.value FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid"
            " WHERE t.key = ? ORDER BY r.start_time"
        )
        return dict(store.execute(query, [key]))


def results(ann: Ann, printed: str) -> dict[str, tuple]:
    """By variant: its weights' hash, and every metric but the times."""
    weights = tag_of_runs(ann, "weights_sha256")
    return {
        row["name"]: (
            weights.get(row["name"]),
            {name: v for name, v in row["metrics"].items() if not name.endswith("seconds")},
        )
        for row in json.loads(printed)["rows"]
    }


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    ann = Ann(tmp_path_factory.mktemp("serial") / "home")
    done = ann(*JOB, "--json")
    assert done.returncode == 0, done.stderr
    return results(ann, done.stdout)


def processes_of(job: subprocess.Popen) -> list[psutil.Process]:
    return psutil.Process(job.pid).children(recursive=True)


def still_open(ann: Ann) -> list[str]:
    return [name for name, status in ann.statuses() if status == "RUNNING"]


def all_gone(processes: list[psutil.Process]) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


def test_a_worker_killed_half_way_changes_no_result_and_leaves_no_run_open(ann, serial):
    job = ann.start(*JOB, "--workers", "2", "--json")
    ann.wait_until_running("overfit_base")
    worker = tag_of_runs(ann, "process")["overfit_base"].split()[1]
    os.kill(int(worker.partition("@")[0]), signal.SIGKILL)
    out, err = job.communicate(timeout=PATIENCE)
    assert job.returncode == 0, err
    assert results(ann, out) == serial
    statuses = ann.statuses()
    assert statuses.count(("overfit_base", "KILLED")) == 1
    assert statuses.count(("overfit_base", "FINISHED")) == 1
    assert {status for _, status in statuses} == {"KILLED", "FINISHED"}
    ticked = [line.split()[1] for line in err.splitlines() if "✓" in line]
    assert sorted(ticked) == sorted(NAMES)


@pytest.mark.parametrize("how", ["Ctrl-C in the terminal", "SIGTERM"])
def test_an_interrupted_job_ends_its_workers_and_leaves_no_run_open(ann, how):
    job = ann.start(*LONG_JOB, "--workers", "2")
    ann.wait_until_running("overfit_base")
    started = processes_of(job)
    if how == "SIGTERM":
        job.terminate()
    else:
        os.killpg(job.pid, signal.SIGINT)
    out, err = job.communicate(timeout=PATIENCE)
    assert job.returncode == 1
    assert err.splitlines()[-1].startswith("ann: interrupted")
    assert "Traceback" not in out + err
    assert not still_open(ann)
    assert ("overfit_base", "KILLED") in ann.statuses()
    wait_for(lambda: all_gone(started))


def test_kill_9_of_the_command_ends_its_workers_too(ann):
    job = ann.start(*JOB, "--workers", "2")
    ann.wait_until_running("overfit_base")
    started = processes_of(job)
    job.kill()
    job.communicate(timeout=30)
    wait_for(lambda: all_gone(started))
    assert ann("compare").returncode == 0  # closes what nobody could
    assert not still_open(ann)


@contextmanager
def dask_cluster(folder, workers):
    """A scheduler and workers as a person starts them, who know nothing of our settings."""
    foreign = ("ANN_", "MLFLOW_", "PREFECT_", "TF_")
    environ = {name: v for name, v in os.environ.items() if not name.startswith(foreign)}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    common = {"env": environ, "cwd": folder, "stderr": subprocess.DEVNULL}
    dask = [sys.executable, "-m", "dask"]
    here = ["--host", "127.0.0.1", "--no-dashboard"]
    scheduler = subprocess.Popen([*dask, "scheduler", "--port", str(port), *here], **common)
    each = ["--nworkers", str(workers), "--nthreads", "1"]
    nannies = subprocess.Popen([*dask, "worker", address, *each, *here], **common)
    try:
        yield address, scheduler
    finally:
        for process in (nannies, scheduler):
            process.terminate()
            process.wait(timeout=60)


def test_any_dask_cluster_gives_the_same_results_and_hears_ctrl_c(ann, serial, tmp_path):
    with dask_cluster(tmp_path, 2) as (address, scheduler):
        done = ann(*JOB, "--cluster", address, "--json")
        assert done.returncode == 0, done.stderr
        assert results(ann, done.stdout) == serial
        assert not (tmp_path / ".ann").exists()

        job = ann.start(*JOB, "--cluster", address)
        wait_for(lambda: ("overfit_base", "RUNNING") in ann.statuses())
        os.killpg(job.pid, signal.SIGINT)
        job.communicate(timeout=PATIENCE)
        wait_for(lambda: not still_open(ann), 60)
        assert ("overfit_base", "KILLED") in ann.statuses()

        job = ann.start(*JOB, "--cluster", address)
        wait_for(lambda: ("overfit_base", "RUNNING") in ann.statuses())
        scheduler.kill()
        _, err = job.communicate(timeout=PATIENCE)
        assert job.returncode == 1
        assert "the connection to the cluster's scheduler was lost" in err.splitlines()[-1]
        assert not still_open(ann)
