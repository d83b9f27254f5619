"""A backup of the running stack, read into an empty one, is the stack of before."""

import json
import subprocess

import pytest

from tests.support.container_stack import LONG, ROOT, LightLoad, picture_number, unfinished_runs
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

PICTURES = range(100, 110)


def models(stack) -> list[dict]:
    """Every version with its aliases, decision and reasons."""
    return json.loads(stack.do("exec", "-T", "worker", "ann", "models", "--json"))


def schedules(stack) -> list[dict]:
    """The schedules but for what goes on with time."""
    found = json.loads(stack.do("exec", "-T", "worker", "ann", "schedule", "--json"))
    return [{k: v for k, v in s.items() if k not in ("next_run", "last_state")} for s in found]


def finished_runs(client) -> dict[str, dict]:
    """What MLflow holds of finished runs; it names a run's models in no order."""
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    found = {}
    for run in client.search_runs(ids, "attributes.status = 'FINISHED'"):
        found[run.info.run_id] = run.to_dictionary()
        found[run.info.run_id]["outputs"]["model_outputs"].sort(key=lambda m: m["model_id"])
    return found


def artifacts(stack) -> set[str]:
    """Hash and path of each file that MLflow keeps."""
    command = "cd /var/lib/artifacts && find . -type f -exec sha256sum {} +"
    return set(stack.do("exec", "-T", "mlflow", "sh", "-c", command).splitlines())


def corrections(stack) -> str:
    query = "SELECT * FROM corrections ORDER BY id"
    psql = ["psql", "-qtA", "-U", "postgres", "-d", "feedback"]
    return stack.do("exec", "-T", "postgres", *psql, "-c", query)


def answers(stack) -> list[dict]:
    """Model, version, digit and probabilities, of each picture."""
    found = [stack.predict(picture_number(number)) for number in PICTURES]
    return [{k: v for k, v in answer.items() if k != "request_id"} for answer in found]


def everything(stack, client) -> dict[str, object]:
    return {
        "models": models(stack),
        "schedules": schedules(stack),
        "runs": finished_runs(client),
        "corrections": corrections(stack),
        "answers": answers(stack),
    }


def script(stack, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [f"deploy/{name}.sh", *arguments],
        cwd=ROOT,
        env=stack.environ | {"COMPOSE": " ".join(stack.command())},
        capture_output=True,
        text=True,
        timeout=900,
    )


def test_what_is_restored_into_an_empty_stack_is_what_was_backed_up(stack, client, tmp_path):
    second = stack.trigger(seeds=2)
    stack.wait_until_ended(second)
    changed = ["change", "lecture", "--cron", "0 6 * * 6", "--timezone", "Europe/Berlin"]
    stack.do("exec", "-T", "worker", "ann", "schedule", *changed)
    assert {stack.correct(picture_number(number), number % 10) for number in range(30)} == {201}
    before, files = everything(stack, client), artifacts(stack)
    assert len(before["models"]) >= 2
    assert len(before["runs"]) >= 2

    running = stack.trigger(**LONG)
    wait_for(lambda: unfinished_runs(client))
    folder = tmp_path / "backup"
    with LightLoad(stack) as load:
        backup = script(stack, "backup", str(folder))
    assert backup.returncode == 0, backup.stderr
    assert load.failures == []
    assert (folder.stat().st_mode & 0o777) == 0o700

    again = script(stack, "backup", str(folder))
    assert "is there already" in again.stderr
    assert stack.correct(picture_number(50), 0) == 201  # after the backup
    refused = script(stack, "restore", str(folder))
    assert refused.returncode == 1
    assert "holds something already, and nothing was changed" in refused.stderr
    assert stack.corrections() == 31

    stack.do("down", "--volumes", "--timeout", "5")
    stack.new_passwords()  # as on another machine
    restored = script(stack, "restore", str(folder))
    assert restored.returncode == 0, restored.stdout + restored.stderr
    stack.wait_until_healthy()
    wait_for(stack.answers)
    assert everything(stack, client) == before
    assert files <= artifacts(stack)

    wait_for(lambda: not unfinished_runs(client))  # what was running has no process any more
    assert stack.state_of(running) == "CRASHED"
    following = stack.trigger(seeds=1)
    assert stack.wait_until_ended(following) == "COMPLETED"
    newest = max(int(model["number"]) for model in models(stack))
    assert newest > len(before["models"])


def test_a_folder_that_is_no_whole_backup_is_refused_before_anything_starts(stack, tmp_path):
    (tmp_path / "feedback.dump").write_bytes(b"PGDMP")
    refused = script(stack, "restore", str(tmp_path))
    assert refused.returncode == 1
    assert "has no prefect.dump: it is no whole backup" in refused.stderr
