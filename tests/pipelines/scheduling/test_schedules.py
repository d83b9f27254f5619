"""Schedules in a real Prefect server: listed, changed, paused, triggered, removed."""

from datetime import timedelta

import pytest
from prefect.client.schemas.actions import (
    DeploymentScheduleUpdate,
    DeploymentUpdate,
    WorkPoolUpdate,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Cancelled, Cancelling, Completed, Crashed, Failed, Running
from prefect.types._datetime import now

from pipelines.errors import PipelineError, WrongUse
from pipelines.scheduling import schedules
from pipelines.scheduling.deployments import ScheduleSpec, connected, create
from pipelines.scheduling.work_pool import POOL
from tests.support.scheduled import begin, by_name, due

QUICK = {"names": ["relu_shapes"], "quick": True}


def add(client, name: str = "mine", **more) -> None:
    if not more.keys() & {"cron", "every"}:
        more["every"] = timedelta(hours=6)
    create(client, ScheduleSpec(name, "lecture", parameters=QUICK, **more))


# --- listed ---------------------------------------------------------------------------------------


def test_all_are_listed_by_name(client):
    add(client, "a")
    names = [schedule.name for schedule in schedules.list_schedules(client)]
    assert names == ["a", "digits", "drift", "lecture", "retrain"]


def test_a_schedule_is_shown_as_it_was_made(client):
    add(client, description="For the look.", when_busy="wait", timezone="Asia/Tokyo")
    mine = by_name(client)["mine"]
    assert (mine.flow, mine.when, mine.timezone) == ("lecture", "every 6:00:00", "Asia/Tokyo")
    assert (mine.busy, mine.paused, mine.description) == ("wait", False, "For the look.")
    assert mine.parameters == QUICK
    assert mine.last_state is None


def test_the_next_run_is_the_earliest_of_those_that_are_planned(client):
    add(client)
    assert by_name(client)["mine"].next_run is None
    later, sooner = (now("UTC") + timedelta(hours=hours) for hours in (5, 3))
    for when in (later, sooner):
        due(client, "mine", when)
    mine = by_name(client)["mine"]
    assert abs(mine.next_run - sooner) < timedelta(seconds=1)
    assert mine.last_state is None


def test_the_last_state_is_that_of_the_newest_run_that_has_begun(client):
    old, new = (due(client, "digits", now("UTC") - timedelta(hours=h)) for h in (5, 3))
    due(client, "digits", now("UTC") + timedelta(hours=1))
    client.set_flow_run_state(old.id, Failed(), force=True)
    assert by_name(client)["digits"].last_state == "Failed"
    client.set_flow_run_state(new.id, Completed(), force=True)
    assert by_name(client)["digits"].last_state == "Completed"


def test_without_a_time_a_schedule_runs_only_when_triggered(client):
    deployment = schedules.find(client, "digits")
    client.update_deployment(deployment.id, DeploymentUpdate(schedules=[]))
    digits = by_name(client)["digits"]
    assert (digits.when, digits.timezone) == ("only when triggered", "UTC")


def test_a_rule_that_somebody_made_in_prefects_ui_is_shown_as_it_is(client):
    deployment = schedules.find(client, "digits")
    rule = RRuleSchedule(rrule="FREQ=DAILY;COUNT=3", timezone="UTC")
    client.delete_deployment_schedule(deployment.id, deployment.schedules[0].id)
    client.create_deployment_schedules(deployment.id, [(rule, True)])
    assert by_name(client)["digits"].when.endswith("FREQ=DAILY;COUNT=3")


def test_runs_are_found_by_their_states_in_the_order_and_number_asked_for(client):
    times = [now("UTC") - timedelta(hours=hours) for hours in (3, 2, 1)]
    planned = [due(client, "digits", when).id for when in times]
    deployment = schedules.find(client, "digits").id
    scheduled = [StateType.SCHEDULED]
    assert [run.id for run in schedules.runs(client, deployment, scheduled)] == planned[2:]
    found = schedules.runs(
        client, deployment, scheduled, FlowRunSort.EXPECTED_START_TIME_ASC, limit=2
    )
    assert [run.id for run in found] == planned[:2]
    assert schedules.runs(client, deployment, [StateType.RUNNING]) == []


def test_an_unknown_schedule_is_answered_with_those_there_are(client):
    there = "there are: digits, drift, lecture, retrain"
    with pytest.raises(WrongUse, match=f"no schedule 'dijits'; {there}"):
        schedules.pause(client, "dijits")


def test_where_there_is_no_schedule_at_all_none_is_named(client):
    for name in by_name(client):
        schedules.remove(client, name)
    with pytest.raises(WrongUse, match="no schedule 'digits'; there are: none yet"):
        schedules.find(client, "digits")


# --- changed --------------------------------------------------------------------------------------


def test_another_cron_rule_keeps_the_time_zone(client):
    schedules.change(client, "digits", timezone="Asia/Tokyo")
    schedules.change(client, "digits", cron="0 6 * * *")
    digits = by_name(client)["digits"]
    assert (digits.when, digits.timezone) == ("0 6 * * *", "Asia/Tokyo")
    schedules.change(client, "digits", every=timedelta(hours=2))
    assert by_name(client)["digits"].timezone == "Asia/Tokyo"


def test_only_what_is_given_is_changed(client):
    schedules.change(client, "digits", parameters={"quick": True})
    schedules.change(client, "digits", timezone="Asia/Tokyo")
    schedules.change(client, "digits", when_busy="wait")
    digits = by_name(client)["digits"]
    assert (digits.when, digits.timezone, digits.busy) == ("30 4 * * *", "Asia/Tokyo", "wait")
    assert digits.parameters["quick"] is True
    assert "names" in digits.parameters


def test_another_time_zone_keeps_an_interval(client):
    add(client, every=timedelta(hours=2))
    schedules.change(client, "mine", timezone="Asia/Tokyo")
    mine = by_name(client)["mine"]
    assert (mine.when, mine.timezone) == ("every 2:00:00", "Asia/Tokyo")


def test_another_time_zone_keeps_all_rules_that_were_made_in_prefects_ui_and_those_switched_off(
    client,
):
    deployment = schedules.find(client, "digits")
    rule = RRuleSchedule(rrule="FREQ=DAILY;COUNT=3", timezone="UTC")
    interval = IntervalSchedule(interval=timedelta(hours=6), timezone="UTC")
    client.update_deployment_schedule(deployment.id, deployment.schedules[0].id, active=False)
    client.create_deployment_schedules(deployment.id, [(rule, True), (interval, False)])
    before = schedules.find(client, "digits").schedules
    schedules.change(client, "digits", timezone="Asia/Tokyo")
    after = schedules.find(client, "digits").schedules
    assert {each.schedule.timezone for each in after} == {"Asia/Tokyo"}

    def without_zone(rules):
        return {
            (each.schedule.model_copy(update={"timezone": ""}).model_dump_json(), each.active)
            for each in rules
        }

    assert without_zone(after) == without_zone(before)
    assert len(after) == 3


def test_another_rule_replaces_all_and_is_active(client):
    deployment = schedules.find(client, "digits")
    client.update_deployment_schedule(deployment.id, deployment.schedules[0].id, active=False)
    rule = RRuleSchedule(rrule="FREQ=DAILY;COUNT=3", timezone="UTC")
    client.create_deployment_schedules(deployment.id, [(rule, True)])
    schedules.change(client, "digits", cron="0 6 * * *")
    assert by_name(client)["digits"].when == "0 6 * * *"
    assert len(schedules.find(client, "digits").schedules) == 1


def with_slugs(client) -> None:
    deployment = schedules.find(client, "digits")
    rules = {
        "night": CronSchedule(cron="0 4 * * *", timezone="UTC"),
        "often": IntervalSchedule(interval=timedelta(hours=6), timezone="UTC"),
    }
    named = [
        DeploymentScheduleUpdate(schedule=rule, slug=slug, active=slug == "night")
        for slug, rule in rules.items()
    ]
    client.update_deployment(deployment.id, DeploymentUpdate(schedules=named))


def test_rules_with_slugs_are_replaced_and_moved_as_those_without(client):
    with_slugs(client)
    schedules.change(client, "digits", timezone="Asia/Tokyo")
    after = {each.slug: each for each in schedules.find(client, "digits").schedules}
    assert {slug: each.active for slug, each in after.items()} == {"night": True, "often": False}
    assert {each.schedule.timezone for each in after.values()} == {"Asia/Tokyo"}
    schedules.change(client, "digits", cron="0 6 * * *")
    (rule,) = schedules.find(client, "digits").schedules
    assert (rule.active, rule.schedule.cron, rule.schedule.timezone) == (
        True,
        "0 6 * * *",
        "Asia/Tokyo",
    )


def test_an_impossible_rule_takes_none_away(client):
    with_slugs(client)
    with pytest.raises(WrongUse):
        schedules.change(client, "digits", cron="whenever")
    assert len(schedules.find(client, "digits").schedules) == 2


def test_a_schedule_without_a_rule_takes_a_time_zone_only_with_one(client):
    deployment = schedules.find(client, "digits")
    client.update_deployment(deployment.id, DeploymentUpdate(schedules=[]))
    with pytest.raises(WrongUse, match="name one of --cron and --every"):
        schedules.change(client, "digits", timezone="Asia/Tokyo")


def test_a_change_of_parameters_keeps_the_times(client):
    before = schedules.find(client, "digits").schedules
    schedules.change(client, "digits", parameters={"seeds": 2})
    assert schedules.find(client, "digits").schedules == before


def test_runs_that_were_planned_by_the_old_rule_are_dropped(client):
    run = due(client, "digits", now("UTC") + timedelta(hours=3))
    client.update_flow_run(run.id, tags=["auto-scheduled"])
    deployment = schedules.find(client, "digits").id
    schedules.change(client, "digits", cron="0 6 * * *")
    planned = schedules.runs(client, deployment, [StateType.SCHEDULED], limit=100)
    assert all(each.expected_start_time.hour == 6 for each in planned if each.id != run.id)
    assert by_name(client)["digits"].when == "0 6 * * *"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cron": "whenever"}, "'whenever' is not a cron rule"),
        ({"timezone": "Mars"}, "'Mars' is not a time zone"),
        ({"every": timedelta(seconds=1)}, "too often"),
        ({"parameters": {"quick": 7}}, "not of type 'boolean'"),
        ({"cron": "0 0 * * *", "every": timedelta(days=1)}, "name one of --cron and --every"),
    ],
    ids=str,
)
def test_an_impossible_change_is_refused_and_changes_nothing(client, changes, sentence):
    before = by_name(client)["digits"]
    with pytest.raises(WrongUse, match=sentence), connected() as other:
        schedules.change(other, "digits", **changes)
    after = by_name(client)["digits"]
    assert (after.when, after.parameters) == (before.when, before.parameters)


