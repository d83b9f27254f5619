"""What the registry's tests share: stores with and without versions, and a real server."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from mlflow import MlflowClient

from tests.support.registry_bench import (
    GOOD,
    WORSE,
    Workbench,
    nearest_mean,
    opened,
)


@pytest.fixture(scope="session")
def stores(tmp_path_factory) -> dict[str, bytes]:
    """Two databases, made once: an empty one, and one with three registered models."""
    folder = tmp_path_factory.mktemp("stores")
    path = folder / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    empty = path.read_bytes()
    bench = Workbench(f"sqlite:///{path}", folder, folder / "artifacts")
    for examples in (GOOD, GOOD, WORSE):
        bench.register(nearest_mean(examples))
    return {"empty": empty, "three": path.read_bytes()}


@pytest.fixture
def empty(stores, tmp_path) -> Workbench:
    return opened(stores["empty"], tmp_path)


@pytest.fixture
def three(stores, tmp_path) -> Workbench:
    """Versions 1 and 2 are the same good model, version 3 is a worse one; none was judged."""
    return opened(stores["three"], tmp_path)


@dataclass
class Server:
    uri: str
    process: subprocess.Popen

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    """A real `mlflow server` that passes artifacts on, so that clients need no shared disk."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"]
    command += ["--artifacts-destination", str(tmp_path / "server-artifacts")]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=os.environ | quiet, stdout=log, stderr=log, start_new_session=True
        )
    found = Server(f"http://127.0.0.1:{port}", process)
    try:
        while not answers(f"{found.uri}/health"):
            assert process.poll() is None, (tmp_path / "server.log").read_text()
            time.sleep(0.2)
        yield found
    finally:
        found.end()


def answers(url: str) -> bool:
    try:
        return urllib.request.urlopen(url, timeout=1).status == 200
    except OSError:
        return False
