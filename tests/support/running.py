"""`ann serve` as a process on a port of its own, that can be killed and started again."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.small_service import a_one
from tests.support.waiting import wait_for

NAME = "offline-digits"
SERVE = [sys.executable, "-m", "pipelines.cli", "serve"]
ONE = json.dumps({"image": a_one().tolist()})
READY_SECONDS = 90


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Service:
    """A running `ann serve`; `access.log` and `serve.err` in the state folder keep what it says."""

    def __init__(self, home: Path, *options: str, **environ: str) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ANN_", "MLFLOW_"))}
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.log = home / "access.log"
        self.errors = home / "serve.err"
        self.environ = kept | {"ANN_HOME": str(home), "ANN_POLL_SECONDS": "0.2"} | environ
        self._options = options
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self) -> Service:
        """Start the process; it is not ready yet."""
        with self.log.open("ab") as log, self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [*SERVE, "--port", str(self.port), *self._options],
                env=self.environ,
                stdout=log,
                stderr=errors,
                start_new_session=True,
            )
        return self

    def start(self) -> Service:
        """Start the process, and wait until a model answers."""
        self.launch()
        wait_for(self.ready, READY_SECONDS)
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None, "it is not started"
        return self.process.pid

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(
        self,
        method: str,
        path: str,
        body: str | bytes | None = None,
        headers: Mapping[str, str] = {},
    ) -> tuple[int, Any]:
        """Status and content of an answer; a body is JSON unless the headers say otherwise."""
        connection = self.connect()
        try:
            kind = {"Content-Type": "application/json"} if body else {}
            connection.request(method, path, body, kind | dict(headers))
            response = connection.getresponse()
            content = response.read()
            is_json = "json" in response.headers["content-type"]
            return response.status, json.loads(content) if is_json else content.decode()
        finally:
            connection.close()

    def ready(self) -> dict[str, Any]:
        """What /health/ready says; {} until a model answers."""
        status, content = self.ask("GET", "/health/ready")
        ended = self.process is None or self.process.poll() is not None
        assert not ended, f"the service has ended, another process listens at port {self.port}"
        return content if status == 200 else {}

    def confirmed(self) -> bool:
        """Whether the registry has confirmed the version that answers."""
        return self.ready().get("registry_error", "") is None

    def predict(self, png: bytes) -> dict[str, Any]:
        return self.ask("POST", "/predict?image=1", png, {"Content-Type": "image/png"})[1]

    def corrections(self) -> list[tuple[int, int]]:
        """What the network said and what a person said, oldest first."""
        with closing(sqlite3.connect(self.home / "feedback.db")) as store:
            return list(store.execute("SELECT predicted, digit FROM corrections ORDER BY id"))

    def children(self) -> dict[int, str]:
        """The command of each child process."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        commands = {}
        for pid in children.read_text().split():
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            commands[int(pid)] = line
        return commands

    def workers(self) -> list[int]:
        return [pid for pid, line in self.children().items() if "serving.process.worker" in line]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it as a person does; its exit code."""
        assert self.process is not None, "it is not started"
        self.process.send_signal(number)
        return self.process.wait(60)

    def kill(self) -> None:
        """End it and its children at once; to be called in any state."""
        if self.process is None:
            return
        orphans = self.children() if self.process.poll() is None else {}
        for pid in (self.process.pid, *orphans):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.process = None
