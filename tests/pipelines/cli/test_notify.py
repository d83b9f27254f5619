"""`ann notify`: a webhook gets a test message, and Prefect sends it what happens from then on."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue

import pytest
from click.testing import CliRunner, Result
from prefect.events import emit_event

from pipelines.cli.main import main
from pipelines.events import DECISION_EVENTS, DRIFT_EVENT, MODEL_RESOURCE
from pipelines.scheduling import notifications
from pipelines.scheduling.deployments import connected
from tests.support.running import free_port


@pytest.fixture
def webhook():
    """Its address, and the messages that arrive at it."""
    messages: Queue[dict] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            messages.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/ann", messages
    server.shutdown()
    server.server_close()


@pytest.fixture
def ann(prefect, tmp_path):
    before = dict(os.environ)
    os.environ |= {"ANN_HOME": str(tmp_path / "home"), "PREFECT_API_URL": prefect}
    yield lambda *arguments: CliRunner().invoke(main, ["notify", *arguments])
    os.environ.clear()  # what a command exports is forgotten
    os.environ.update(before)
    with connected() as client:
        notifications.stop(client)


def test_a_test_message_is_sent_and_three_kinds_of_events_are_reported(ann, webhook):
    url, messages = webhook
    result: Result = ann(url)
    assert result.exit_code == 0, result.output
    assert messages.get(timeout=10)["text"].startswith("ANN pipelines: messages arrive here")
    assert "failed runs, drift, decisions on models" in result.stdout
    assert ann().stdout.splitlines() == sorted(n.name for n in notifications.NOTICES)


def test_once_more_replaces_the_webhook_and_off_ends_it(ann, webhook):
    url, _ = webhook
    ann(f"{url}/old")
    ann(url)
    assert len(ann().stdout.splitlines()) == len(notifications.NOTICES)
    assert ann("--off").stdout == "No more messages are sent.\n"
    assert "No messages are sent" in ann().stdout


def test_an_address_that_takes_nothing_changes_nothing(ann, webhook):
    ann(webhook[0])
    result = ann(f"http://127.0.0.1:{free_port()}/")
    assert result.exit_code == 1
    assert "the test message was not taken" in result.stderr
    assert len(ann().stdout.splitlines()) == len(notifications.NOTICES)


@pytest.mark.parametrize(
    "url", ["", "hooks.example", "ftp://x/y", "https://", "http://[bad", "http://x:y/"]
)
def test_what_is_no_address_is_wrong_use(ann, url):
    assert ann(url).exit_code == 2


@pytest.mark.slow
def test_events_arrive_as_messages(ann, webhook):
    url, messages = webhook
    ann(url)
    messages.get(timeout=10)
    resource = {
        "prefect.resource.id": f"{MODEL_RESOURCE}mnist-digits",
        "prefect.resource.name": "mnist-digits",
    }
    emit_event(DRIFT_EVENT, resource, payload={"drifted": ["ink", "classes"]})
    assert messages.get(timeout=120)["text"].startswith(
        "Drift in the requests to mnist-digits: ink, classes differ from the known digits"
    )
    decision = "mnist-digits version 3 was refused: it makes more errors."
    emit_event(DECISION_EVENTS[False], resource, payload={"decision": decision})
    assert decision in messages.get(timeout=120)["text"]
