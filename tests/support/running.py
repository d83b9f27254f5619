"""A running `ann serve`, and a registry with two versions for it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.small_service import a_one

NAME = "offline-digits"
ANN = Path(sys.executable).with_name("ann")
ONE = json.dumps({"image": a_one().tolist()})


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Service:
    """A running `ann serve`."""

    def __init__(self, home: Path, *options: str, **environment: str) -> None:
        self.port = free_port()
        self.log = home / "access.log"
        with self.log.open("ab") as log, (home / "serve.err").open("ab") as errors:
            self.process = subprocess.Popen(
                [ANN, "serve", "--port", str(self.port), *options],
                env=os.environ | {"ANN_HOME": str(home), "ANN_POLL_SECONDS": "0.2", **environment},
                stdout=log,
                stderr=errors,
            )

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, Any]:
        connection = self.connect()
        try:
            headers = {"Content-Type": "application/json"} if body else {}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
            kind = response.headers["content-type"]
            return response.status, json.loads(content) if "json" in kind else content.decode()
        finally:
            connection.close()

    def ready(self) -> dict[str, Any]:
        status, content = self.ask("GET", "/health/ready")
        return content if status == 200 else {}

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(40)


def wait_for(condition: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if found := condition():
                return found
        except OSError:
            pass  # nobody listens yet
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)
