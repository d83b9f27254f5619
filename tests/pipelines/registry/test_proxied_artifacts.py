"""The registry through an MLflow server that passes artifacts on."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import RegistryError, TrackingUnavailable
from serving.model.download import fetch
from tests.support.registry_bench import (
    BETTER_ONLY,
    DIGITS,
    GOOD,
    NAME,
    WORSE,
    Workbench,
    calibrated_nearest_mean,
    nearest_mean,
)


@dataclass
class Server:
    uri: str
    artifacts: Path
    process: subprocess.Popen

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    """A real `mlflow server` that passes artifacts on, so that clients need no shared disk."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'server.db'}"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=os.environ | quiet, stdout=log, stderr=log, start_new_session=True
        )
    found = Server(f"http://127.0.0.1:{port}", folder / "artifacts", process)
    try:
        while not answers(f"{found.uri}/health"):
            assert process.poll() is None, (folder / "server.log").read_text()
            time.sleep(0.2)
        yield found
    finally:
        found.end()


def answers(url: str) -> bool:
    try:
        return urllib.request.urlopen(url, timeout=1).status == 200
    except OSError:
        return False


def test_the_whole_story_works_through_a_server_with_proxied_artifacts(server, tmp_path):
    there = Workbench(server.uri, tmp_path / "client")
    there.registry.promote(there.register(nearest_mean(WORSE)), "the first")
    model = nearest_mean(GOOD)
    assert there.registry.judge(there.register(model), BETTER_ONLY).promote
    assert there.aliases() == {"champion": 2, "previous": 1}
    assert there.client.get_model_version(NAME, "2").source.startswith("mlflow-artifacts:")
    restored = there.registry.artifacts.keras_model(there[2])
    registered = calibrated_nearest_mean(GOOD)
    np.testing.assert_allclose(restored.get_weights()[0], registered.get_weights()[0], rtol=1e-4)

    images, home = DIGITS.arrays["x_test"][:20], tmp_path / "serving"
    served = fetch(server.uri, NAME, "champion", home)
    np.testing.assert_allclose(served.predict(images), registered(images), atol=1e-5)
    assert there.registry.rollback(NAME).number == "1"
    assert fetch(server.uri, NAME, "champion", home).version == "1"


def test_a_file_that_a_server_lacks_is_missing_but_a_server_that_ended_is_unavailable(
    server, tmp_path, monkeypatch
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    there = Workbench(server.uri, tmp_path / "client")
    version = there.register(nearest_mean(GOOD))
    for path in server.artifacts.rglob("validation.npz"):
        path.unlink()
    with pytest.raises(RegistryError, match=r"validation\.npz of .* cannot be read .* restore"):
        there.registry.artifacts.candidate(version)
    root = there.client.get_model_version_download_uri(NAME, version.number)
    monkeypatch.setattr(there.client, "get_model_version_download_uri", lambda *_: root)
    server.end()
    with pytest.raises(TrackingUnavailable, match="does not answer"):
        there.registry.artifacts.onnx_bytes(version)
