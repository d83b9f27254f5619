"""Runs of the container stack while a service is stopped for long."""

import time

import pytest

from tests.support.container_stack import LightLoad, assert_recovered, kept_state, unfinished_runs
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

LONGER_THAN_ANYBODY_WAITS = 90  # seconds


def test_a_run_that_finds_no_mlflow_fails_and_leaves_the_champion_alone(stack, client):
    before = kept_state(stack, client)
    stack.do("stop", "--timeout", "5", "mlflow")
    with LightLoad(stack) as load:
        run = stack.trigger(seeds=1)
        stack.wait_until_ended(run)
    assert load.failures == []
    assert stack.state_of(run) == "FAILED"
    stack.do("start", "mlflow")
    stack.wait_until_healthy()
    assert kept_state(stack, client) == before
    assert_recovered(stack, client)


@pytest.mark.parametrize("stopped", ["mlflow", "prefect", "postgres"])
def test_a_run_in_whose_middle_something_is_unavailable_for_long_ends(stack, client, stopped):
    run = stack.trigger(seeds=4)
    wait_for(lambda: unfinished_runs(client))
    with LightLoad(stack) as load:
        stack.do("stop", "--timeout", "5", stopped)
        time.sleep(LONGER_THAN_ANYBODY_WAITS)
        stack.do("start", stopped)
        stack.wait_until_healthy()
        stack.wait_until_ended(run)
    assert load.failures == []
    assert stack.state_of(run) != "CANCELLED"
    assert_recovered(stack, client)
