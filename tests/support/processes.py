"""The real command in real processes, on this machine only."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

from tests.support.waiting import PATIENCE, wait_for

# Variables of a process in which text files are ASCII unless it says otherwise.
ASCII_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


class Ann:
    """The command `ann` with a state folder of its own, and with no server unless given."""

    def __init__(self, home: Path, **environ: str) -> None:
        self.home = home
        foreign = ("ANN_HOME", "ANN_OFFLINE", "MLFLOW_", "PREFECT_", "TF_")
        kept = {name: v for name, v in os.environ.items() if not name.startswith(foreign)}
        self.environ = kept | {"ANN_HOME": str(home), "ANN_OFFLINE": "1"} | environ

    def __call__(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        process = self.start(*arguments, **environ)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start a command as a terminal does: at the head of its own process group."""
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", *arguments],
            env=self.environ | environ,
            cwd=self.home.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def statuses(self, database: Path | None = None) -> list[tuple[str, str]]:
        """Name and status of every run, oldest first, without asking MLflow."""
        path = database or self.home / "mlflow.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
            try:
                query = "SELECT name, status FROM runs ORDER BY start_time"
                return list(store.execute(query))
            except sqlite3.OperationalError:  # MLflow is still making its tables
                return []

    def wait_until_running(self, name: str, database: Path | None = None) -> None:
        wait_for(lambda: (name, "RUNNING") in self.statuses(database))


class MlflowServer:
    """A real tracking server that can be killed and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "server.db"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        address = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        store = ["--backend-store-uri", f"sqlite:///{self.database}"]
        artifacts = ["--artifacts-destination", str(self.folder / "artifacts")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *address, *store, *artifacts],
            env=os.environ
            | {
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_TRACKING_URI": "",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for(self.answers)

    def answers(self) -> bool:
        try:
            with urlopen(f"{self.uri}/health", timeout=1):
                return True
        except OSError:
            return False

    def kill(self) -> None:
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=10)
            self.process = None
