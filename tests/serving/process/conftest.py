"""What the tests of the supervisor and of its connections share."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from serving.process import supervisor
from serving.process.connection import Connection
from serving.process.supervisor import Supervisor
from serving.settings import load
from tests.support.small_service import Service, put_copy
from tests.support.waiting import wait_for


@pytest.fixture
def supervised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    monkeypatch.setattr(supervisor, "RESTART_SECONDS", 0)
    return Supervisor(load({"ANN_HOME": str(tmp_path)}), socket.socket(), 1)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The application, and what it keeps of requests."""
    home: Path = tmp_path_factory.mktemp("home")
    put_copy(home, "3", seed=1)
    service = Service(home, ANN_CORS_ORIGINS="https://a.example")
    yield service
    service.close()


@pytest.fixture(scope="module")
def server(service: Service) -> Iterator[uvicorn.Server]:
    """The application behind such connections, on a port of this machine."""
    config = uvicorn.Config(
        service.app, http=Connection, ws="none", lifespan="off", log_level="error"
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    yield server
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def port(server: uvicorn.Server) -> int:
    """The port of the application."""
    return server.servers[0].sockets[0].getsockname()[1]
