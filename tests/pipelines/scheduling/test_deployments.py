"""Schedules in a real Prefect server: made once, kept as people change them, never two at once."""

import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.server.schemas.schedules import CronSchedule
from prefect.states import Completed, Pending, Running
from prefect.types._datetime import now
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker

from ann_models.errors import InvalidSetting
from ann_models.questions import QUESTIONS
from ann_models.variants import VARIANTS
from pipelines.errors import WrongUse
from pipelines.scheduling import deployments, schedules
from pipelines.scheduling.deployments import DEFAULTS, ScheduleSpec, connected, create, prepare
from pipelines.scheduling.work_pool import JOB_TEMPLATE, POOL
from tests.support.scheduled import begin, by_name, due

DIGIT_NETWORKS = ["mnist_ann", "mnist_cnn", "mnist_augmented", "handwriting_cnn"]
QUICK = {"names": ["relu_shapes"], "quick": True}


# --- what is there --------------------------------------------------------------------------------


def test_the_usual_schedules_are_there_from_the_start(client):
    found = by_name(client)
    assert found.keys() == {spec.name for spec in DEFAULTS}
    assert found["digits"].parameters["names"] == DIGIT_NETWORKS
    assert found["lecture"].when == "0 3 * * 0"
    assert not found["lecture"].paused


def test_who_asks_for_a_run_sets_neither_its_command_nor_its_environment(client):
    template = client.read_work_pool(POOL).base_job_template
    asked = {"command": "touch /tmp/x", "env": {"PYTHONPATH": "/tmp"}, "working_dir": "/tmp"}
    configured = asyncio.run(ProcessJobConfiguration.from_template_and_values(template, asked))
    assert (configured.command, configured.env, configured.working_dir) == (None, {}, None)


def test_the_work_pool_of_an_earlier_version_gets_the_fixed_job(client):
    template = ProcessWorker.get_default_base_job_template()
    client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=template))
    prepare(client)
    assert client.read_work_pool(POOL).base_job_template == JOB_TEMPLATE


def test_what_people_change_remove_and_pause_is_not_made_again(client):
    schedules.change(client, "digits", cron="5 5 * * *", timezone="Europe/Berlin")
    schedules.pause(client, "digits")
    schedules.remove(client, "lecture")
    prepare(client)
    found = by_name(client)
    assert found.keys() == {spec.name for spec in DEFAULTS} - {"lecture"}
    assert (found["digits"].when, found["digits"].timezone) == ("5 5 * * *", "Europe/Berlin")
    assert found["digits"].paused


def test_a_default_that_is_new_in_the_code_is_made(client, monkeypatch):
    new = ScheduleSpec("new", "lecture", every=timedelta(hours=1))
    monkeypatch.setattr(deployments, "DEFAULTS", (*DEFAULTS, new))
    schedules.remove(client, "lecture")
    prepare(client)
    names = {spec.name for spec in DEFAULTS} - {"lecture"}
    assert by_name(client).keys() == names | {"new"}


def test_a_retraining_that_drift_does_not_start_any_more_is_started_by_it_again(client):
    retrain = f"prefect.deployment.{schedules.find(client, 'retrain').id}"
    client.delete_resource_owned_automations(retrain)
    prepare(client)
    assert len(client.read_resource_related_automations(retrain)) == 1


def test_the_form_follows_the_code_and_leaves_the_rest(client):
    deployment = schedules.find(client, "digits")
    old = deployments.DeploymentUpdate(
        entrypoint="pipelines.flows.lecture", parameter_openapi_schema={"type": "object"}
    )
    client.update_deployment(deployment.id, old)
    prepare(client)
    after = schedules.find(client, "digits")
    assert after.parameter_openapi_schema == deployments.parameters_of("lecture")
    assert after.entrypoint == deployments.FLOWS["lecture"]
    assert after.parameters == deployment.parameters
    assert after.schedules == deployment.schedules


def test_the_form_is_typed_and_offers_the_lectures_variants(client):
    properties = schedules.find(client, "digits").parameter_openapi_schema["properties"]
    assert properties["quick"]["type"] == "boolean"
    assert properties["names"]["anyOf"][0]["items"]["enum"] == [*QUESTIONS, *VARIANTS]
    assert all("description" in p for p in properties.values())


# --- what can be asked for ------------------------------------------------------------------------


def test_a_schedule_runs_at_an_interval(client):
    create(client, ScheduleSpec("often", "lecture", every=timedelta(hours=6), parameters=QUICK))
    assert by_name(client)["often"].when == "every 6:00:00"


def test_the_first_schedule_of_all_makes_the_work_pool(client):
    for name in by_name(client):
        schedules.remove(client, name)
    client.delete_work_pool(POOL)
    create(client, ScheduleSpec("first", "lecture", every=timedelta(hours=6)))
    assert by_name(client).keys() == {"first"}
    assert client.read_work_pool(POOL).concurrency_limit == deployments.MAX_CONCURRENT