# --- paused, triggered, removed -------------------------------------------------------------------


def test_a_paused_schedule_plans_nothing_and_goes_on_when_resumed(client):
    schedules.pause(client, "digits")
    assert by_name(client)["digits"].paused
    schedules.resume(client, "digits")
    assert not by_name(client)["digits"].paused


def test_a_wrong_parameter_of_a_trigger_is_refused_before_anything_runs(client):
    deployment = schedules.find(client, "digits")
    with pytest.raises(WrongUse, match=r"'quick'.*not of type"), connected() as other:
        schedules.trigger(other, "digits", {"quick": "perhaps"})
    assert schedules.runs(client, deployment.id, [StateType.SCHEDULED]) == []


def test_a_second_run_is_not_triggered_to_be_cancelled(client):
    begin(client, due(client, "digits"))
    with pytest.raises(WrongUse, match=r"digits is active .* would be cancelled"):
        schedules.trigger(client, "digits", {})
    schedules.change(client, "digits", when_busy="wait")
    assert schedules.trigger(client, "digits", {}).state.is_scheduled()


def test_a_triggered_run_has_other_parameters_for_this_once(client):
    run = schedules.trigger(client, "digits", {"quick": True})
    assert run.parameters["quick"] is True
    assert run.parameters["names"] == by_name(client)["digits"].parameters["names"]
    assert "quick" not in by_name(client)["digits"].parameters


