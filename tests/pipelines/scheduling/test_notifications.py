"""Notices to a webhook: tried before anything changes, one automation for each kind of event."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock

from pipelines.events import DECISION_EVENTS, DRIFT_EVENT, MODEL_RESOURCE
from pipelines.scheduling import notifications
from pipelines.scheduling.deployments import connected
from pipelines.scheduling.notifications import BLOCK, NOTICES, NotDelivered, notify
from tests.support.running import free_port


class Webhook(HTTPServer):
    """Takes messages, unless its status says that it does not."""

    status = 204

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.messages: Queue[dict[str, str]] = Queue()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/ann"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.messages.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def webhook():
    server = Webhook()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def quiet(prefect):
    """A client of a server that sends no notices; afterwards it sends none again."""
    with connected() as client:
        assert notifications.installed(client) == []
        yield client
        notifications.stop(client)


def automation(client, name: str):
    (found,) = [each for each in notifications.installed(client) if each.name == name]
    return found


def test_a_test_message_arrives_and_every_notice_is_installed(quiet, webhook):
    notify(quiet, webhook.url)
    message = webhook.messages.get(timeout=10)
    assert message == {
        "title": "ANN pipelines",
        "text": "ANN pipelines: messages arrive here from now on.",
    }
    names = sorted(each.name for each in notifications.installed(quiet))
    assert names == sorted(notice.name for notice in NOTICES)


def test_each_kind_of_event_is_reported_at_once_with_its_own_words(quiet, webhook):
    notify(quiet, webhook.url)
    expected = {
        "ann: report failed runs": {"prefect.flow-run.Failed", "prefect.flow-run.Crashed"},
        "ann: report drift": {DRIFT_EVENT},
        "ann: report decisions on models": set(DECISION_EVENTS.values()),
    }
    for notice in NOTICES:
        found = automation(quiet, notice.name)
        assert found.enabled
        assert found.trigger.expect == expected[notice.name]
        assert found.trigger.threshold == 1
        about = "prefect.flow-run.*" if "runs" in notice.name else f"{MODEL_RESOURCE}*"
        assert about in found.trigger.match["prefect.resource.id"]
        (action,) = found.actions
        assert (action.subject, action.body) == (notice.subject, notice.body)


def test_another_webhook_replaces_the_one_before(quiet, webhook):
    notify(quiet, f"{webhook.url}/old")
    first = automation(quiet, NOTICES[0].name).actions[0].block_document_id
    notify(quiet, webhook.url)
    assert len(notifications.installed(quiet)) == len(NOTICES)
    assert automation(quiet, NOTICES[0].name).actions[0].block_document_id == first
    assert CustomWebhookNotificationBlock.load(BLOCK).url == webhook.url


def test_a_webhook_that_takes_nothing_is_named_and_changes_nothing(quiet, webhook):
    notify(quiet, webhook.url)
    before = {each.id for each in notifications.installed(quiet)}
    with pytest.raises(NotDelivered, match=r"was not taken \(.*check the address. Nothing is"):
        notify(quiet, f"http://127.0.0.1:{free_port()}/")
    assert {each.id for each in notifications.installed(quiet)} == before
    assert CustomWebhookNotificationBlock.load(BLOCK).url == webhook.url


def test_a_webhook_that_refuses_the_message_is_not_used(quiet, webhook):
    webhook.status = 403
    with pytest.raises(NotDelivered, match="403"):
        notify(quiet, webhook.url)
    assert notifications.installed(quiet) == []


def test_stopping_removes_the_notices_alone_and_counts_them(client, quiet, webhook):
    others = {each.id for each in client.read_automations()}
    assert others
    notify(quiet, webhook.url)
    assert notifications.stop(quiet) == len(NOTICES)
    assert {each.id for each in quiet.read_automations()} == others
    assert notifications.stop(quiet) == 0