@pytest.mark.parametrize("name", ["", " ", "a/b", "a%b", "a\nb", "<a>", "a" * 101, " a"])
def test_names_that_no_address_can_hold_are_refused(prefect, name):
    with connected() as client, pytest.raises(WrongUse, match="cannot be a schedule's name"):
        create(client, ScheduleSpec(name, "lecture", every=timedelta(hours=6)))


def test_a_question_stands_for_its_variants(client):
    create(
        client,
        ScheduleSpec("q", "lecture", every=timedelta(days=1), parameters={"names": ["neurons"]}),
    )
    assert by_name(client)["q"].parameters == {"names": ["neurons"]}


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (
            ScheduleSpec("digits", "lecture", cron="0 0 * * *"),
            "there is a schedule 'digits' already",
        ),
        (
            ScheduleSpec("x", "nonsense", cron="0 0 * * *"),
            "no flow 'nonsense'; choose one of lecture",
        ),
        (
            ScheduleSpec("x", "lecture", cron="* * * * * *"),
            r"'\* \* \* \* \* \*' is not a cron rule; expected five",
        ),
        (
            ScheduleSpec("x", "lecture", cron="0 3 * *"),
            "is not a cron rule; expected five",
        ),
        (
            ScheduleSpec("x", "lecture", cron="whenever"),
            "'whenever' is not a cron rule; expected five",
        ),
        (
            ScheduleSpec("x", "lecture", cron="0 0 * * *", timezone="Mars"),
            "'Mars' is not a time zone",
        ),
        (ScheduleSpec("x", "lecture", every=timedelta(seconds=1)), "every 0:00:01 is too often"),
        (ScheduleSpec("x", "lecture"), "name one of --cron and --every"),
        (
            ScheduleSpec("x", "lecture", "0 0 * * *", timedelta(days=1)),
            "name one of --cron and --every",
        ),
        (
            ScheduleSpec("x", "lecture", cron="0 0 * * *", parameters={"quick": 7}),
            "'quick'.*7 is not of type 'boolean'",
        ),
        (ScheduleSpec("x", "lecture", cron="0 0 * * *", parameters={"speed": 7}), "'speed'"),
        (ScheduleSpec("x", "lecture", cron="0 0 * * *", parameters={"names": ["ann"]}), "ann"),
    ],
    ids=lambda value: "" if isinstance(value, ScheduleSpec) else value[:30],
)
def test_what_cannot_be_is_refused_with_a_message(prefect, plan, sentence):
    with pytest.raises(WrongUse, match=sentence), connected() as client:
        if plan.name == "digits":
            prepare(client)
        create(client, plan)


# --- what is decided ------------------------------------------------------------------------------


def test_a_run_that_is_due_while_another_is_running_is_cancelled(client):
    first, second = due(client, "digits"), due(client, "digits")
    assert begin(client, first) == "Pending"
    assert begin(client, second) == "Cancelled"
    client.set_flow_run_state(first.id, Running())
    assert begin(client, due(client, "digits")) == "Cancelled"
    assert begin(client, due(client, "lecture")) == "Pending"  # another schedule is not hindered


def test_of_three_schedules_for_two_places_the_third_waits_until_one_is_free(client):
    create(client, ScheduleSpec("third", "lecture", every=timedelta(days=1), parameters=QUICK))
    wanted = [due(client, name) for name in ("digits", "lecture", "third")]

    def offered() -> list:
        found = client.get_scheduled_flow_runs_for_work_pool(POOL, scheduled_before=now("UTC"))
        return [each.flow_run.id for each in found if each.flow_run.id in {r.id for r in wanted}]

    first, second = offered()  # no more than there are places
    for run in (first, second):
        client.set_flow_run_state(run, Pending())
        client.set_flow_run_state(run, Running())
    assert offered() == []
    client.set_flow_run_state(first, Completed())
    (third,) = offered()
    assert {first, second, third} == {run.id for run in wanted}


def test_where_clocks_change_a_time_that_is_missing_moves_and_one_that_is_double_runs_once():
    berlin = ZoneInfo("Europe/Berlin")

    def times(cron: str, day: datetime, count: int) -> list[str]:
        schedule = CronSchedule(cron=cron, timezone="Europe/Berlin")
        found = asyncio.run(schedule.get_dates(count, day.replace(tzinfo=berlin)))
        return [time.astimezone(berlin).strftime("%d. %H:%M %Z") for time in found]

    assert times("30 2 * * *", datetime(2027, 3, 28), 2) == ["28. 01:30 CET", "29. 02:30 CEST"]
    assert times("30 2 * * *", datetime(2027, 10, 31), 2) == ["31. 02:30 CEST", "01. 02:30 CET"]
    hourly = times("0 * * * *", datetime(2027, 10, 31, 1), 3)
    assert hourly == ["31. 01:00 CEST", "31. 02:00 CEST", "31. 03:00 CET"]


