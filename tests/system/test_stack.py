"""The container stack: from a trigger to a digit, when a service dies, and over a restart."""

import subprocess
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.support.container_stack import SERVICES, LightLoad, kept_state
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def test_before_there_is_a_champion_the_service_lives_and_says_what_it_waits_for(stack):
    wait_for(lambda: stack.is_healthy("serving"))
    with pytest.raises(AssertionError, match="There is no model to answer with yet"):
        stack.predict()


def test_a_triggered_flow_ends_with_a_digit_read_by_the_new_champion(stack, first_run):
    assert first_run.returncode == 0, first_run.stdout + first_run.stderr
    assert "version 1 is the new champion" in first_run.stdout
    assert "is read as" in first_run.stdout
    assert stack.predict()["version"] == "1"


def test_prefect_plans_the_runs_of_the_schedules(stack, first_run):
    planned = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    wait_for(lambda: stack.ask_prefect("flow_runs/filter", planned), 120)


def test_everyone_becomes_healthy(stack, first_run):
    stack.wait_until_healthy()


@pytest.mark.parametrize("service", SERVICES)
def test_every_process_is_a_plain_users_and_the_root_is_read_only(stack, service):
    identity = stack.inspect(service)["Id"]

    def owners() -> set[str]:
        top = ["docker", "top", identity, "-eo", "pid,uid,args"]
        lines = subprocess.check_output(top, text=True).splitlines()[1:]
        return {line.split()[1] for line in lines if "docker-init" not in line}

    assert owners()
    wait_for(lambda: "0" not in owners(), 30)  # a health check of PostgreSQL's is soon over
    assert stack.compose("exec", "-T", service, "touch", "/usr/x").returncode != 0


def test_prefect_asks_for_a_password_and_a_run_sets_no_command(stack, first_run):
    with pytest.raises(HTTPError, match="401"):
        urlopen(Request(f"{stack.prefect}/api/work_pools/filter", b"{}"), timeout=30)
    wanted = {"deployments": {"name": {"any_": ["drift"]}}}
    (deployment,) = stack.ask_prefect("deployments/filter", wanted)
    path = f"deployments/{deployment['id']}/create_flow_run"
    refused = stack.ask_prefect(path, {"job_variables": {"command": "touch /tmp/x"}})
    assert "id" not in refused
    assert "'command' was unexpected" in refused["detail"]


def test_the_service_reaches_neither_prefect_nor_the_outside(stack):
    code = "from urllib.request import urlopen; urlopen('{}', timeout=5)"
    for url in ("http://prefect:4200/api/health", "http://1.1.1.1"):
        done = stack.compose("exec", "-T", "serving", "python", "-c", code.format(url))
        assert "URLError" in done.stderr


def test_the_databases_are_each_their_owners_alone(stack):
    query = 'psql "postgresql://feedback:$FEEDBACK_DB_PASSWORD@127.0.0.1/mlflow" -c "SELECT 1"'
    refused = stack.compose("exec", "-T", "postgres", "sh", "-c", query)
    assert "permission denied for database" in refused.stderr


@pytest.mark.parametrize("victim", ["mlflow", "prefect", "postgres", "worker"])
def test_the_endpoint_answers_while_another_service_dies_and_comes_back(stack, client, victim):
    with LightLoad(stack) as load:
        stack.crash(victim)
        stack.wait_until_healthy()
    assert load.failures == []
    assert load.answered > 20


def test_a_service_that_dies_is_back_with_the_same_champion(stack, client):
    before = stack.predict()["version"]
    stack.crash("serving")

    def answers() -> bool:
        try:
            return stack.predict()["version"] == before
        except (OSError, AssertionError):
            return False

    wait_for(answers, 60)


def test_while_no_replica_answers_the_proxy_says_so_in_json(stack):
    stack.compose("stop", "serving")
    try:
        with pytest.raises(AssertionError, match="does not answer; come again in a second"):
            stack.predict()
    finally:
        stack.compose("start", "serving")
    wait_for(stack.answers, 60)


def test_a_correction_is_stored_or_refused_never_lost(stack, client):
    held = stack.corrections()
    before = stack.correct_numbers(range(20))
    stack.crash("postgres")
    meanwhile = stack.correct_numbers(range(20, 40))
    wait_for(lambda: stack.is_healthy("postgres"))
    after = stack.correct_numbers(range(40, 60))
    assert before == after == [201] * 20
    assert set(meanwhile) <= {201, 503}
    assert stack.corrections() == held + 40 + meanwhile.count(201)


def test_after_a_restart_of_everything_nothing_is_lost(stack, client):
    before, version = kept_state(stack, client), stack.predict()["version"]
    stack.do("down", "--timeout", "60")
    stack.do("up", "--detach", "--no-deps", "serving", "proxy")
    wait_for(lambda: stack.is_healthy("serving") and stack.is_healthy("proxy"))
    assert stack.predict()["version"] == version  # with nobody else there
    stack.do("up", "--detach")
    stack.wait_until_healthy()
    assert kept_state(stack, client) == before
