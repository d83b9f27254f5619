"""The registry in every kind of trouble: predictions never fail, and recovery is followed."""

from __future__ import annotations

import http.server
import os
import shutil
import signal
import sqlite3
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.processes import MlflowServer
from tests.support.promoted import register, register_versions
from tests.support.running import NAME, ONE, Service, free_port
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SAID = 60  # seconds, on a busy machine, until the state is said; 15 on one that is not
FOLLOWED = 60  # until the move is followed; 5 on a machine that is not busy


class Proxy:
    """Between the service and an MLflow server; misbehaves as its attribute says.

    Attributes:
        fault: "" hands everything through.
    """

    def __init__(self, target: str) -> None:
        proxy = self
        self.fault = ""
        self.released = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length) or None
                if proxy.fault:
                    proxy.misbehave(self)
                    return
                request = urllib.request.Request(target + self.path, body, method=self.command)
                for name in ("content-type", "accept"):
                    if self.headers.get(name):
                        request.add_header(name, self.headers[name])
                try:
                    with urllib.request.urlopen(request, timeout=30) as answer:
                        status, content = answer.status, answer.read()
                        kind = answer.headers.get("content-type", "application/json")
                except urllib.error.HTTPError as error:
                    status, content, kind = error.code, error.read(), "application/json"
                self.answer(status, content, kind)

            do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

            def answer(self, status: int, content: bytes, kind: str = "text/html") -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def misbehave(self, handler) -> None:
        fault = self.fault
        if fault.isdecimal():
            handler.answer(int(fault), b"{}")
        elif fault == "HTML":
            handler.answer(200, b"<html>Sign in</html>")
        elif fault == "2 MB":
            handler.answer(500, b"<html>" + b"x" * 2_000_000)
        elif fault == "reset":
            handler.connection.close()
        elif fault == "no answer":
            self.released.wait(120)
        elif fault == "trickled body":
            handler.send_response(200)
            handler.send_header("content-length", "1000")
            handler.end_headers()
            self._trickle(handler)
        elif fault == "trickled header":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
            self._trickle(handler)

    def _trickle(self, handler) -> None:
        while not self.released.wait(1):
            handler.wfile.write(b" ")
            handler.wfile.flush()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory) -> Iterator[Proxy]:
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    server.start()
    proxy = Proxy(server.uri)
    yield proxy
    proxy.server.shutdown()
    server.kill()


@pytest.fixture(scope="module")
def registry(proxy, tmp_path_factory):
    from pipelines.registry.client import Registry

    registry = Registry(proxy.uri, tmp_path_factory.mktemp("client"))
    register_versions(registry)
    registry.promote(registry.version(NAME, "1"), "for the tests")
    return registry


@pytest.fixture(scope="module")
def service(proxy, registry, tmp_path_factory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("home"), MLFLOW_TRACKING_URI=proxy.uri)
    service.launch()
    wait_for(service.confirmed)
    yield service
    service.kill()


def version(service: Service) -> str:
    status, answer = service.ask("POST", "/predict", ONE)
    assert status == 200, answer
    return answer["version"]


FAULTS = ["500", "503", "429", "HTML", "2 MB", "reset", "no answer", "trickled body"]


@pytest.mark.parametrize("fault", [*FAULTS, "trickled header"])
def test_a_registry_in_trouble_is_reported_and_its_recovery_followed(
    service: Service, proxy: Proxy, registry, fault
):
    old = version(service)
    new = "2" if old == "1" else "1"
    proxy.released = threading.Event()
    proxy.fault = fault
    began = time.monotonic()

    def is_reported() -> bool:
        assert version(service) == old
        ready = service.ready()
        assert len(str(ready)) < 5000
        return bool(ready["registry_error"])

    wait_for(is_reported, SAID)
    reported = time.monotonic() - began
    wait_for(lambda: service.ready()["status"] == "degraded", SAID)
    assert "ann_degraded 1.0" in service.ask("GET", "/metrics")[1]
    proxy.fault = ""
    registry.promote(registry.version(NAME, new), "for the test")
    began = time.monotonic()
    wait_for(lambda: version(service) == new, FOLLOWED)
    followed = time.monotonic() - began
    print(f"{fault}: reported after {reported:.1f} s, followed after {followed:.1f} s")
    proxy.released.set()
    wait_for(lambda: service.ready()["status"] == "ok", FOLLOWED)