def test_it_waits_where_that_is_wanted(client):
    schedules.change(client, "digits", when_busy="wait")
    first, second = due(client, "digits"), due(client, "digits")
    assert begin(client, first) == "Pending"
    assert begin(client, second) == "AwaitingConcurrencySlot"


def test_a_machine_that_slept_makes_up_one_of_the_runs_it_missed(client):
    missed = [due(client, "digits", now("UTC") - timedelta(days=days)) for days in (3, 2, 1)]
    assert [begin(client, run) for run in missed] == ["Pending", "Cancelled", "Cancelled"]


# --- changed settings -----------------------------------------------------------------------------

ROW = ["relu_regression_1"]


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"names": ROW, "changes": {"epochs": "0"}}, "epochs=0: expected 1 to 1,000,000"),
        ({"names": ROW, "changes": {"epoch": "9"}}, "did you mean epochs"),
        ({"changes": {"epochs": "9"}}, "name the variants in which this is changed"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_before_their_hour(client, parameters, sentence):
    with pytest.raises(InvalidSetting, match=sentence):
        create(client, ScheduleSpec("mine", "lecture", parameters=parameters, cron="0 2 * * *"))
    with pytest.raises(InvalidSetting, match=sentence):
        schedules.change(client, "lecture", parameters=parameters)
    with pytest.raises(InvalidSetting, match=sentence):
        schedules.trigger(client, "lecture", parameters)
    assert "mine" not in by_name(client)


@pytest.mark.parametrize(
    "changes", [{"epochs": 9}, ["epochs=9"], "epochs=9", {"epochs": None}], ids=repr
)
def test_settings_of_another_type_are_refused_by_prefect_with_the_field(client, changes):
    parameters = {"names": ROW, "changes": changes}
    with pytest.raises(WrongUse, match="Validation failed for field 'changes"), connected() as own:
        create(own, ScheduleSpec("mine", "lecture", parameters=parameters, cron="0 2 * * *"))


def test_changed_settings_are_checked_with_the_names_that_the_schedule_has(client):
    schedules.change(client, "lecture", parameters={"names": ROW})
    schedules.change(client, "lecture", parameters={"changes": {"epochs": "9"}})
    assert by_name(client)["lecture"].parameters == {"names": ROW, "changes": {"epochs": "9"}}


# --- a table of one's own -------------------------------------------------------------------------


def test_a_table_is_scheduled_by_its_whole_path(client, tmp_path, monkeypatch):
    (tmp_path / "mine.toml").write_text('[[variant]]\nname = "a"\nlike = "relu_regression_1"\n')
    monkeypatch.chdir(tmp_path)
    create(
        client, ScheduleSpec("mine", "lecture", cron="0 2 * * *", parameters={"table": "mine.toml"})
    )
    assert by_name(client)["mine"].parameters == {"table": str(tmp_path / "mine.toml")}


OF_A_TABLE = '[[variant]]\nname = "a"\nlike = "relu_regression_1"\n'


def test_the_names_of_a_scheduled_table_are_its_own(client, tmp_path):
    (tmp_path / "mine.toml").write_text(OF_A_TABLE)
    table = {"table": str(tmp_path / "mine.toml")}
    own = table | {"names": ["a"]}
    create(client, ScheduleSpec("mine", "lecture", cron="0 2 * * *", parameters=own))
    assert by_name(client)["mine"].parameters == own
    deployments.prepare(client)  # as at each start of the worker
    schedules.change(client, "mine", parameters={"names": ["neurons", "a"]})
    with (
        pytest.raises(WrongUse, match="'relu_regression_1' is not one of"),
        connected() as refusing,
    ):
        schedules.change(refusing, "mine", parameters={"names": ["relu_regression_1"]})


def test_a_schedule_of_the_lecture_becomes_one_of_a_table_which_may_be_moved(client, tmp_path):
    (tmp_path / "mine.toml").write_text(OF_A_TABLE)
    own = {"table": str(tmp_path / "mine.toml"), "names": ["a"]}
    schedules.change(client, "lecture", parameters=own)
    (tmp_path / "mine.toml").unlink()
    deployments.prepare(client)  # its next run says that the table is not there
    assert by_name(client)["lecture"].parameters == own


def test_a_table_in_the_home_of_nobody_is_not_scheduled():
    with pytest.raises(InvalidSetting, match="is no path that can be read"):
        deployments.checked({"table": "~nosuchuser/mine.toml"})


def test_a_table_with_a_fault_is_not_scheduled(client, tmp_path):
    (tmp_path / "mine.toml").write_text('[[variant]]\nname = "a"\nlike = "relu_regresion_1"\n')
    wrong = {"table": str(tmp_path / "mine.toml")}
    with pytest.raises(InvalidSetting, match=r"line 3, a\.like: did you mean relu_regression_1"):
        create(client, ScheduleSpec("mine", "lecture", cron="0 2 * * *", parameters=wrong))
    assert "mine" not in by_name(client)
