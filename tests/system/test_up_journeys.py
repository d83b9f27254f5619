"""`ann up` for real: from nothing to a scheduled run, through killed services, to nothing."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager

import psutil
import pytest

from pipelines.local.process_tags import tagged, terminate_orphans
from tests.support.processes import Ann
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Up:
    """`ann up` on free ports, its output in a file."""

    def __init__(self, ann: Ann) -> None:
        self.ann = ann
        self.ports = free_ports(3)
        self.out = ann.home.parent / "up.txt"
        options = zip(("--mlflow-port", "--prefect-port", "--port"), self.ports, strict=True)
        self.arguments = ["up", *(str(word) for pair in options for word in pair)]
        with self.out.open("a") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pipelines.cli", *self.arguments],
                env=ann.environ,
                cwd=ann.home.parent,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def services(self) -> dict[str, dict]:
        """What `ann status --json` says, by name."""
        document = json.loads(self.ann("status", "--json").stdout)
        return {service["name"]: service for service in document["services"]}

    def healthy(self) -> bool:
        assert self.process.poll() is None, self.out.read_text()
        return all(service["healthy"] for service in self.services().values())

    def left(self) -> list[psutil.Process]:
        """Processes that it started, however deep."""
        return [*tagged(str(self.ann.home))]

    def ports_taken(self) -> list[int]:
        def is_taken(port: int) -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        return [port for port in self.ports if is_taken(port)]

    def flow_runs(self) -> list[tuple[str, str]]:
        """Name and state of every flow run that is not merely planned."""
        with closing(sqlite3.connect(self.ann.home / "prefect" / "prefect.db")) as store:
            query = (
                "SELECT name, state_type FROM flow_run WHERE state_type != 'SCHEDULED' "
                "ORDER BY created"
            )
            return list(store.execute(query))


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for free in sockets:
        free.bind(("127.0.0.1", 0))
    ports = [free.getsockname()[1] for free in sockets]
    for free in sockets:
        free.close()
    return ports


@contextmanager
def up(ann: Ann):
    started = Up(ann)
    try:
        wait_for(started.healthy)
        yield started
    finally:
        if started.process.poll() is None:
            started.process.kill()
        started.process.wait(timeout=30)
        terminate_orphans(str(ann.home))


def test_from_nothing_through_a_killed_service_and_a_scheduled_run_to_nothing(ann):
    with up(ann) as running:
        before = running.services()
        assert before["digits"]["message"] == "waiting for a champion: run `ann run mnist_ann`"
        assert "ann run mnist_ann" in running.out.read_text()

        os.kill(before["MLflow"]["pid"], signal.SIGKILL)
        wait_for(lambda: running.services()["MLflow"]["restarts"] == 1)
        wait_for(running.healthy)
        assert running.services()["MLflow"]["pid"] != before["MLflow"]["pid"]
        assert (
            "MLflow is unavailable: ended by signal 9; restarts in 1 s" in running.out.read_text()
        )

        once = ["--param", 'names=["relu_shapes"]', "--param", "quick=true", "--wait"]
        triggered = ann("schedule", "trigger", "digits", *once)
        assert triggered.returncode == 0, triggered.stdout + triggered.stderr
        assert ann.statuses() == [("relu_shapes", "FINISHED")]

        beside = ann("run", "relu_shapes", "--quick")
        assert beside.returncode == 0, beside.stderr
        assert [state for _, state in running.flow_runs()] == ["COMPLETED", "COMPLETED"]

        second = ann(*running.arguments)
        assert second.returncode == 2
        assert f"runs already for {ann.home} (process {running.process.pid})" in second.stderr

        assert len(running.left()) >= 4
        os.killpg(running.process.pid, signal.SIGINT)
        assert running.process.wait(timeout=90) == 0
        assert running.left() == []
        assert running.ports_taken() == []
        status = ann("status")
        assert status.returncode == 1
        assert "not started: `ann up`" in status.stdout


def test_a_typed_run_that_is_killed_beside_it_is_running_nowhere(ann):
    with up(ann) as running:
        typed = ann.start("run", "overfit_base", "--seeds", "60")
        ann.wait_until_running("overfit_base")
        wait_for(lambda: [state for _, state in running.flow_runs()] == ["RUNNING"])
        os.killpg(typed.pid, signal.SIGKILL)
        typed.communicate(timeout=30)
        wait_for(lambda: [state for _, state in running.flow_runs()] == ["CRASHED"], 120)
        wait_for(lambda: ann.statuses() == [("overfit_base", "KILLED")], 120)


def test_a_killed_parent_leaves_no_process_and_no_port(ann):
    with up(ann) as running:
        running.process.kill()
        running.process.wait(timeout=10)
        wait_for(lambda: not running.left(), 60)
        assert running.ports_taken() == []


def test_a_worker_killed_in_a_run_leaves_it_running_nowhere_and_schedules_outlive_a_restart(ann):
    with up(ann) as running:
        assert ann("schedule", "remove", "lecture").returncode == 0
        assert ann("schedule", "change", "digits", "--cron", "5 5 * * *").returncode == 0
        long = ["--param", 'names=["overfit_base"]', "--param", "seeds=100"]
        assert ann("schedule", "trigger", "digits", *long).returncode == 0
        ann.wait_until_running("overfit_base")

        refused = ann("schedule", "trigger", "digits")
        assert refused.returncode == 2
        assert "digits is active" in refused.stderr

        worker = running.services()["schedules"]["pid"]
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: ann.statuses() == [("overfit_base", "KILLED")], 120)
        wait_for(lambda: [state for _, state in running.flow_runs()] == ["CRASHED"], 120)
        wait_for(running.healthy)

        again = ["--param", 'names=["relu_shapes"]', "--param", "quick=true", "--wait"]
        assert ann("schedule", "trigger", "digits", *again).returncode == 0  # the place is free
        os.killpg(running.process.pid, signal.SIGTERM)
        assert running.process.wait(timeout=90) == 0

    with up(ann) as running:
        schedules = json.loads(ann("schedule", "--json").stdout)
        when = {s["name"]: s["when"] for s in schedules}
        assert when["digits"] == "5 5 * * *"
        assert "lecture" not in when
