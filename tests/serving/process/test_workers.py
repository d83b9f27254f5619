"""Workers that cannot be started, and what is left of those that ended."""

import asyncio
import socket
from pathlib import Path

import pytest

from serving.errors import WorkerFailed
from serving.process import supervisor
from serving.process.link import Link
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


def test_of_a_worker_that_ended_no_gauge_is_left(supervised, monkeypatch, tmp_path):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))

    async def start(
        module: str, handle: object, *inherited: socket.socket
    ) -> tuple[asyncio.subprocess.Process, Link]:
        ours, _ = socket.socketpair()
        process = await asyncio.create_subprocess_exec("true")
        for name in ("gauge_livesum", "counter"):
            (tmp_path / f"{name}_{process.pid}.db").touch()
        return process, Link(ours, None)

    monkeypatch.setattr(supervisor, "_start", start)
    asyncio.run(supervised._run_worker())
    assert [path.name.partition("_")[0] for path in tmp_path.glob("*.db")] == ["counter"]
