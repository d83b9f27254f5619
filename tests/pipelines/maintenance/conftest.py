"""What the tests of the doctor share: no servers, and a store with one run."""

import socket

import pytest


@pytest.fixture
def bare_environment(tmp_path, monkeypatch):
    """No MNIST, no servers; what the doctor sets for itself is forgotten."""
    monkeypatch.setenv("ANN_OFFLINE", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("ANN_MNIST_PATH", raising=False)


@pytest.fixture
def nobody() -> str:
    """An address at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture(scope="package")
def one_run(tmp_path_factory):
    """A state folder whose store has one run, to be left as it is."""
    from ann_models.findings import Findings
    from pipelines import settings
    from pipelines.tracking.client import Tracking

    home = tmp_path_factory.mktemp("one run")
    tracking = Tracking(settings.load({"ANN_HOME": str(home)})).open()
    with tracking.run(tracking.experiment("digits"), "mnist_ann", {}) as run_id:
        tracking.log_findings(run_id, Findings(), {})
    return home
