"""A temporary Prefect server, and a state folder that a flow run made with it.

Prefect is imported where it is used: pytest reads this before it takes over the terminal.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def running_prefect() -> Iterator[None]:
    """A server for flow runs, without the second that a heartbeat costs."""
    from prefect.settings import (
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW,
        temporary_settings,
    )
    from prefect.testing.utilities import prefect_test_harness

    quiet = {
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW: "ignore",
    }
    with prefect_test_harness(120), temporary_settings(quiet):
        yield


def home_with_a_champion(home: Path) -> Path:
    """The folder, after `mnist_ann` was trained there on the offline digits and promoted."""
    from pipelines.flows import lecture
    from tests.support.served import enter

    with pytest.MonkeyPatch.context() as monkeypatch:
        enter(home, monkeypatch)
        lecture.lecture(["mnist_ann"], seeds=1)
    return home
