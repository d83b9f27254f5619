"""A job that is ended half way: by Ctrl-C, by a signal, by `kill -9`."""

import os
import signal

import psutil
import pytest

from tests.support.waiting import PATIENCE, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# One row that is done at once, and one that trains for long.
JOB = ("run", "relu_shapes", "overfit_base", "--seeds", "60")
# So many that a process of its own draws and logs.
FIRST = ("perceptron", "xor_kernel", "relu_shapes", "recursion", "losses")
LARGE_JOB = ("run", *FIRST, "overfit_base", "--seeds", "60")


def of_variants(ann) -> list[tuple[str, str]]:
    return [(name, status) for name, status in ann.statuses() if name != "overview"]


def temporary_servers(home) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if "pipelines.local.temporary_server" in (process.info["cmdline"] or []):
            try:
                if process.environ().get("ANN_HOME") == str(home):
                    found.append(process)
            except psutil.Error:
                continue
    return found


@pytest.mark.parametrize("how", ["Ctrl-C in the terminal", "SIGTERM"])
def test_an_interrupted_job_says_so_and_leaves_no_run_open(ann, how):
    job = ann.start(*JOB)
    ann.wait_until_running("overfit_base")
    if how == "SIGTERM":
        job.terminate()
    else:
        os.killpg(job.pid, signal.SIGINT)
    out, err = job.communicate(timeout=PATIENCE)
    assert job.returncode == 1
    assert err.splitlines()[-1].startswith("ann: interrupted")
    assert "Traceback" not in out + err
    assert ann.statuses() == [("relu_shapes", "FINISHED"), ("overfit_base", "KILLED")]
    wait_for(lambda: not temporary_servers(ann.home))


def test_after_kill_9_the_next_command_closes_the_run_and_nothing_lives_on(ann):
    job = ann.start(*JOB)
    ann.wait_until_running("overfit_base")
    assert temporary_servers(ann.home)
    job.kill()
    job.communicate(timeout=30)
    assert ann.statuses() == [("relu_shapes", "FINISHED"), ("overfit_base", "RUNNING")]
    compared = ann("compare")
    assert compared.returncode == 0, compared.stderr
    assert "relu_shapes" in compared.stdout
    assert ann.statuses() == [("relu_shapes", "FINISHED"), ("overfit_base", "KILLED")]
    wait_for(lambda: not temporary_servers(ann.home))


def test_kill_9_of_a_large_job_takes_nothing_from_what_was_logged_and_nothing_lives_on(ann):
    job = ann.start(*LARGE_JOB)
    logged = [(name, "FINISHED") for name in FIRST]
    wait_for(lambda: of_variants(ann) == [*logged, ("overfit_base", "RUNNING")])
    started = psutil.Process(job.pid).children(recursive=True)
    job.kill()
    job.communicate(timeout=30)
    wait_for(lambda: not any(p.is_running() for p in started))
    assert ann("compare").returncode == 0
    assert of_variants(ann) == [*logged, ("overfit_base", "KILLED")]


def test_ctrl_c_in_a_large_job_waits_for_what_is_being_logged(ann):
    job = ann.start(*LARGE_JOB)
    ann.wait_until_running("overfit_base")
    started = psutil.Process(job.pid).children(recursive=True)
    os.killpg(job.pid, signal.SIGINT)
    out, err = job.communicate(timeout=PATIENCE)
    assert job.returncode == 1
    assert err.splitlines()[-1].startswith("ann: interrupted")
    assert "Traceback" not in out + err
    assert of_variants(ann) == [*((name, "FINISHED") for name in FIRST), ("overfit_base", "KILLED")]
    wait_for(lambda: not any(p.is_running() for p in started))
