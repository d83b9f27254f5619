"""MLflow's pages on the embedded store: on this machine only, on a port that is free."""

import os
import socket

import mlflow.server
import pytest
from click.testing import CliRunner
from mlflow.cli import cli
from mlflow.server import handlers as backend_stores

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
    assert became["e"]["_MLFLOW_SERVER_FILE_STORE"] == f"sqlite:///{tmp_path}/mlflow.db"
    assert became["e"]["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert "MLFLOW_TRACKING_URI" not in became["e"]


def test_the_server_gets_what_mlflows_own_command_hands_to_it(tmp_path, monkeypatch):
    handed = {}

    class Server:
        def __init__(self, command, env):
            handed.update(command=command, environ=env)

        def wait(self):
            return 0

    monkeypatch.setattr(
        mlflow.server, "_exec_cmd", lambda command, extra_env, **_: Server(command, extra_env)
    )
    monkeypatch.setattr(backend_stores, "initialize_backend_stores", lambda *_, **__: None)
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    loaded = settings.load({"ANN_HOME": str(tmp_path)})
    options = ["--backend-store-uri", loaded.tracking_uri, "--port", "5001", "--workers", "1"]
    uploads = ["--artifacts-destination", str(loaded.artifacts / "uploads")]
    CliRunner().invoke(cli, ["server", *options, *uploads], catch_exceptions=False)
    ours = mlflow_ui.environment(loaded)
    needless = ("_MLFLOW_SERVER_BOOT_ID", "_MLFLOW_SGI_NAME", "MLFLOW_SERVER_SECRETS_CACHE")
    theirs = {k: v for k, v in handed["environ"].items() if not k.startswith(needless)}
    assert theirs == {name: ours[name] for name in theirs}
    assert handed["command"][-1] == mlflow_ui.APP
