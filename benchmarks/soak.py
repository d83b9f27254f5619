"""A soak: `ann up` under mixed requests while champions change, runs are triggered and parts die.

    python -m benchmarks.soak --minutes 20

In a state folder of its own, on the offline digits: requests all the time, the alias `champion`
moved every minute, `drift` and `retrain` triggered in turn, a service killed every five minutes.
Memory, open files and processes are measured every half minute. Exit code 1 if a prediction or a
correction was lost, or anything grew.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil

CHAMPION_SECONDS = 60  # between two moves of the alias
RUN_SECONDS = 240  # between two triggered runs
FAULT_SECONDS = 300
MEASURE_SECONDS = 30
WARM_UP = 0.25  # of the time; what is measured then is not compared
GROWTH = 0.05  # of memory, from the second to the last quarter
VICTIMS = ("MLflow", "Prefect", "schedules")  # the digit service's own processes are killed, too
SERVICES = "ANN_UP_SERVICE"  # in the environment of all processes of `ann up`


@dataclass
class Soak:
    """What was seen.

    Attributes:
        minutes: how long it lasted.
        answered: requests by path and status.
        lost: requests that got no answer or a server error.
        corrections: accepted by the service, and found in its database at the end.
        moves: of the alias, and those that the service followed within 15 s.
        faults: what was killed.
        runs: flow runs by state.
        memory_mb: PSS of the services, without that of runs, by half minute.
        files: open files, likewise.
        processes: likewise.
        failures: why it did not pass.
    """

    minutes: float
    answered: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    corrections: list[int] = field(default_factory=lambda: [0, 0])
    moves: list[int] = field(default_factory=lambda: [0, 0])
    faults: list[str] = field(default_factory=list)
    runs: dict[str, int] = field(default_factory=dict)
    memory_mb: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    processes: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


class Machine:
    """`ann up` with a state folder and ports of its own."""

    def __init__(self, home: Path) -> None:
        """Take the folder; free ports are chosen."""
        self.home = home
        ports = []
        for _ in range(3):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                ports.append(str(free.getsockname()[1]))
        self.mlflow, self.prefect, self.digits = ports
        foreign = ("ANN_", "MLFLOW_", "PREFECT_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        self.environ = kept | {"ANN_HOME": str(home), "ANN_OFFLINE": "1", "ANN_SHADOW": "1"}

    def ann(self, *arguments: str) -> str:
        """Run a command to its end; its output."""
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", *arguments],
            env=self.environ,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"ann {' '.join(arguments)}: {done.stderr[-500:]}")
        return done.stdout

    def up(self) -> subprocess.Popen[bytes]:
        """Start everything."""
        ports = ["--mlflow-port", self.mlflow, "--prefect-port", self.prefect]
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", "up", *ports, "--port", self.digits],
            env=self.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, path: str, body: Any = None, seconds: float = 10) -> tuple[int, Any]:
        """Status and JSON of the digit service."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(
            f"http://127.0.0.1:{self.digits}{path}", data, {"Content-Type": "application/json"}
        )
        try:
            with urlopen(request, timeout=seconds) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")

    def ready(self) -> bool:
        """Whether all services are healthy."""
        try:
            return all(s["healthy"] for s in json.loads(self.ann("status", "--json"))["services"])
        except RuntimeError:
            return False

    def services(self) -> list[psutil.Process]:
        """All processes of the services, without those of runs."""
        found = []
        for process in psutil.process_iter():
            try:
                environ = process.environ()
            except (psutil.Error, OSError):
                continue
            ours = environ.get(SERVICES, "").startswith(f"{self.home}|")
            if ours and "PREFECT__FLOW_RUN_ID" not in environ:
                found.append(process)
        return found

    def kill(self, service: str) -> None:
        """Kill -9 a service's process."""
        for part in json.loads(_output(self, "status", "--json"))["services"]:
            if part["name"] == service and part["pid"]:
                psutil.Process(part["pid"]).kill()


def _output(machine: Machine, *arguments: str) -> str:
    """As `Machine.ann`, but a service may be unhealthy."""
    command = [sys.executable, "-m", "pipelines.cli", *arguments]
    return subprocess.run(command, env=machine.environ, capture_output=True, text=True).stdout


def _picture() -> list[list[float]]:
    """Random strokes, each unlike the others."""
    picture = [[0.0] * 28 for _ in range(28)]
    row, column = random.randint(6, 20), random.randint(6, 20)
    for _ in range(40):
        row = min(24, max(3, row + random.choice((-1, 0, 1))))
        column = min(24, max(3, column + random.choice((-1, 0, 1))))
        picture[row][column] = picture[row][column + 1] = random.uniform(0.6, 1)
    return picture


def _send(machine: Machine, soak: Soak, stop: threading.Event) -> None:
    """Mixed requests, ten a second; every third answer is corrected."""
    while not stop.wait(0.1):
        path = random.choice(("/predict", "/predict", "/predict?explain=1", "/feedback"))
        body: Any = {"image": _picture()}
        if path == "/feedback":
            body["digit"] = random.randrange(10)
        try:
            status, _ = machine.ask(path, body)
        except (OSError, ValueError) as error:
            soak.lost.append(f"{path}: {error!r}")
            continue
        soak.answered[f"{path} {status}"] += 1
        soak.corrections[0] += path == "/feedback" and status == 201
        if status >= 500:
            soak.lost.append(f"{path}: {status}")


