"""What an MLflow run of ours contains, on a real store; and that no run stays open indefinitely."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import keras
import mlflow.keras
import numpy as np
import pytest
from matplotlib.figure import Figure
from mlflow.entities import ViewType
from mlflow.models import Model

from ann_models import archives, datasets
from ann_models.figures.animation import Animation
from ann_models.findings import Findings
from ann_models.questions import QUESTIONS
from ann_models.variants import VARIANTS
from pipelines import settings
from pipelines.errors import TrackingUnavailable
from pipelines.tracking import provenance, tags, views
from pipelines.tracking.client import Tracking

TAGS = {"variant": "xor_mlp", "quick": "false"}


@pytest.fixture
def run_id(store) -> str:
    with store.run(store.experiment("one_neuron"), "xor_mlp", TAGS) as run_id:
        return run_id


def history(store: Tracking, run_id: str, metric: str) -> dict[int, float]:
    return {m.step: m.value for m in store.client.get_metric_history(run_id, metric)}


def artifacts(store: Tracking, run_id: str, folder: str | None = None) -> set[str]:
    return {file.path for file in store.client.list_artifacts(run_id, folder)}


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


def test_experiments_of_others_are_not_ours(store):
    store.client.create_experiment("somebody else's")
    assert store.experiments() == []
    assert store.runs() == []


# --- one run --------------------------------------------------------------------------------------


def test_a_run_says_who_started_it_with_which_command_and_which_code(store, monkeypatch):
    monkeypatch.setenv("LOGNAME", "ada")
    monkeypatch.setattr("sys.argv", ["/usr/bin/ann", "run", "xor_mlp"])
    provenance.user.cache_clear()
    with store.run(store.experiment("one_neuron"), "xor_mlp", TAGS) as run_id:
        found = store.client.get_run(run_id).data.tags
    provenance.user.cache_clear()
    assert found["mlflow.user"] == "ada"
    assert found["mlflow.source.name"] == "ann run xor_mlp"
    assert found["mlflow.source.git.commit"] == found["git_commit"] == provenance.git_commit()


def test_a_run_says_which_process_writes_it(store, run_id):
    run = store.client.get_run(run_id)
    assert run.info.run_name == "xor_mlp"
    assert run.data.tags["variant"] == "xor_mlp"
    assert f" {os.getpid()}@" in run.data.tags[tags.PROCESS]


@pytest.mark.parametrize(
    ("error", "status"),
    [(ValueError("no"), "FAILED"), (KeyboardInterrupt(), "KILLED"), (SystemExit(1), "KILLED")],
)
def test_a_run_ends_however_the_work_ends(store, error, status):
    with (
        pytest.raises(type(error)),
        store.run(store.experiment("digits"), "mnist_ann", TAGS) as run_id,
    ):
        raise error
    run = store.client.get_run(run_id)
    assert run.info.status == status
    assert run.data.tags["error"].startswith(type(error).__name__)
    assert run.info.end_time


def test_a_run_that_went_well_is_finished(store, run_id):
    run = store.client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert "error" not in run.data.tags


def test_the_error_itself_is_heard_though_the_server_is_unavailable_too(store, monkeypatch):
    def unavailable(*_):
        raise ConnectionError("unavailable")

    with (
        pytest.raises(ValueError, match="the work"),
        store.run(store.experiment("digits"), "mnist_ann", TAGS),
    ):
        monkeypatch.setattr(store.client, "set_terminated", unavailable)
        raise ValueError("the work")


def test_every_setting_of_the_entry_is_a_parameter(store, run_id):
    variant, data = VARIANTS["xor_mlp"], datasets.generate("xor", 0)
    store.log_settings(run_id, variant, (0, 1, 2), data)
    logged = store.client.get_run(run_id).data.params
    expected = {**variant.settings(), "seeds": 3, "data_source": "generated"}
    assert logged == {name: str(value) for name, value in expected.items()}
    assert logged["optimizer_learning_rate"] == "0.05"
    assert logged["layers"] == "Dense 2 sigmoid True → Dense 1 sigmoid True"


def test_the_data_set_is_an_input_with_its_whole_digest(store, run_id):
    data = datasets.generate("xor", 0)
    store.log_settings(run_id, VARIANTS["xor_mlp"], (0,), data)
    run = store.client.get_run(run_id)
    (logged,) = run.inputs.dataset_inputs
    assert logged.dataset.name == "xor"
    assert logged.dataset.source_type == "generated"
    assert data.digest.startswith(logged.dataset.digest)
    assert json.loads(logged.dataset.source)["sha256"] == data.digest
    assert json.loads(logged.dataset.profile) == {"x_train": [4, 2], "y_train": [4, 1]}
    assert run.data.tags["data_sha256"] == data.digest


def test_a_row_without_data_has_no_input(store, run_id):
    store.log_settings(run_id, VARIANTS["relu_shapes"], (), datasets.generate("none", 0))
    run = store.client.get_run(run_id)
    assert run.inputs.dataset_inputs == []
    assert run.data.params["row"] == "6"


def test_more_metrics_than_one_request_may_carry_all_arrive(store, run_id):
    metrics = {f"metric_{i}": float(i) for i in range(1001)}
    store.log_findings(run_id, Findings(metrics), {})
    assert store.client.get_run(run_id).data.metrics == metrics


def test_figures_tables_curves_and_further_files_are_artifacts(store, run_id, tmp_path):
    figure = Figure()
    figure.add_subplot().plot([1, 2])
    (tmp_path / "training.npz").write_bytes(b"weights")
    findings = Findings(
        curves={"train_loss": np.ones((2, 3))},
        arrays={"fitted": np.arange(5.0)},
        figures={"fitted_curve": figure},
        tables={"seeds": {"seed": [0, 1], "loss": [np.float32(0.5), 0.25]}},
    )
    extra = {"training.npz": tmp_path / "training.npz"}
    store.log_findings(run_id, findings, extra, panel=("fitted_curve", "Fitted curves"))
    assert {"curves.npz", "training.npz", "figures", "tables"} <= artifacts(store, run_id)
    assert artifacts(store, run_id, "figures") == {"figures/fitted_curve.png"}
    folder = store.client.download_artifacts(run_id, "", str(tmp_path))
    arrays = archives.read(tmp_path / "curves.npz")
    assert arrays["train_loss"].shape == (2, 3)
    assert arrays["fitted"].tolist() == [0, 1, 2, 3, 4]
    table = json.loads((tmp_path / "tables/seeds.json").read_text())
    assert table == {"seed": [0, 1], "loss": [0.5, 0.25]}
    assert (tmp_path / "figures/fitted_curve.png").read_bytes().startswith(b"\x89PNG")
    images = artifacts(store, run_id, "images")
    assert any(path.startswith("images/Fitted curves") for path in images)  # its card's title
    assert folder


def test_an_animation_is_one_file_and_images_by_epoch_the_last_one_included(store, run_id):
    frames = np.zeros((3, 4, 6, 3), np.uint8)
    findings = Findings(animations={"boundary": Animation([0, 7, 30], frames)})
    store.log_findings(run_id, findings, {})
    images = artifacts(store, run_id, "images")
    for epoch in (0, 30):
        assert any(path.startswith(f"images/boundary+step+{epoch}+") for path in images)
    assert artifacts(store, run_id, "animations") == {"animations/boundary.gif"}


def test_the_note_shows_the_figures_in_place(store, run_id):
    store.note(run_id, ["Two hidden units bend the plane."], ["decision_regions"])
    note = store.client.get_run(run_id).data.tags[tags.NOTE]
    assert note.startswith("Two hidden units bend the plane.\n\n![]")
    assert f"figures/decision_regions.png&run_uuid={run_id}" in note


def test_a_model_is_logged_with_its_signature_at_once_and_loads_again(store, run_id):
    layers = [keras.Input((2,)), keras.layers.Dense(1, "sigmoid")]
    model = keras.Sequential(layers)
    store.log_model(run_id, model, "overfit_l2_0.01")
    started = time.monotonic()
    store.log_model(run_id, model, "overfit_l2_0.01")
    assert time.monotonic() - started < 2  # with inferred requirements: 6 to 8 s
    logged, _ = store.client.search_logged_models([store.experiment("one_neuron")])
    assert logged.source_run_id == run_id
    loaded = mlflow.keras.load_model(logged.artifact_location)
    x = np.ones((3, 2), np.float32)
    np.testing.assert_array_equal(loaded(x), model(x))
    described = Model.load(logged.artifact_location.removeprefix("file://"))
    (tensor,) = described.signature.inputs.inputs
    assert (tensor.shape, tensor.type) == ((-1, 2), np.float32)


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
