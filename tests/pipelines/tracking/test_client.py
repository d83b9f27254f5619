"""The client on a real store: experiments, which runs stand for what, and none stays open."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException

from ann_models.entry import Question
from ann_models.findings import Findings
from ann_models.questions import QUESTIONS
from ann_models.variants import VARIANTS
from pipelines import settings
from pipelines.errors import TrackingUnavailable
from pipelines.tracking import tags, views
from pipelines.tracking.client import Tracking

TAGS = {"variant": "xor_mlp", "quick": "false"}


# --- the store ------------------------------------------------------------------------------------


def test_readers_and_a_writer_of_the_embedded_store_do_not_block_each_other(store):
    with closing(sqlite3.connect(store.settings.home / "mlflow.db")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_server_that_is_unavailable_is_reported_at_once(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{free.getsockname()[1]}"
    started = time.monotonic()
    with pytest.raises(TrackingUnavailable, match="does not answer"):
        Tracking(settings.load({"ANN_HOME": str(tmp_path), "MLFLOW_TRACKING_URI": uri})).open()
    assert time.monotonic() - started < 5


def test_nothing_is_written_before_the_store_is_opened(tmp_path):
    Tracking(settings.load({"ANN_HOME": str(tmp_path)}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uri", ["sqlite:////proc/none/runs.db", "postgresql+nodriver://host/runs"])
def test_a_store_that_cannot_be_opened_is_named_with_the_reason(tmp_path, uri):
    with pytest.raises(TrackingUnavailable) as refusal:
        Tracking(settings.load({"ANN_HOME": str(tmp_path), "MLFLOW_TRACKING_URI": uri})).open()
    assert uri in str(refusal.value)
    assert "MLFLOW_TRACKING_URI" in str(refusal.value)


def test_a_store_that_is_no_database_is_named_with_the_reason(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"this is no database, however long one looks" * 50)
    with pytest.raises(TrackingUnavailable, match=r"mlflow\.db cannot be opened \(.*Repair"):
        Tracking(settings.load({"ANN_HOME": str(tmp_path)})).open()


FIRST_USE = """
import sys
from pipelines import settings
from pipelines.tracking.client import Tracking

