"""The container stack: from a trigger to a digit, through crashes, and over a restart."""

import subprocess
from collections.abc import Iterator

import pytest
from container_stack import BUILD_SECONDS, ROOT, SERVICES, LightLoad, Stack, why_not
from mlflow import MlflowClient
from processes import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

LONG = {"seeds": 60}  # trains until it is killed


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Iterator[Stack]:
    """One stack in which the tests of this file go on from each other's work."""
    if reason := why_not():
        pytest.skip(reason)
    stack = Stack(tmp_path_factory.mktemp("stack"))
    try:
        stack.do("build", seconds=BUILD_SECONDS)
        stack.do("up", "--detach")
        yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout", "5")


@pytest.fixture(scope="module")
def first_run(stack) -> subprocess.CompletedProcess[str]:
    script = (ROOT / "deploy/first_run.py").read_text()
    return stack.compose("exec", "-T", "worker", "python", "-", stdin=script, seconds=1200)


@pytest.fixture(scope="module")
def client(stack, first_run) -> MlflowClient:
    return MlflowClient(stack.mlflow, stack.mlflow)


def unfinished_runs(client: MlflowClient) -> list[str]:
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return [run.info.run_id for run in client.search_runs(ids, "attributes.status = 'RUNNING'")]


def picture_number(i: int) -> list[list[float]]:
    return [[float((i >> column) & 1) if row == 5 else 0.5 for column in range(28)]
            for row in range(28)]  # fmt: skip


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
    stack.wait_until_well()


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


def test_the_databases_are_each_their_owners_alone(stack):
    query = 'psql "postgresql://feedback:$FEEDBACK_DB_PASSWORD@127.0.0.1/mlflow" -c "SELECT 1"'
    refused = stack.compose("exec", "-T", "postgres", "sh", "-c", query)
    assert "permission denied for database" in refused.stderr


@pytest.mark.parametrize("victim", ["mlflow", "prefect", "postgres", "worker"])
def test_the_endpoint_answers_while_another_service_dies_and_comes_back(stack, client, victim):
    with LightLoad(stack) as load:
        stack.crash(victim)
        stack.wait_until_well()
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


def test_a_correction_is_stored_or_refused_never_lost(stack, client):
    def send(numbers: range) -> list[int]:
        return [stack.correct(picture_number(number), number % 10) for number in numbers]

    held = stack.corrections()
    before = send(range(20))
    stack.crash("postgres")
    meanwhile = send(range(20, 40))
    wait_for(lambda: stack.is_healthy("postgres"))
    after = send(range(40, 60))
    assert before == after == [201] * 20
    assert set(meanwhile) <= {201, 503}
    assert stack.corrections() == held + 40 + meanwhile.count(201)


@pytest.mark.parametrize("victim", ["worker", "prefect", "postgres", "mlflow"])
def test_a_run_in_whose_middle_something_dies_ends_and_the_next_one_completes(
    stack, client, victim
):
    run = stack.trigger(**(LONG if victim == "worker" else {"seeds": 4}))
    wait_for(lambda: unfinished_runs(client))
    with LightLoad(stack) as load:
        stack.crash(victim)
        stack.wait_until_well()
        wait_for(lambda: stack.state_of(run) in ("COMPLETED", "FAILED", "CRASHED"), 600)
    assert load.failures == []
    wait_for(lambda: not unfinished_runs(client))
    following = stack.trigger(seeds=1)
    wait_for(lambda: stack.state_of(following) in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"))
    assert stack.state_of(following) == "COMPLETED"
    assert unfinished_runs(client) == []


def test_after_a_restart_of_everything_nothing_is_lost(stack, client):
    def everything() -> tuple[object, ...]:
        ids = [experiment.experiment_id for experiment in client.search_experiments()]
        runs = {run.info.run_id: run.info.status for run in client.search_runs(ids)}
        aliases = {m.name: m.aliases for m in client.search_registered_models()}
        deployments = {d["id"] for d in stack.ask_prefect("deployments/filter", {})}
        return runs, aliases, deployments, stack.corrections()

    before, version = everything(), stack.predict()["version"]
    stack.do("down", "--timeout", "60")
    stack.do("up", "--detach", "--no-deps", "serving")
    wait_for(lambda: stack.is_healthy("serving"))
    assert stack.predict()["version"] == version  # with nobody else there
    stack.do("up", "--detach")
    stack.wait_until_well()
    assert everything() == before
