"""`ann schedule`: every wish a command, every mistake a sentence, all of it kept by Prefect."""

import json
import os
import shlex
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result
from prefect.states import Cancelled

from pipelines.cli.main import main
from pipelines.cli.schedule import add
from pipelines.errors import Locked
from pipelines.locks import exclusive_lock
from pipelines.process_identity import this_process
from pipelines.scheduling import deployments, schedules
from pipelines.scheduling.deployments import connected
from tests.support.scheduled import usual_schedules


@pytest.fixture
def home(tmp_path):
    before = dict(os.environ)
    os.environ |= {"ANN_HOME": str(tmp_path / "home"), "COLUMNS": "200"}
    os.environ.pop("PREFECT_API_URL", None)
    yield tmp_path / "home"
    os.environ.clear()  # what a command exports is forgotten
    os.environ.update(before)


@pytest.fixture
def ann(prefect, home):
    """Run a command on the server, with the usual schedules."""
    os.environ["PREFECT_API_URL"] = prefect

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["schedule", *arguments])

    with usual_schedules():
        yield run


def listed(ann) -> dict[str, dict]:
    return {schedule["name"]: schedule for schedule in json.loads(ann("--json").stdout)}


def test_all_schedules_are_listed_with_what_they_run_and_when(ann):
    table = ann().stdout
    assert "digits" in table and "30 4 * * *" in table
    assert 'names=["mnist_ann", "mnist_cnn", "mnist_augmented", "handwriting_cnn"]' in table
    assert listed(ann)["lecture"].keys() >= {"flow", "when", "timezone", "next_run", "paused"}


def test_one_is_added_changed_paused_resumed_and_removed(ann):
    depth = ["depth", "--every", "6h", "--param", 'names=["relu_shapes"]', "--param", "quick=true"]
    assert ann("add", *depth).stdout == "depth is added.\n"
    assert listed(ann)["depth"]["when"] == "every 6:00:00"
    assert listed(ann)["depth"]["parameters"] == {"names": ["relu_shapes"], "quick": True}

    new = ["--cron", "0 6 * * 1-5", "--timezone", "Europe/Berlin", "--when-busy", "wait"]
    assert ann("change", "depth", *new).exit_code == 0
    depth = listed(ann)["depth"]
    assert (depth["when"], depth["timezone"]) == ("0 6 * * 1-5", "Europe/Berlin")
    assert depth["busy"] == "wait"

    assert ann("change", "depth", "--param", "quick=false").exit_code == 0  # that alone
    assert not listed(ann)["depth"]["parameters"]["quick"]

    assert ann("pause", "depth").exit_code == 0
    assert listed(ann)["depth"]["paused"]
    assert "paused" in ann().stdout
    assert ann("resume", "depth").exit_code == 0
    assert not listed(ann)["depth"]["paused"]

    assert ann("remove", "depth").exit_code == 0
    assert "depth" not in listed(ann)


def test_one_at_a_time_is_added_so_that_no_twin_is_overwritten(ann, home, monkeypatch):
    made = []

    def create(client, spec) -> None:
        with pytest.raises(Locked), exclusive_lock(home / "schedules.lock", seconds=0):
            pass
        made.append(spec.name)

    monkeypatch.setattr(deployments, "create", create)
    assert ann("add", "twin", "--every", "6h").exit_code == 0
    assert made == ["twin"]


def test_one_is_triggered_with_other_parameters_for_this_once(ann):
    triggered = ann("trigger", "digits", "--param", "quick=true")
    assert triggered.exit_code == 0
    assert "/runs/flow-run/" in triggered.stdout
    assert "quick" not in listed(ann)["digits"]["parameters"]
    with connected() as client:
        deployment = schedules.find(client, "digits")
        states = [schedules.StateType.SCHEDULED]
        run = schedules.runs(client, deployment.id, states)[0]
    assert run.parameters["quick"] is True
    assert run.parameters["names"] == [
        "mnist_ann",
        "mnist_cnn",
        "mnist_augmented",
        "handwriting_cnn",
    ]


def test_a_trigger_that_no_worker_starts_says_so(ann):
    triggered = ann("trigger", "digits")
    assert triggered.exit_code == 0
    assert "ann: no worker is online in the work pool 'ann'; `ann up`" in triggered.stderr


def test_a_run_that_does_not_complete_is_exit_code_1(ann, monkeypatch):
    def follow(client, run, tell, warn):
        return run.model_copy(update={"state": Cancelled()})

    monkeypatch.setattr(schedules, "follow", follow)
    assert ann("trigger", "digits", "--wait").exit_code == 1


