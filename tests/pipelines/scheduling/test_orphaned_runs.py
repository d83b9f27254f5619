"""Typed flow runs whose process was killed count as crashed; those of the living go on."""

import subprocess
import sys

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.states import Completed, Running

from pipelines.flows import ad_hoc
from pipelines.process_identity import this_process
from pipelines.scheduling import orphaned_runs


@flow
def typed() -> None:
    """A run that somebody typed."""


@pytest.fixture
def client(prefect):
    with get_client(sync_client=True) as client:
        yield client


def dead_process() -> str:
    code = "from pipelines.process_identity import this_process; print(this_process())"
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()


def run_of(client, identity: str, state=None):
    return client.create_flow_run(
        typed, tags=[f"{ad_hoc.PROCESS_TAG}{identity}"], state=state or Running()
    )


def state_of(client, run) -> StateType:
    return client.read_flow_run(run.id).state.type


def test_a_run_says_whose_it_is(client):
    with ad_hoc.process_tag():
        state = typed(return_state=True)
    run = client.read_flow_run(state.state_details.flow_run_id)
    assert run.tags == [f"{ad_hoc.PROCESS_TAG}{this_process()}"]


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
