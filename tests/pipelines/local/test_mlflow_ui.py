"""MLflow's pages on the embedded store: on this machine only, on a port that is free."""

import os
import socket

import pytest

from pipelines import settings
from pipelines.errors import WrongUse
from pipelines.local import mlflow_ui


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_taken_port_is_refused_with_the_next_one(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(WrongUse, match=f"port {port} is taken .*--port {port + 1}"):
            mlflow_ui.serve(settings.load({"ANN_HOME": str(tmp_path)}), port)


def test_runs_on_a_server_are_looked_at_there(tmp_path, port):
    environ = {"ANN_HOME": str(tmp_path), "MLFLOW_TRACKING_URI": "http://mlflow:5000"}
    with pytest.raises(WrongUse, match="http://mlflow:5000; open that in a browser"):
        mlflow_ui.serve(settings.load(environ), port)


def test_the_process_becomes_a_server_of_this_machine_only(tmp_path, port, monkeypatch):
    became = {}
    monkeypatch.setattr(os, "execve", lambda path, command, env: became.update(c=command, e=env))
    mlflow_ui.serve(settings.load({"ANN_HOME": str(tmp_path)}), port)
    command = " ".join(became["c"])
    assert f"--host 127.0.0.1 --port {port}" in command
    assert f"--backend-store-uri sqlite:///{tmp_path}/mlflow.db" in command
    assert became["e"]["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert "MLFLOW_TRACKING_URI" not in became["e"]