def test_a_schedule_with_a_running_flow_is_not_removed(client):
    begin(client, due(client, "digits"))
    with pytest.raises(WrongUse, match=r"digits is active .* cancel the run"):
        schedules.remove(client, "digits")
    assert "digits" in by_name(client)


@pytest.mark.parametrize("state", [Running, Cancelling], ids=lambda state: state.__name__)
def test_a_run_that_is_not_over_keeps_its_schedule(client, state):
    run = due(client, "digits")
    for each in (Running(), state()):
        client.set_flow_run_state(run.id, each, force=True)
    with pytest.raises(WrongUse, match=rf"digits is active \({run.name}\)\. Wait until it"):
        schedules.remove(client, "digits")


def test_a_schedule_whose_runs_have_ended_is_removed_and_its_runs_stay(client):
    run = due(client, "digits")
    client.set_flow_run_state(run.id, Completed(), force=True)
    schedules.remove(client, "digits")
    assert "digits" not in by_name(client)
    assert client.read_flow_run(run.id).state.is_completed()


# --- waited for -----------------------------------------------------------------------------------


@pytest.fixture
def worker(client):
    """A worker that is online."""
    client.send_worker_heartbeat(POOL, "tests", 30)
    yield
    client.request("DELETE", f"/work_pools/{POOL}/workers/tests")