tracking = Tracking(settings.load())
print("ready", flush=True)
sys.stdin.readline()
print(tracking.open().experiment("digits"))
"""


def test_two_first_commands_in_the_same_moment_make_one_store(tmp_path):
    commands = [
        subprocess.Popen(
            [sys.executable, "-c", FIRST_USE],
            env=os.environ | {"ANN_HOME": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for command in commands:
        assert command.stdout.readline() == "ready\n"
    found = {command.communicate("\n", timeout=200)[0] for command in commands}
    assert [command.returncode for command in commands] == [0, 0]
    assert len(found) == 1  # one experiment


# --- experiments ----------------------------------------------------------------------------------


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_has_one_experiment_with_its_note_and_comparison_views(store, question):
    identity = store.experiment(question)
    assert store.experiment(question) == identity
    found = store.client.get_experiment(identity)
    assert found.name == QUESTIONS[question].title
    assert QUESTIONS[question].look_at in found.tags[tags.NOTE]
    assert views.views_for(question).items() <= found.tags.items()


def test_quick_looks_are_kept_apart(store):
    assert store.experiment("digits", quick=True) != store.experiment("digits")
    assert [e.name for e in store.experiments()] == [
        QUESTIONS["digits"].title,
        QUESTIONS["digits"].title + " (quick look)",
    ]


def test_an_older_note_or_view_is_renewed(store):
    identity = store.experiment("digits")
    store.client.set_experiment_tag(identity, tags.NOTE, "what an older release said")
    store.experiment("digits")
    note = store.client.get_experiment(identity).tags[tags.NOTE]
    assert QUESTIONS["digits"].look_at in note


def test_two_who_make_an_experiment_at_once_get_the_same(store, monkeypatch):
    look_up = store.client.get_experiment_by_name
    answers = iter([None, None])
    monkeypatch.setattr(
        store.client, "get_experiment_by_name", lambda title: next(answers, look_up(title))
    )
    with ThreadPoolExecutor(2) as both:
        one, other = both.map(store.experiment, ["digits", "digits"])
    assert one == other


@pytest.mark.parametrize("of", ["a question", "one's own question", "a monitoring experiment"])
def test_an_experiment_that_was_deleted_comes_back_with_its_next_run(store, of):
    made = {
        "a question": lambda: store.experiment("digits"),
        "one's own question": lambda: store.add_question(Question("mine", "My title", "Look.")),
        "a monitoring experiment": lambda: store.monitoring_experiment("Drift", "Look at it."),
    }[of]
    identity = made()
    store.client.delete_experiment(identity)
    assert made() == identity
    with store.run(identity, "the next", {}):
        pass
    assert [experiment.experiment_id for experiment in store.experiments()] == [identity]


def test_two_who_restore_an_experiment_at_once_get_the_same(store, monkeypatch):
    identity = store.experiment("digits")
    store.client.delete_experiment(identity)
    restore = store.client.restore_experiment

    def restored_by_both(experiment):
        restore(experiment)  # the other's
        restore(experiment)

    monkeypatch.setattr(store.client, "restore_experiment", restored_by_both)
    assert store.experiment("digits") == identity


def test_an_experiment_that_cannot_be_restored_says_why(store, monkeypatch):
    store.client.delete_experiment(store.experiment("digits"))

    def refused(experiment):
        raise MlflowException("no permission")

    monkeypatch.setattr(store.client, "restore_experiment", refused)
    with pytest.raises(MlflowException, match="no permission"):
        store.experiment("digits")


def test_experiments_of_others_are_not_ours(store):
    store.client.create_experiment("somebody else's")
    assert store.experiments() == []
    assert store.runs() == []


# --- all runs -------------------------------------------------------------------------------------


def a_run(store: Tracking, name: str, quick: str = "false") -> str:
    experiment = store.experiment(VARIANTS[name].question, quick == "true")
    with store.run(experiment, name, {"variant": name, "quick": quick}) as run_id:
        store.log_findings(run_id, Findings({"test_accuracy": 0.97}), {})
    store.make_newest(run_id, name, experiment)
    return run_id


def test_only_the_newest_run_of_a_variant_stands_for_it(store):
    a_run(store, "mnist_ann")
    newest, other = a_run(store, "mnist_ann"), a_run(store, "mnist_cnn")
    assert [run.info.run_id for run in store.newest("digits")] == [newest, other]
    assert {name: run.info.run_id for name, run in store.newest_by_variant().items()} == {
        "mnist_ann": newest,
        "mnist_cnn": other,
    }


def test_a_quick_look_never_stands_for_a_variant(store):
    full = a_run(store, "mnist_ann")
    a_run(store, "mnist_ann", quick="true")
    assert store.newest_by_variant()["mnist_ann"].info.run_id == full


def test_a_failed_run_does_not_replace_a_finished_one(store):
    good = a_run(store, "mnist_ann")
    with pytest.raises(ValueError), store.run(store.experiment("digits"), "mnist_ann", TAGS):
        raise ValueError
    assert [run.info.run_id for run in store.newest("digits")] == [good]


def test_a_logged_run_is_summed_up_for_the_panels_across_runs(store):
    run = store.client.get_run(a_run(store, "mnist_ann"))
    summary = store.summary(run)
    assert (summary.name, summary.metrics) == ("mnist_ann", {"test_accuracy": 0.97})


# --- runs whose process was killed ----------------------------------------------------------------


def left_running(store: Tracking, process: str) -> str:
    about = {"variant": "mnist_ann", tags.PROCESS: process}
    return store.client.create_run(store.experiment("digits"), tags=about).info.run_id


def status(store: Tracking, run_id: str) -> str:
    return store.client.get_run(run_id).info.status


def test_a_run_whose_process_was_really_killed_is_closed_by_the_next_command(store):
    code = (
        "from pipelines import settings; from pipelines.tracking.client import Tracking\n"
        "t = Tracking(settings.load()).open()\n"
        "with t.run(t.experiment('digits'), 'mnist_ann', {'variant': 'mnist_ann'}) as run_id:\n"
        "    print(run_id, flush=True); input()"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"ANN_HOME": str(store.settings.home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    run_id = writer.stdout.readline().strip()
    assert Tracking(store.settings).open() and status(store, run_id) == "RUNNING"  # it is running
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=30)
    Tracking(store.settings).open()
    assert status(store, run_id) == "KILLED"
    assert "killed" in store.client.get_run(run_id).data.tags["error"]


@pytest.mark.parametrize("process", ["another-machine 1@1000000000.00", ""])
def test_runs_of_other_machines_and_programs_are_left_to_them(store, process):
    run_id = left_running(store, process)
    assert store.end_orphaned_runs() == []
    assert status(store, run_id) == "RUNNING"


def test_a_tag_that_nobody_can_read_counts_as_a_dead_process(store):
    run_id = left_running(store, f"{socket.gethostname()} garbled")
    assert store.end_orphaned_runs() == [run_id]


def test_deleted_runs_stay_deleted(store):
    run_id = left_running(store, f"{socket.gethostname()} 1@1")
    store.client.delete_run(run_id)
    assert store.end_orphaned_runs() == []
    experiment = store.experiment("digits")
    assert store.client.search_runs([experiment], run_view_type=ViewType.DELETED_ONLY)
