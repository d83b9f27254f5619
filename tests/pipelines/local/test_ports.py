"""Whether a port can be listened on, and who holds it if not."""

import os
import socket
from types import SimpleNamespace

import psutil
import pytest

from pipelines.errors import WrongUse
from pipelines.local import ports


@pytest.fixture
def taken():
    with socket.create_server((ports.HOST, 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_is_no_error():
    with socket.socket() as free:
        free.bind((ports.HOST, 0))
        port = free.getsockname()[1]
    ports.check_free(port, "MLflow's page", "ann ui --port")


def test_a_port_whose_server_has_just_ended_is_free():
    with socket.create_server((ports.HOST, 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((ports.HOST, port)):
            server.accept()[0].close()  # first: the system keeps this end for a minute
    ports.check_free(port, "MLflow's page", "ann ui --port")


def test_a_taken_port_is_refused_with_its_holder_and_another_port(taken):
    with pytest.raises(WrongUse) as refused:
        ports.check_free(taken, "MLflow's page", "ann ui --port")
    assert f"port {taken} is taken by another program (process {os.getpid()}" in str(refused.value)
    assert "MLflow's page needs one" in str(refused.value)
    assert f"`ann ui --port {taken + 1}`" in str(refused.value)


def test_above_the_last_port_the_one_below_is_named(monkeypatch):
    def in_use(*_):
        raise OSError("in use")

    monkeypatch.setattr(socket.socket, "bind", in_use)
    monkeypatch.setattr(ports, "holder", lambda port: "someone")
    with pytest.raises(WrongUse, match="`--port 65534`"):
        ports.check_free(65535, "it", "--port")
    with pytest.raises(WrongUse, match="`--port 65535`"):
        ports.check_free(65534, "it", "--port")


class Process:
    """A process that listens on a port, or whose connections cannot be seen."""

    def __init__(self, pid: int, port: int | None, status: str = psutil.CONN_LISTEN) -> None:
        self.pid, self.port, self.status = pid, port, status

    def net_connections(self, kind):
        if self.port is None:
            raise psutil.AccessDenied(self.pid)
        return [SimpleNamespace(status=self.status, laddr=SimpleNamespace(port=self.port))]

    def cmdline(self):
        return ["python", "x" * 200]


def test_the_holder_is_the_process_that_listens_there(monkeypatch):
    processes = [
        Process(1, None),
        Process(2, 81),
        Process(3, 80, psutil.CONN_ESTABLISHED),
        Process(4, 80),
    ]
    monkeypatch.setattr(psutil, "process_iter", lambda: processes)
    assert ports.holder(80) == f"process 4, `python {'x' * 93}`"
    assert ports.holder(82) == "one of another user"