def following(client, run, *states):
    """Follow a run that goes through these states, one a look."""
    said, warned, left = [], [], iter(states)

    def proceed(sentence: str) -> None:
        said.append(sentence)
        if state := next(left, None):
            client.set_flow_run_state(run.id, state, force=True)

    return schedules.follow(client, run, proceed, warned.append, seconds=0), said, warned


@pytest.mark.parametrize("last", [Completed, Failed, Crashed, Cancelled], ids=lambda s: s.__name__)
def test_a_run_is_followed_with_a_line_a_state_until_it_has_ended(client, worker, last):
    add(client)
    run = schedules.trigger(client, "mine", {})
    ended, said, warned = following(client, run, Running(), last(message="So it ended."))
    assert ended.state.name == last.__name__
    assert said == [
        f"{run.name}: Scheduled.",
        f"{run.name}: Running.",
        f"{run.name}: {last.__name__}. So it ended.",
    ]
    assert warned == []


def test_without_a_worker_the_obstacle_is_told_at_once_and_the_wait_ends(client, monkeypatch):
    monkeypatch.setattr(schedules, "PATIENCE", 0)
    add(client)
    run, warned = schedules.trigger(client, "mine", {}), []
    with pytest.raises(PipelineError, match="is Scheduled and is not waited for any longer"):
        schedules.follow(client, run, print, warned.append, seconds=0)
    assert warned == [
        "no worker is online in the work pool 'ann'; `ann up` (or the container `worker`) starts "
        "one."
    ]
    assert client.read_flow_run(run.id).state.is_scheduled()


def test_an_obstacle_is_waited_for_and_told_once(client, monkeypatch):
    add(client)
    run, warned, looks = schedules.trigger(client, "mine", {}), [], []

    def obstacle(*_: object, **__: object) -> str:
        looks.append(0)
        if len(looks) == 3:
            client.set_flow_run_state(run.id, Completed(), force=True)
        return "no worker is online"

    monkeypatch.setattr(schedules, "obstacle", obstacle)
    ended = schedules.follow(client, run, print, warned.append, seconds=0)
    assert ended.state.is_completed()
    assert warned == ["no worker is online"]


def test_a_paused_work_pool_is_an_obstacle_until_the_run_has_begun(client, worker):
    client.update_work_pool(POOL, WorkPoolUpdate(is_paused=True))
    try:
        assert "is paused; resume it in Prefect's UI" in schedules.obstacle(client)
        assert schedules.obstacle(client, begun=True) == ""
    finally:
        client.update_work_pool(POOL, WorkPoolUpdate(is_paused=False))
    assert schedules.obstacle(client) == ""


def test_a_run_that_is_deleted_is_not_waited_for(client, worker):
    add(client)
    run = schedules.trigger(client, "mine", {})
    with pytest.raises(PipelineError, match="was deleted while it was waited for"):
        schedules.follow(client, run, lambda _: client.delete_flow_run(run.id), print, seconds=0)
