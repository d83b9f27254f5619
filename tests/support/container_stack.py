"""The real stack of docker-compose.yml, beside any other here, and a light load on it."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
from PIL import Image

from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlflow import MlflowClient

ROOT = Path(__file__).parents[2]
SERVICES = ("postgres", "mlflow", "prefect", "worker", "serving", "proxy")
BUILD_SECONDS = 3000
LONG = {"seeds": 60}  # trains until it is killed
RUN_SECONDS = 1800  # until a run counts as hung, on a busy machine
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
AMBUSH = """
import json, os, signal
from urllib.request import urlopen

URL = "http://127.0.0.1:5000/api/2.0/mlflow/registered-models/search?max_results=1"
while True:
    with urlopen(URL) as answer:
        (model,) = json.load(answer)["registered_models"]
    version = max(model["latest_versions"], key=lambda v: int(v["version"]))
    number, tags = int(version["version"]), {t["key"]: t["value"] for t in version.get("tags", [])}
    if MOMENT:
        os.kill(-1, signal.SIGKILL)
        break
"""  # in MLflow's container: kill -9 everybody at a moment of the registry's newest version


def a_seven() -> bytes:
    """A picture, ink black on white paper."""
    paper = np.full((28, 28), 255, np.uint8)
    paper[6:8, 8:20] = 0
    for row in range(8, 24):
        paper[row, 19 - (row - 8) // 2 : 21 - (row - 8) // 2] = 0
    file = io.BytesIO()
    Image.fromarray(paper).save(file, "PNG")
    return file.getvalue()


def picture_number(i: int) -> list[list[float]]:
    """A picture unlike those of other numbers."""
    return [[float((i >> column) & 1) if row == 5 else 0.5 for column in range(28)]
            for row in range(28)]  # fmt: skip


def unfinished_runs(client: MlflowClient) -> list[str]:
    """The ids of MLflow's runs that are reported as running."""
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return [run.info.run_id for run in client.search_runs(ids, "attributes.status = 'RUNNING'")]


def kept_state(stack: Stack, client: MlflowClient) -> tuple[object, ...]:
    """What no fault may take away: runs, aliases, schedules, corrections."""
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = {run.info.run_id: run.info.status for run in client.search_runs(ids)}
    aliases = {m.name: m.aliases for m in client.search_registered_models()}
    deployments = {d["id"] for d in stack.ask_prefect("deployments/filter", {})}
    return runs, aliases, deployments, stack.corrections()


def assert_recovered(stack: Stack, client: MlflowClient) -> None:
    """No run is open, the champion is whole and answers, and the next run completes."""
    stack.wait_until_healthy()
    wait_for(lambda: not unfinished_runs(client))
    following = stack.trigger(seeds=1)
    assert stack.wait_until_ended(following) == "COMPLETED"
    assert unfinished_runs(client) == []
    (model,) = client.search_registered_models()
    champion = client.get_model_version(model.name, model.aliases["champion"])
    assert (champion.status, champion.tags["decision"]) == ("READY", "promoted")
    wait_for(lambda: stack.predict()["version"] == champion.version, 30)


