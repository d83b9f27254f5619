"""Typed flow runs whose process was killed count as crashed; those of the living go on."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import psutil
import pytest
from prefect import flow
from prefect.client.schemas.objects import StateType
from prefect.states import Completed, Running

from pipelines.flows import ad_hoc
from pipelines.process_identity import this_process
from pipelines.scheduling import orphaned_runs, schedules
from tests.support.scheduled import begin, due


@flow
def typed() -> None:
    """A run that somebody typed."""


def dead_process() -> str:
    code = "from pipelines.process_identity import this_process; print(this_process())"
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()


def run_of(client, identity: str, state=None):
    return client.create_flow_run(
        typed, tags=[f"{ad_hoc.PROCESS_TAG}{identity}"], state=state or Running()
    )


def state_of(client, run) -> StateType:
    return client.read_flow_run(run.id).state.type


def test_the_run_of_a_killed_process_is_closed_once_and_others_are_left(client):
    killed = run_of(client, dead_process())
    living, elsewhere = run_of(client, this_process()), run_of(client, "another-machine 1@1.0")
    ended = run_of(client, dead_process(), Completed())
    unmarked = client.create_flow_run(typed, state=Running())
    assert orphaned_runs.crash_ad_hoc(client) == [client.read_flow_run(killed.id).name]
    assert state_of(client, killed) == StateType.CRASHED
    for run in (living, elsewhere, unmarked):
        assert state_of(client, run) == StateType.RUNNING
    assert state_of(client, ended) == StateType.COMPLETED
    assert orphaned_runs.crash_ad_hoc(client) == []


# --- scheduled runs -------------------------------------------------------------------------------


def test_a_run_whose_schedule_was_deleted_under_it_stops_no_clearing_up(client):
    run = due(client, "digits")
    begin(client, run)
    client.delete_deployment(schedules.find(client, "digits").id)
    other = due(client, "lecture")
    begin(client, other)
    assert client.read_flow_run(other.id).name in orphaned_runs.crash_scheduled(
        client, timedelta(0)
    )
    client.delete_flow_run(run.id)


def test_a_run_whose_process_was_killed_counts_as_crashed_and_gives_its_place_back(client):
    run = due(client, "digits")
    begin(client, run)
    client.set_flow_run_state(run.id, Running())
    assert orphaned_runs.crash_scheduled(client) == []  # it may be about to get its process
    assert orphaned_runs.crash_scheduled(client, timedelta(0)) == [
        client.read_flow_run(run.id).name
    ]
    state = client.read_flow_run(run.id).state
    assert (state.name, state.message) == ("Crashed", "Its process was killed.")
    assert begin(client, due(client, "digits")) == "Pending"


class Client:
    """Prefect's client, with one active run of this machine."""

    def __init__(self, seconds_ago: float) -> None:
        then = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        state = SimpleNamespace(timestamp=then)
        self.run = SimpleNamespace(id=uuid4(), name="a run", labels={}, state=state)

    def read_flow_runs(self, **_):
        return [self.run]

    def set_flow_run_state(self, run_id, state, force):
        assert (run_id, state.name, force) == (self.run.id, "Crashed", True)


@pytest.mark.parametrize(
    ("seconds_ago", "crashed"), [(30, []), (90, ["a run"]), (-30, []), (-90, ["a run"])]
)
def test_a_state_is_old_after_a_minute_and_if_the_clock_was_set_back(seconds_ago, crashed):
    assert orphaned_runs.crash_scheduled(Client(seconds_ago)) == crashed


def test_a_run_with_a_process_is_left_alone(client, monkeypatch):
    run = due(client, "digits")
    begin(client, run)
    monkeypatch.setattr(
        psutil.Process, "environ", lambda process: {orphaned_runs.RUN_VARIABLE: str(run.id)}
    )
    assert orphaned_runs.crash_scheduled(client, timedelta(0)) == []


def test_another_machines_run_is_left_alone(client):
    run = due(client, "digits")
    begin(client, run)
    client.update_flow_run_labels(run.id, {orphaned_runs.WORKER_LABEL: "elsewhere"})
    assert orphaned_runs.crash_scheduled(client, timedelta(0)) == []