def _move(machine: Machine, soak: Soak, numbers: list[str], name: str, second: int) -> None:
    """Move the alias; see whether the service follows."""
    from mlflow import MlflowClient

    number = numbers[second // CHAMPION_SECONDS % len(numbers)]
    uri = f"sqlite:///{machine.home / 'mlflow.db'}"
    MlflowClient(uri, uri).set_registered_model_alias(name, "champion", number)
    soak.moves[0] += 1
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            if machine.ask("/health/ready")[1].get("version") == number:
                soak.moves[1] += 1
                return
        except (OSError, ValueError):
            pass
        time.sleep(0.2)


def _measure(machine: Machine, soak: Soak) -> None:
    memory, files, count = 0, 0, 0
    for process in machine.services():
        try:
            memory += process.memory_full_info().pss
            files += process.num_fds()
            count += 1
        except psutil.Error:
            continue
    soak.memory_mb.append(memory / 1e6)
    soak.files.append(files)
    soak.processes.append(count)


def _fault(machine: Machine, soak: Soak, number: int) -> None:
    victim = (*VICTIMS, "registry process")[number % (len(VICTIMS) + 1)]
    if victim == "registry process":
        for process in machine.services():
            if "serving.process.registry" in process.cmdline():
                process.kill()
    else:
        machine.kill(victim)
    soak.faults.append(victim)


def run(minutes: float, home: Path) -> Soak:
    """Soak for some minutes; what was seen."""
    machine, soak = Machine(home), Soak(minutes)
    for seeds in ("1", "2"):  # two versions between which the alias moves
        machine.ann("run", "mnist_ann", "--seeds", seeds)
    versions = json.loads(machine.ann("models", "--json"))
    name, numbers = versions[0]["name"], [version["number"] for version in versions]
    up, stop = machine.up(), threading.Event()
    sender = threading.Thread(target=_send, args=(machine, soak, stop))
    try:
        while not machine.ready():
            if up.poll() is not None:
                raise RuntimeError(f"`ann up` ended; see {home / 'up.log'}.")
            time.sleep(2)
        sender.start()
        _go_on(machine, soak, numbers, name)
    finally:
        stop.set()
        if sender.is_alive():
            sender.join()
        up.terminate()
        up.wait()
    _judge(machine, soak)
    return soak


def _go_on(machine: Machine, soak: Soak, numbers: list[str], name: str) -> None:
    started, due = time.monotonic(), Counter[str]()
    while (elapsed := time.monotonic() - started) < soak.minutes * 60:
        if elapsed >= due["measure"]:
            due["measure"] += MEASURE_SECONDS
            _measure(machine, soak)
        if elapsed >= due["move"]:
            due["move"] += CHAMPION_SECONDS
            _move(machine, soak, numbers, name, due["move"])
        if elapsed >= due["run"]:
            schedule = ("drift", "retrain")[due["run"] // RUN_SECONDS % 2]
            due["run"] += RUN_SECONDS
            _output(machine, "schedule", "trigger", schedule)
        if elapsed >= due["fault"] + FAULT_SECONDS:
            _fault(machine, soak, due["fault"] // FAULT_SECONDS)
            due["fault"] += FAULT_SECONDS
        time.sleep(0.5)


def _judge(machine: Machine, soak: Soak) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(machine.home / "feedback.db")) as store:
        soak.corrections[1] = store.execute("SELECT count(*) FROM corrections").fetchone()[0]
    with closing(sqlite3.connect(machine.home / "prefect" / "prefect.db")) as store:
        ended = (
            "SELECT state_type, count(*) FROM flow_run WHERE state_type <> 'SCHEDULED' GROUP BY 1"
        )
        soak.runs = dict(store.execute(ended).fetchall())
    left = machine.services()
    if soak.lost:
        soak.failures.append(f"{len(soak.lost)} requests were lost: {soak.lost[:5]}")
    if soak.corrections[0] > soak.corrections[1]:
        soak.failures.append(f"corrections were lost: {soak.corrections}")
    if soak.moves[0] != soak.moves[1]:
        soak.failures.append(f"the service did not follow every move: {soak.moves}")
    if left:
        soak.failures.append(f"{len(left)} processes are left: {[p.cmdline() for p in left]}")
    for what, values in (
        ("memory", soak.memory_mb),
        ("open files", soak.files),
        ("processes", soak.processes),
    ):
        calm = values[int(len(values) * WARM_UP) :]
        third = max(1, len(calm) // 3)
        before, after = statistics.median(calm[:third]), statistics.median(calm[-third:])
        if after > before * (1 + GROWTH):
            soak.failures.append(f"{what} grew from {before:.0f} to {after:.0f}")


def main() -> None:
    """Run it, print what was seen as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=20, help="how long; 360 for a night")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soak = run(arguments.minutes, Path(folder) / "home")
    print(json.dumps(vars(soak), indent=1))
    sys.exit(bool(soak.failures))


if __name__ == "__main__":
    main()
