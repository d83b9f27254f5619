"""What an MLflow run of ours contains, on a real store."""

import json
import os
import sqlite3
import time

import keras
import mlflow.keras
import numpy as np
import pytest
from matplotlib.figure import Figure
from mlflow.models import Model
from mlflow.store.tracking.dbmodels.models import SqlTag
from mlflow.utils.validation import MAX_TAG_VAL_LENGTH

from ann_models import archives, datasets
from ann_models.figures.animation import Animation
from ann_models.findings import Findings
from ann_models.variants import VARIANTS
from pipelines.tracking import provenance, tags
from pipelines.tracking.client import Tracking

TAGS = {"variant": "xor_mlp", "quick": "false"}


@pytest.fixture
def run_id(store) -> str:
    with store.run(store.experiment("one_neuron"), "xor_mlp", TAGS) as run_id:
        return run_id


def artifacts(store: Tracking, run_id: str, folder: str | None = None) -> set[str]:
    return {file.path for file in store.client.list_artifacts(run_id, folder)}


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


def test_a_run_whose_error_arose_from_an_interruption_was_killed(store):
    error = sqlite3.OperationalError("database is locked")
    error.__context__ = KeyboardInterrupt()
    with (
        pytest.raises(sqlite3.OperationalError),
        store.run(store.experiment("digits"), "mnist_ann", TAGS) as run_id,
    ):
        raise error
    assert store.client.get_run(run_id).info.status == "KILLED"


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


def test_a_metric_has_the_time_at_which_it_was_logged(store, run_id):
    before = time.time() * 1000
    store.log_findings(run_id, Findings({"loss": 0.5}), {})
    (metric,) = store.client.get_metric_history(run_id, "loss")
    assert before - 1 <= metric.timestamp <= time.time() * 1000


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
    # its card's title; all runs' pictures are at one step, so that the card shows them together
    assert all(path.startswith("images/Fitted curves+step+0+") for path in images)
    assert images
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


def test_a_long_note_is_kept_as_far_as_mlflow_has_room(store, run_id):
    store.note(run_id, ["." * 9000], [])
    note = store.client.get_run(run_id).data.tags[tags.NOTE]
    assert len(note) == SqlTag.__table__.c.value.type.length == MAX_TAG_VAL_LENGTH


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
