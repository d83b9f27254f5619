"""Prefect automations that send a message to a webhook: a failed run, drift, a gate's decision.

They are stored in Prefect's database with the webhook, a block of Prefect's, and run by its server.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.events import Automation, EventTrigger, Posture, SendNotification
from prefect.events.schemas.automations import AutomationCore

from pipelines.errors import PipelineError
from pipelines.events import DECISION_EVENTS, DRIFT_EVENT, MODEL_RESOURCE

BLOCK = "ann-notifications"  # the webhook's block in Prefect
CONTENT = {"title": "{{subject}}", "text": "{{subject}}: {{body}}"}  # `text` is what Slack shows


class NotDelivered(PipelineError):
    """The webhook did not take the message."""


@dataclass(frozen=True)
class Notice:
    """What is reported: the events, the resources that they are about, and the message."""

    name: str
    events: frozenset[str]
    resource: str
    subject: str
    body: str


NOTICES = (
    Notice(
        "ann: report failed runs",
        frozenset({"prefect.flow-run.Failed", "prefect.flow-run.Crashed"}),
        "prefect.flow-run.*",
        "The run {{ flow_run.name }} ended as {{ flow_run.state.name }}",
        "{{ flow_run.state.message }} {{ flow_run|ui_url }}",
    ),
    Notice(
        "ann: report drift",
        frozenset({DRIFT_EVENT}),
        f"{MODEL_RESOURCE}*",
        "Drift in the requests to {{ event.resource.name }}",
        "{{ event.payload.drifted|join(', ') }} differ from the known digits; a retraining was "
        "triggered.",
    ),
    Notice(
        "ann: report decisions on models",
        frozenset(DECISION_EVENTS.values()),
        f"{MODEL_RESOURCE}*",
        "The gate decided on {{ event.resource.name }}",
        "{{ event.payload.decision }}",
    ),
)


def notify(client: SyncPrefectClient, url: str) -> None:
    """Send a test message to a webhook, and from now on every notice; another webhook is replaced.

    Raises:
        NotDelivered: it did not take the test message; nothing is changed.
    """
    block = CustomWebhookNotificationBlock(
        name="ann", url=url, json_data=CONTENT, headers=None, cookies=None, timeout=10
    )
    try:
        asyncio.run(block.anotify("messages arrive here from now on.", "ANN pipelines"))
    except Exception as error:  # of the address, the network or the other server
        raise NotDelivered(
            f"the test message was not taken ({type(error).__name__}: {error}); check the "
            "address. Nothing is changed."
        ) from error
    document = UUID(str(block.save(BLOCK, overwrite=True)))
    stop(client)
    for notice in NOTICES:
        client.create_automation(_automation(notice, document))


def stop(client: SyncPrefectClient) -> int:
    """Send no more notices; how many automations were removed."""
    found = installed(client)
    for automation in found:
        client.delete_automation(automation.id)
    return len(found)


def installed(client: SyncPrefectClient) -> list[Automation]:
    """The automations that send notices."""
    names = {notice.name for notice in NOTICES}
    return [each for each in client.read_automations() if each.name in names]


def _automation(notice: Notice, block: UUID) -> AutomationCore:
    return AutomationCore(
        name=notice.name,
        description="Made by `ann notify`.",
        trigger=EventTrigger(
            expect=set(notice.events),
            match={"prefect.resource.id": notice.resource},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[
            SendNotification(block_document_id=block, subject=notice.subject, body=notice.body)
        ],
    )
