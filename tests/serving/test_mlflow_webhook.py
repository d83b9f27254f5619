"""MLflow's own webhook: a real server signs the alias's move, and the service follows at once."""

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.request import urlopen

import numpy as np
import pytest

from pipelines.registry.client import Registry
from tests.support.promoted import register_versions
from tests.support.running import NAME, ONE, Service, free_port
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

SECRET = "agreed between the two"
MOVES = 20
FAST = 1.0  # seconds from a move to the first answer; the service looks by itself once a minute

# What MLflow asks for before it sends a webhook without TLS to an address of this machine.
SERVER = {
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": base64.urlsafe_b64encode(b"k" * 32).decode(),
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[str]:
    """A real `mlflow server` that hands artifacts through."""
    folder = tmp_path_factory.mktemp("server")
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'server.db'}"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=os.environ | SERVER, stdout=log, stderr=log, start_new_session=True
        )
    uri = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: urlopen(f"{uri}/health", timeout=2).status == 200, seconds=60)
        yield uri
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def registry(server, tmp_path_factory) -> Registry:
    """Versions 1 and 2 on that server; none is champion yet."""
    registry = Registry(server, tmp_path_factory.mktemp("client"))
    register_versions(registry)
    return registry


@pytest.fixture(scope="module")
def service(server, registry, tmp_path_factory) -> Iterator[Service]:
    """A service that polls the alias once a minute, unless it is notified."""
    service = Service(
        tmp_path_factory.mktemp("home"),
        MLFLOW_TRACKING_URI=server,
        ANN_POLL_SECONDS="60",
        ANN_WEBHOOK_SECRET=SECRET,
    ).launch()
    try:
        wait_for(lambda: "champion" in service.ask("GET", "/health/ready")[1]["registry_error"])
        yield service
    finally:
        service.stop()


@pytest.fixture(scope="module")
def webhook(registry, service) -> str:
    """The webhook's id; made before the alias moves, as MLflow looks for new ones once a minute."""
    url = f"http://127.0.0.1:{service.port}/webhooks/registry"
    events = ["model_version_alias.created"]
    return registry.client.create_webhook("digits", url, events, secret=SECRET).webhook_id


def test_mlflows_own_test_of_the_webhook_succeeds(registry, webhook):
    outcome = registry.client.test_webhook(webhook)
    assert (outcome.success, outcome.response_status) == (True, 202)


def test_the_service_follows_each_move_without_waiting_for_its_next_poll(
    registry, webhook, service
):
    lags = []
    for move in range(MOVES):
        number = str(2 - move % 2)
        registry.promote(registry.version(NAME, number), "for the test")
        moved = time.monotonic()
        while service.ask("POST", "/predict", ONE)[1].get("version") != number:
            assert time.monotonic() < moved + 10, f"move {move} was not followed"
            time.sleep(0.002)
        lags.append(time.monotonic() - moved)
    print(
        f"from a move to the first answer, {MOVES} moves: the first, with the files downloaded, "
        f"{1000 * lags[0]:.0f} ms; then {1000 * np.median(lags[1:]):.0f} ms, "
        f"at most {1000 * max(lags[1:]):.0f} ms"
    )
    assert max(lags) < FAST


def test_a_webhook_signed_with_another_secret_changes_nothing(registry, service, webhook):
    url = f"http://127.0.0.1:{service.port}/webhooks/registry"
    events = ["model_version_alias.created"]
    wrong = registry.client.create_webhook("wrong", url, events, secret="not the agreed one")
    outcome = registry.client.test_webhook(wrong.webhook_id)
    assert (outcome.success, outcome.response_status) == (False, 403)
