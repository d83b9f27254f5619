"""Servers that cannot be reached, stop, or return."""

import os
import signal
import socket
import time
from urllib.request import urlopen

import pytest

from tests.support.waiting import wait_for

NOBODY = "http://127.0.0.1:1"


def test_an_mlflow_server_that_is_unavailable_at_the_start_is_one_quick_sentence(ann):
    started = time.monotonic()
    job = ann("run", "relu_shapes", MLFLOW_TRACKING_URI=NOBODY)
    assert job.returncode == 1
    sentence = job.stderr.splitlines()[-1]
    assert sentence.startswith(f"ann: the MLflow server at {NOBODY} does not answer (Connection")
    assert "Traceback" not in job.stderr
    assert time.monotonic() - started < 30  # a quarter of it on an idle machine


@pytest.mark.slow
def test_a_prefect_server_that_is_unavailable_is_one_sentence(ann):
    job = ann("run", "relu_shapes", PREFECT_API_URL=f"{NOBODY}/api")
    assert job.returncode == 1
    assert job.stderr.splitlines()[-1].startswith("ann: the Prefect server does not answer")
    assert "Traceback" not in job.stderr
    assert ann.statuses() == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_mlflow_server_killed_in_the_middle_ends_the_job_and_keeps_what_is_finished(
    ann, mlflow_server
):
    uri = {"MLFLOW_TRACKING_URI": mlflow_server.uri}
    job = ann.start("run", "relu_shapes", "overfit_base", "--seeds", "20", **uri)
    ann.wait_until_running("overfit_base", mlflow_server.database)
    mlflow_server.kill()
    out, err = job.communicate(timeout=240)
    assert job.returncode == 1
    assert err.splitlines()[-1].startswith("ann: the MLflow server at http://")
    assert "what is finished is kept" in err
    assert "Traceback" not in out + err

    mlflow_server.start()
    assert ann.statuses(mlflow_server.database)[-1] == ("overfit_base", "RUNNING")
    compared = ann("compare", **uri)
    assert compared.returncode == 0, compared.stderr
    assert "relu_shapes" in compared.stdout
    assert ann.statuses(mlflow_server.database) == [
        ("relu_shapes", "FINISHED"),
        ("overfit_base", "KILLED"),
    ]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_mlflow_server_that_restarts_is_waited_for(ann, mlflow_server):
    uri = {"MLFLOW_TRACKING_URI": mlflow_server.uri}
    job = ann.start("run", "overfit_base", "--seeds", "20", **uri)
    ann.wait_until_running("overfit_base", mlflow_server.database)
    mlflow_server.kill()
    mlflow_server.start()
    out, err = job.communicate(timeout=280)
    assert job.returncode == 0, err
    assert ("overfit_base", "FINISHED") in ann.statuses(mlflow_server.database)
    assert mlflow_server.uri in out  # where to look


def test_the_ui_refuses_a_port_that_is_taken_with_a_free_suggestion(ann):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        answer = ann("ui", "--port", str(port))
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"ann: port {port} is taken by another program")


@pytest.mark.slow
def test_the_ui_is_served_until_ctrl_c_and_ends_quietly(ann):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ui = ann.start("ui", "--port", str(port))

    def answers() -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=1) as page:
                return b"MLflow" in page.read()
        except OSError:
            return False

    wait_for(answers)
    os.killpg(ui.pid, signal.SIGINT)
    out, err = ui.communicate(timeout=30)
    assert f"http://127.0.0.1:{port}" in err
    assert "Traceback" not in out + err
