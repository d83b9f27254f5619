"""Workers that cannot be started, and what is left of those that ended."""

import asyncio
import socket
from pathlib import Path

import pytest

from serving.errors import WorkerFailed
from serving.process import supervisor
from serving.process.supervisor import Supervisor
from serving.settings import load


@pytest.fixture
def supervised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    monkeypatch.setattr(supervisor, "RESTART_SECONDS", 0)
    return Supervisor(load({"ANN_HOME": str(tmp_path)}), socket.socket(), 1)


def test_a_worker_that_cannot_be_started_again_is_tried_again(supervised, monkeypatch, capfd):
    starts = []

    async def start(*arguments: object) -> None:
        starts.append(arguments)
        if len(starts) == 3:
            supervised._stopping.set()
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(supervisor, "_start", start)
    supervised._ready.set()  # one answered before
    asyncio.run(supervised._worker_loop())
    assert len(starts) == 3
    assert "Resource temporarily unavailable" in capfd.readouterr().err


def test_a_first_worker_that_cannot_be_started_ends_the_service(supervised, monkeypatch, capfd):
    async def start(*arguments: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(supervisor, "_start", start)
    with pytest.raises(WorkerFailed):
        asyncio.run(supervised._worker_loop())
    assert "Resource temporarily unavailable" in capfd.readouterr().err