@pytest.mark.parametrize("module", ["serving.process.registry", "serving.process.worker"])
def test_each_process_that_ends_is_replaced(service: Service, registry, module):
    (pid,) = [pid for pid, line in service.children().items() if module in line]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: [p for p, line in service.children().items() if module in line and p != pid])
    new = "2" if wait_for(lambda: version_or_none(service)) == "1" else "1"
    registry.promote(registry.version(NAME, new), "for the test")
    wait_for(lambda: version_or_none(service) == new, FOLLOWED)


def version_or_none(service: Service) -> str | None:
    status, answer = service.ask("POST", "/predict", ONE)
    return answer["version"] if status == 200 else None


def test_an_unknown_version_is_404_at_once_though_the_registry_hangs(service, proxy):
    proxy.released = threading.Event()
    proxy.fault = "no answer"
    try:
        wait_for(lambda: service.ready()["registry_error"], SAID)
        for path in (f"/v1/models/{NAME}/versions/99", f"/v2/models/{NAME}/versions/99/ready"):
            status, answer = service.ask("GET", path)
            assert (status, "it has versions 1, 2" in answer["error"]) == (404, True)
    finally:
        proxy.fault = ""
        proxy.released.set()


# A file as registry


@pytest.fixture
def of_a_file(tmp_path) -> Iterator[Service]:
    registry = register(tmp_path)
    registry.promote(registry.version(NAME, "1"), "for the tests")
    service = Service(tmp_path)
    service.launch()
    wait_for(service.confirmed)
    yield service
    service.kill()


def test_a_registry_file_that_is_replaced_is_followed(of_a_file: Service, tmp_path):
    backup = tmp_path / "backup.db"
    shutil.copy(tmp_path / "mlflow.db", backup)
    with closing(sqlite3.connect(backup)) as database:
        database.execute("UPDATE registered_model_aliases SET version = 2")
        database.commit()
    os.replace(backup, tmp_path / "mlflow.db")
    wait_for(lambda: version(of_a_file) == "2", FOLLOWED)


def test_a_registry_file_that_is_locked_is_reported_and_followed_afterwards(
    of_a_file: Service, tmp_path
):
    with closing(sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)) as database:
        database.execute("PRAGMA locking_mode=EXCLUSIVE")
        database.execute("BEGIN EXCLUSIVE")
        database.execute("UPDATE registered_model_aliases SET version = 2")
        time.sleep(1)  # a poll fails or waits meanwhile
        assert version(of_a_file) == "1"
        database.execute("COMMIT")
    wait_for(lambda: version(of_a_file) == "2", FOLLOWED)


def test_two_workers_know_each_others_answers(tmp_path):
    registry = register(tmp_path)
    registry.promote(registry.version(NAME, "1"), "for the tests")
    service = Service(tmp_path, "--workers", "2")
    service.launch()
    try:
        wait_for(service.confirmed)
        wait_for(lambda: all(service.confirmed() for _ in range(20)))
        for number in range(20):
            shade = [[round(number / 40 + 0.5, 4)] * 28] * 28
            answer = service.ask("POST", "/predict", str({"image": shade}).replace("'", '"'))[1]
            body = f'{{"request_id": "{answer["request_id"]}", "digit": {number % 10}}}'
            assert service.ask("POST", "/feedback", body)[0] == 201
        assert len(service.corrections()) == 20
    finally:
        service.kill()


def test_a_registry_that_refuses_connections_is_reported(tmp_path):
    registry = register(tmp_path)
    registry.promote(registry.version(NAME, "1"), "for the tests")
    service = Service(tmp_path)
    service.launch()
    try:
        wait_for(service.confirmed)
    finally:
        service.kill()
    uri = f"http://admin:s3cret@127.0.0.1:{free_port()}"
    unavailable = Service(tmp_path, MLFLOW_TRACKING_URI=uri).start()
    try:
        error = wait_for(
            lambda: "cannot be reached" in str(unavailable.ready()) and str(unavailable.ready())
        )
        assert "s3cret" not in error
        assert version(unavailable) == "1"
        assert "s3cret" not in unavailable.ask("POST", "/predict", ONE)[1]["run_url"]
    finally:
        unavailable.kill()
    texts = [Path(path).read_text() for path in (unavailable.log, unavailable.errors)]
    assert not [text for text in texts if "s3cret" in text]
