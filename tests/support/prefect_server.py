"""A temporary Prefect server, and a state folder that a flow run made with it.

Prefect is imported where it is used: pytest reads this before it takes over the terminal.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.running import free_port


@contextmanager
def started() -> Iterator[str]:
    """The address of a server that has a database of its own and plans no runs."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker
    from prefect.server.api.server import SubprocessASGIServer
    from prefect.settings import (
        PREFECT_SERVER_ANALYTICS_ENABLED,
        PREFECT_SERVER_DATABASE_CONNECTION_URL,
        PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED,
        temporary_settings,
    )

    with TemporaryDirectory() as folder:
        of_the_server = {
            PREFECT_SERVER_ANALYTICS_ENABLED: False,
            PREFECT_SERVER_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{folder}/prefect.db",
            PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED: False,
        }
        with temporary_settings(of_the_server):
            server = SubprocessASGIServer(port=free_port())
            server.start(timeout=120)
        try:
            yield server.api_url
        finally:
            for worker in (APILogWorker, EventsWorker):  # what they still hold has a receiver
                worker.drain_all()
            server.stop()


@contextmanager
def in_use(address: str) -> Iterator[None]:
    """Flow runs are kept by that server, without the second that a heartbeat costs."""
    from prefect.context import _temporary_global_settings_context, get_settings_context
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW,
        temporary_settings,
    )

    chosen = {
        PREFECT_API_URL: address,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW: "ignore",
    }
    # Threads that began before see the global settings.
    with temporary_settings(chosen), _temporary_global_settings_context(get_settings_context()):
        yield


def home_with_a_champion(home: Path) -> Path:
    """The folder, after `mnist_ann` was trained there on the offline digits and promoted."""
    from pipelines.flows import lecture
    from tests.support.served import enter

    with pytest.MonkeyPatch.context() as monkeypatch:
        enter(home, monkeypatch)
        lecture.lecture(["mnist_ann"], seeds=1)
    return home