def compose_command() -> list[str] | None:
    """Docker's compose in either form; None if there is none."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True)
    if plugin.returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def why_not() -> str | None:
    """Why no stack can run here; None if one can."""
    if not shutil.which("docker"):
        return "needs Docker: there is no command `docker`"
    if subprocess.run(["docker", "info"], capture_output=True).returncode:
        return "needs Docker: no engine answers"
    return None if compose_command() else "needs docker compose"


class Stack:
    """The stack under a project name, ports and passwords of its own."""

    def __init__(self, folder: Path) -> None:
        ports = []
        for _ in range(3):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                ports.append(free.getsockname()[1])
        self.digits, self.mlflow, self.prefect = (f"http://127.0.0.1:{port}" for port in ports)
        foreign = ("ANN_", "MLFLOW_", "PREFECT_", "POSTGRES_", "FEEDBACK_", "COMPOSE_PROJECT")
        kept = {name: v for name, v in os.environ.items() if not name.startswith(foreign)}
        self.environ = kept | {
            "COMPOSE_PROJECT_NAME": f"ann-test-{os.getpid()}",
            "ANN_MNIST_PATH": os.environ.get("ANN_MNIST_PATH", ""),
            "ANN_OFFLINE": "1",
            "ANN_PORT": str(ports[0]),
            "MLFLOW_PORT": str(ports[1]),
            "PREFECT_PORT": str(ports[2]),
        }
        self.env_file = folder / "env"
        self.new_passwords()

    def new_passwords(self) -> None:
        """Write new settings, as on another machine."""
        self.env_file.write_bytes(subprocess.check_output([ROOT / "deploy/new_env.sh"]))

    def command(self) -> list[str]:
        """How compose is called for this stack."""
        return [*(compose_command() or ()), "--env-file", str(self.env_file)]

    def compose(
        self, *arguments: str, stdin: str | None = None, seconds: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run a compose command to its end."""
        return subprocess.run(
            [*self.command(), *arguments],
            cwd=ROOT,
            env=self.environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def do(self, *arguments: str, seconds: float = 600) -> str:
        """Run a compose command that has to succeed; its output."""
        done = self.compose(*arguments, seconds=seconds)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def first_run(self) -> subprocess.CompletedProcess[str]:
        """What `make stack` does when everyone is up."""
        script = (ROOT / "deploy/first_run.py").read_text()
        return self.compose("exec", "-T", "worker", "python", "-", stdin=script, seconds=1200)

    def inspect(self, service: str) -> dict[str, Any]:
        """What the engine says of a service's container."""
        identity = self.do("ps", "-q", service).strip()
        (found,) = json.loads(subprocess.check_output(["docker", "inspect", identity]))
        return found

    def is_healthy(self, service: str) -> bool:
        """Whether its health check is green."""
        return self.inspect(service)["State"]["Health"]["Status"] == "healthy"

    def wait_until_healthy(self) -> None:
        """Wait until everyone is healthy."""
        for service in SERVICES:
            wait_for(lambda name=service: self.is_healthy(name))

    def crash(self, service: str) -> None:
        """Kill -9 every process of a service; the engine sees that it died by itself."""
        starts = self.inspect(service)["RestartCount"]
        user = ("--user", "postgres") if service == "postgres" else ()
        self.compose("exec", "-T", *user, service, "sh", "-c", "kill -9 -1")
        wait_for(lambda: self.inspect(service)["RestartCount"] > starts, 60)

    def crash_mlflow_at(self, moment: str) -> subprocess.Popen[bytes]:
        """Kill -9 MLflow at a moment: Python about the newest version's `number` and `tags`."""
        execute = ["docker", "exec", self.inspect("mlflow")["Id"], "python", "-c"]
        return subprocess.Popen(
            [*execute, AMBUSH.replace("MOMENT", moment)], stderr=subprocess.DEVNULL
        )

    def trigger(self, **parameters: Any) -> str:
        """Have the worker run the schedule `digits` now; the run's id."""
        (deployment,) = self.ask_prefect(
            "deployments/filter", {"deployments": {"name": {"any_": ["digits"]}}}
        )
        path = f"deployments/{deployment['id']}/create_flow_run"
        run = self.ask_prefect(path, {"parameters": {"names": ["mnist_ann"], **parameters}})
        return run["id"]

    def state_of(self, run: str) -> str:
        """A flow run's state: SCHEDULED, RUNNING, COMPLETED, …"""
        (found,) = self.ask_prefect("flow_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        return found["state_type"]

    def wait_until_ended(self, run: str) -> str:
        """Wait for a flow run's end; its last state."""
        wait_for(lambda: self.state_of(run) in ENDED, RUN_SECONDS)
        return self.state_of(run)

    def ask_prefect(self, path: str, body: Any) -> Any:
        """POST to Prefect's API, with the password of the settings."""
        lines = self.env_file.read_text().splitlines()
        values = dict(line.split("=", 1) for line in lines if "=" in line)
        user = base64.b64encode(f"ann:{values['PREFECT_PASSWORD']}".encode()).decode()
        url, data = f"{self.prefect}/api/{path}", json.dumps(body).encode()
        return _ask(url, data, "application/json", Authorization=f"Basic {user}")[1]

    def predict(
        self, image: list[list[float]] | None = None, seconds: float = 10
    ) -> dict[str, Any]:
        """Have an image read, or a picture of a seven."""
        body, kind = a_seven(), "image/png"
        if image is not None:
            body, kind = json.dumps(image).encode(), "application/json"
        status, answer = _ask(f"{self.digits}/predict", body, kind, seconds)
        assert status == 200, answer
        return answer

    def answers(self) -> bool:
        """Whether a digit is read."""
        try:
            return bool(self.predict())
        except (OSError, AssertionError):
            return False

    def correct(self, image: list[list[float]], digit: int) -> int:
        """Send a correction; the status."""
        body = json.dumps({"image": image, "digit": digit}).encode()
        return _ask(f"{self.digits}/feedback", body, "application/json")[0]

    def correct_numbers(self, numbers: Iterable[int]) -> list[int]:
        """Send a correction for each number; their statuses."""
        return [self.correct(picture_number(number), number % 10) for number in numbers]

    def corrections(self) -> int:
        """How many corrections PostgreSQL holds."""
        query = ["psql", "-qtA", "-U", "postgres", "-d", "feedback"]
        return int(
            self.do("exec", "-T", "postgres", *query, "-c", "SELECT count(*) FROM corrections")
        )


def _ask(
    url: str, body: bytes, media_type: str, seconds: float = 30, **headers: str
) -> tuple[int, Any]:
    try:
        request = Request(url, body, {"Content-Type": media_type, **headers})
        with urlopen(request, timeout=seconds) as answer:
            return answer.status, json.load(answer)
    except HTTPError as refusal:
        return refusal.code, json.load(refusal)


class LightLoad:
    """Ten pictures a second; every request must be answered, and within two seconds."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self.answered = 0
        self.slowest = 0.0
        self.failures: list[str] = []

    def __enter__(self) -> LightLoad:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        while not self._stop.wait(0.1):
            started = time.monotonic()
            try:
                self._stack.predict(seconds=2)
                self.answered += 1
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))
            self.slowest = max(self.slowest, time.monotonic() - started)
