"""How a service is asked whether it is well, and what is made of its answer."""

import json
import socket
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import MappingProxyType

import pytest

from pipelines.local import probes
from pipelines.local.supervisor import Health
from serving.settings import NOT_ASKED
from tests.support.trickling_server import BODY, HEADER, TricklingServer


@pytest.fixture
def answering():
    """A server that gives each path its status and content."""
    servers = []

    def start(answers: dict[str, tuple[int, bytes]]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, content = answers[self.path]
                self.send_response(status)
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


BEAT = "last_heartbeat_time"
SOON = {"name": "name", BEAT: "soon"}
LIVE = (200, b'{"live": true}')


def ready(status: int, **state) -> tuple[int, bytes]:
    return status, json.dumps(state).encode()


@pytest.mark.parametrize(
    ("answer", "well", "words"),
    [
        (ready(200, model="mnist-digits", version="2"), True, "mnist-digits version 2 answers"),
        (ready(503, registry_error="it has no champion"), True, probes.NO_CHAMPION),
        (ready(503, registry_error=NOT_ASKED), False, NOT_ASKED),
        ((503, b"<html>busy</html>"), True, probes.NO_CHAMPION),
        ((503, b"[1]"), True, probes.NO_CHAMPION),
        ((200, b"<html>Sign in</html>"), False, probes.ANOTHER),
        ((200, b"[1]"), False, probes.ANOTHER),
        ((200, b"{}"), False, probes.ANOTHER),
    ],
)
def test_the_digit_service_is_well_without_a_champion_once_it_has_looked(
    answering, answer, well, words
):
    health = probes.digits(answering({"/health/live": LIVE, "/health/ready": answer}))(0)
    assert (health.healthy, health.message) == (well, words)


def test_a_server_that_refuses_every_call_is_not_well(answering):
    address = answering({"/api/2.0/mlflow/experiments/search?max_results=1": (403, b"no")})
    assert probes.mlflow(address)(0).message == "HTTP 403"


def test_only_silence_counts_as_no_answer(answering):
    address = answering({"/health": (503, b"busy")})
    assert probes.prefect(address)(0) == Health(False, "HTTP 503", responsive=True)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        health = probes.prefect(address, seconds=0.2)(0)
    assert health == Health(False, probes.UNRESPONSIVE, responsive=False)


@pytest.mark.parametrize("beginning", [HEADER, BODY])
def test_an_answer_that_never_ends_counts_as_none(beginning):
    with TricklingServer(beginning) as server:
        health = probes.prefect(f"{server.address}/api", seconds=0.5)(0)
    assert health == Health(False, probes.UNRESPONSIVE, responsive=False)


@pytest.mark.parametrize(
    ("answer", "answers"),
    [((200, b"[]"), False), ((500, b"no"), True)],
    ids=["no heartbeat", "its server is not well"],
)
def test_a_worker_hangs_if_its_server_answers_without_its_heartbeat(answering, answer, answers):
    address = answering({"/work_pools/pool/workers/filter": answer})
    assert probes.worker(address, "pool", "name")(0).responsive is answers


@pytest.mark.parametrize(
    "content",
    [
        b"<html>Sign in</html>",
        b'{"detail": "Sign in"}',
        b"null",
        b"7",
        b"[" * 100_000,
    ],
    ids=lambda content: content[:20].decode(),
)
def test_an_answer_that_is_no_list_of_workers_does_not_list_the_worker(answering, content):
    """As of a page for signing in, in front of the server."""
    address = answering({"/work_pools/pool/workers/filter": (200, content)})
    health = probes.worker(address, "pool", "name")(0)
    assert health == Health(False, "its Prefect server does not list it", responsive=True)


@pytest.mark.parametrize(
    "entries", [[None, "name", 7, {}], [{"name": "name"}], [{"name": "name", BEAT: 7}], [SOON]]
)
def test_an_entry_that_is_no_worker_has_no_heartbeat(answering, entries):
    address = answering({"/work_pools/pool/workers/filter": (200, json.dumps(entries).encode())})
    assert probes.worker(address, "pool", "name")(0).message == "no heartbeat"


def test_a_worker_is_well_by_its_latest_heartbeat(answering):
    beats = [None, "2020-01-01T00:00:00Z", datetime.now(UTC).isoformat()]
    found = json.dumps([{"name": "name", BEAT: beat} for beat in beats]).encode()
    address = answering({"/work_pools/pool/workers/filter": (200, found)})
    assert probes.worker(address, "pool", "name")(0).healthy
    assert not probes.worker(address, "pool", "another")(0).healthy


def test_prefects_password_is_sent_to_prefect_alone(monkeypatch):
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "ann:secret")
    asked = []

    def ask(url, body=None, seconds=5.0, headers=MappingProxyType({})):
        asked.append((url, dict(headers)))
        return None, None

    monkeypatch.setattr(probes, "_ask", ask)
    probes.worker("http://prefect/api", "pool", "name")(0)
    probes.mlflow("http://mlflow")(0)
    probes.digits("http://digits")(0)
    (worker, *others) = [headers for _, headers in asked]
    assert worker == {"Authorization": "Basic YW5uOnNlY3JldA=="}
    assert others == [{}, {}]


def test_an_address_with_a_password_is_asked_with_it_as_a_header():
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers["Authorization"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert probes.mlflow(f"http://bob:s3%40cret@127.0.0.1:{server.server_port}")(0).healthy
    assert seen == ["Basic Ym9iOnMzQGNyZXQ="]


def test_what_is_no_http_server_is_not_healthy():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet():
            with listener.accept()[0] as connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
                connection.recv(1000)

        threading.Thread(target=greet, daemon=True).start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert not probes.prefect(f"{address}/api")(0).healthy