def test_ctrl_c_ends_the_wait_and_says_that_the_run_goes_on(ann, monkeypatch):
    def follow(client, run, tell, warn):
        raise KeyboardInterrupt

    monkeypatch.setattr(schedules, "follow", follow)
    interrupted = ann("trigger", "digits", "--wait")
    assert interrupted.exit_code == 1
    assert "/runs/flow-run/" in interrupted.stdout
    assert "is not waited for any longer, but goes on" in interrupted.stderr
    assert "KILLED" not in interrupted.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["pause", "nonsense"], "no schedule 'nonsense'; there are: digits, drift, lecture"),
        (["remove", ""], "there is no schedule ''; there are: digits, drift, lecture, retrain."),
        (["pause", ""], "there is no schedule ''"),
        (["resume", ""], "there is no schedule ''"),
        (["change", "", "--timezone", "UTC"], "there is no schedule ''"),
        (["trigger", ""], "there is no schedule ''"),
        (["add", "x", "--cron", "never"], "ann: 'never' is not a cron rule"),
        (["add", "x", "--every", "soon"], "'soon' is not a length of time; write 90m, 6h or 1d."),
        (["add", "x"], "ann: name one of --cron and --every"),
        (["add", "x", "--every", "1d", "--param", "quick"], "'quick' is not KEY=VALUE"),
        (["add", "x", "--every", "1d", "--param", "quick=7"], "7 is not of type 'boolean'"),
        (["add", "x", "--cron", ""], "ann: '' is not a cron rule"),
        (["add", "x", "--every", "1d", "--timezone", ""], "ann: '' is not a time zone"),
        (["change", "digits", "--cron", ""], "ann: '' is not a cron rule"),
        (["change", "digits", "--timezone", ""], "ann: '' is not a time zone"),
        (["change", "digits"], "name what is to change"),
        (["trigger", "digits", "--param", "speed=1"], "'speed' was unexpected"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_a_sentence_and_exit_code_2(ann, arguments, sentence):
    answer = ann(*arguments)
    assert answer.exit_code == 2, answer.output
    assert sentence in answer.stderr
    assert "Traceback" not in answer.output


def test_the_page_of_a_triggered_run_is_where_browsers_reach_prefect(ann, monkeypatch):
    monkeypatch.setenv("PREFECT_UI_URL", "http://127.0.0.1:4242/")
    triggered = ann("trigger", "digits")
    assert "digits is started: http://127.0.0.1:4242/runs/flow-run/" in triggered.stdout


def test_the_page_is_named_without_the_password_of_the_address(ann, prefect, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", prefect.replace("://", "://bob:s3cret@"))
    triggered = ann("trigger", "digits")
    page = prefect.removesuffix("/api")
    assert f"digits is started: {page}/runs/flow-run/" in triggered.stdout
    assert "s3cret" not in triggered.output


def test_an_empty_address_of_prefects_pages_counts_as_not_set(ann, prefect, monkeypatch):
    monkeypatch.setenv("PREFECT_UI_URL", "")
    page = prefect.removesuffix("/api")
    assert f"digits is started: {page}/runs/flow-run/" in ann("trigger", "digits").stdout


def test_the_example_of_the_help_runs(ann):
    """What is typed as it stands there, after `ann schedule`."""
    words = shlex.split(add.epilog.splitlines()[2])[2:]
    answer = ann(*words)
    assert answer.exit_code == 0, answer.output
    assert listed(ann)["neurons"]["parameters"] == {"names": ["neurons"]}


def test_beside_ann_up_its_prefect_server_is_asked_and_no_other(ann, prefect, home):
    """In processes of their own, in which Prefect is not imported yet."""
    home.mkdir(exist_ok=True)
    document = {"process": this_process(), "prefect_api_url": prefect, "pid": os.getpid()}
    document["home"] = str(home.resolve())
    (home / "up.json").write_text(json.dumps(document))
    environ = {name: v for name, v in os.environ.items() if name != "PREFECT_API_URL"}

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "pipelines.cli", "schedule", *arguments]
        return subprocess.run(
            command, env=environ, capture_output=True, text=True, timeout=200, check=True
        ).stdout

    assert "digits" in run()
    run("add", "first", "--every", "6h")
    assert "first" in listed(ann)
    assert not (home / "prefect" / "prefect.db").exists()


def test_nothing_is_triggered_where_nothing_would_run_it(home):
    answer = CliRunner().invoke(main, ["schedule", "trigger", "digits"])
    assert answer.exit_code == 2
    assert "start `ann up` first" in answer.stderr
