"""Runs of the container stack in whose middle processes are killed."""

import pytest

from tests.support.container_stack import (
    LONG,
    LightLoad,
    assert_recovered,
    kept_state,
    unfinished_runs,
)
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("victim", ["worker", "prefect", "postgres", "mlflow"])
def test_a_run_in_whose_middle_something_dies_ends_and_the_next_one_completes(
    stack, client, victim
):
    run = stack.trigger(**(LONG if victim == "worker" else {"seeds": 4}))
    wait_for(lambda: unfinished_runs(client))
    with LightLoad(stack) as load:
        stack.crash(victim)
        stack.wait_until_healthy()
        stack.wait_until_ended(run)
    assert load.failures == []
    assert stack.state_of(run) != "CANCELLED"
    assert_recovered(stack, client)


@pytest.mark.parametrize("moment", ["number > {0}", "number > {0} and 'decision' in tags"])
def test_mlflow_that_dies_at_a_registration_leaves_no_half_a_champion(stack, client, moment):
    (model,) = client.search_registered_models()
    newest = max(int(version.version) for version in model.latest_versions)
    starts = stack.inspect("mlflow")["RestartCount"]
    ambush = stack.crash_mlflow_at(moment.format(newest))
    run = stack.trigger(seeds=1)
    with LightLoad(stack) as load:
        stack.wait_until_ended(run)
        ambush.wait(30)
    assert load.failures == []
    assert stack.inspect("mlflow")["RestartCount"] == starts + 1
    assert_recovered(stack, client)


def test_after_everything_was_killed_in_the_middle_of_a_run_nothing_is_lost(stack, client):
    held = stack.corrections()
    stack.trigger(**LONG)
    wait_for(lambda: unfinished_runs(client))
    (run,) = unfinished_runs(client)
    before = kept_state(stack, client)
    assert stack.correct_numbers(range(60, 70)) == [201] * 10
    stack.do("kill")
    stack.do("up", "--detach")
    stack.wait_until_healthy()
    wait_for(lambda: not unfinished_runs(client))
    runs, *others = kept_state(stack, client)
    assert runs == before[0] | {run: "KILLED"}
    assert others == [*before[1:3], held + 10]
    assert_recovered(stack, client)
