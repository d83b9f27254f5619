"""What a job uses, in its own process and in another."""

import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import cloudpickle
import numpy as np
import pytest

from ann_models import networks
from ann_models.datasets import Dataset
from ann_models.training.result import Training
from ann_models.variants import VARIANTS
from pipelines.errors import WrongUse
from pipelines.feedback.requests import Corrections
from pipelines.flows.context import Context, require_examples
from pipelines.flows.progress import ProgressReporter, Terminal, reporting_to

VARIANT = VARIANTS["linear_classification"]
ARRAYS = {"x_train": np.zeros((4, 2), np.float32), "y_train": np.zeros(4, np.float32)}


@pytest.fixture
def context(store, tmp_path, monkeypatch) -> Context:
    monkeypatch.setenv("ANN_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Context.open()


def test_two_jobs_share_no_state(context, tmp_path, monkeypatch):
    monkeypatch.setenv("ANN_HOME", str(tmp_path / "other"))
    assert Context.open().settings.home == tmp_path / "other"
    assert context.settings.home == tmp_path


def test_it_reports_to_the_callers_reporter_only_while_that_is_given(context):
    terminal = Terminal()
    with reporting_to(terminal):
        assert Context.open().progress is terminal
    assert type(Context.open().progress) is ProgressReporter


def test_only_its_settings_go_to_another_process(context):
    context.load_dataset(context.save_dataset(Dataset("large", "made", ARRAYS)).path)
    message = cloudpickle.dumps(context)
    assert len(message) < 2_000
    there = cloudpickle.loads(message)
    assert there.settings == context.settings
    assert there.tracking.experiments() == context.tracking.experiments()
    assert type(there.progress) is ProgressReporter


def test_a_data_set_is_written_once_and_read_as_it_was(context):
    data = Dataset("points", "made", ARRAYS)
    file = context.save_dataset(data)
    assert context.save_dataset(data) == file
    assert context.load_dataset(file.path).digest == data.digest
    assert context.load_dataset(file.path) is context.load_dataset(file.path)


@pytest.mark.parametrize("name", ["a" * 205, "a" * 251, "ü" * 125], ids=["205", "251", "ü"])
def test_a_data_set_has_a_file_whatever_the_length_of_its_name(context, name):
    file = context.save_dataset(Dataset(name, "own", ARRAYS))
    assert context.load_dataset(file.path).name == name


def test_a_data_set_that_is_used_again_is_not_old(context):
    """`ann prune` removes what nobody used for long."""
    data = Dataset("points", "made", ARRAYS)
    assert context.saved_dataset("points", data.digest) is None
    path = Path(context.save_dataset(data).path)
    os.utime(path, (1, 1))
    assert context.saved_dataset("points", data.digest) == path
    assert path.stat().st_mtime > 1


def test_a_data_set_that_is_removed_just_before_its_use_is_written_again(context, monkeypatch):
    data = Dataset("points", "made", ARRAYS)
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path.suffix == ".npz" or exists(path))
    path = context.save_dataset(data).path  # `ann prune` removed what was there a moment ago
    assert context.load_dataset(path).digest == data.digest


@pytest.mark.parametrize(("size", "refused"), [(31, True), (30, False), (None, False)])
def test_a_changed_row_asks_for_no_more_pictures_than_there_are(size, refused):
    digits = Dataset("digits", "offline-digits", {"x_train": np.zeros((30, 28, 28), np.float32)})
    changed = replace(VARIANTS["mnist_ann"], name="changed", derived_from="mnist_ann")
    require_examples(VARIANTS["mnist_data_size_500"], digits)  # a row of the lecture takes all
    message = r"data.size=31, and offline-digits has 30 pictures .* set data.size to 30 or less"
    with pytest.raises(WrongUse, match=message) if refused else nullcontext():
        require_examples(replace(changed, train_size=size), digits)


def test_a_variant_uses_no_more_digits_than_its_entry_says(context):
    x = np.zeros((30, 28, 28), np.float32)
    digits = Dataset("digits", "made", {"x_train": x, "y_train": np.arange(30) % 10})
    file = context.save_dataset(digits)
    few = VARIANTS["mnist_data_size_500"]
    assert len(context.dataset_of(few, file).arrays["x_train"]) == 30
    assert len(context.dataset_of(VARIANTS["mnist_ann"], file).arrays["x_train"]) == 30


def test_corrections_join_whatever_part_of_the_digits_a_variant_uses(context):
    arrays = {"x_train": np.zeros((600, 28, 28), np.float32), "y_train": np.arange(600) % 10}
    file = context.save_dataset(Dataset("digits", "made", arrays))
    made = Corrections(np.ones((30, 28, 28), np.float32), np.full(30, 7), np.arange(30.0))
    corrections = context.save_dataset(made.dataset("made")).path
    corrected = replace(file, corrections=corrections)
    for name, digits, learned in (("mnist_data_size_500", 500, 25), ("mnist_ann", 600, 30)):
        data = context.dataset_of(VARIANTS[name], corrected)
        assert len(data.arrays["y_train"]) == digits + learned  # at most a twentieth
        assert data.arrays["x_train"][digits:].all()
        assert (data.arrays["y_train"][digits:] == 7).all()
        assert data.digest != context.dataset_of(VARIANTS[name], file).digest


def test_what_was_trained_is_handed_over_once_and_then_read_from_its_file(context):
    model = networks.build(VARIANT, (2,), 0)
    training = Training([model], (0,), {"train_loss": np.array([[0.5]])}, seconds=1.0)
    path = context.save_training(training, "run")
    data = Dataset("points", "made", ARRAYS)
    assert context.load_training(path, VARIANT, data) is training
    again = context.load_training(path, VARIANT, data)
    assert again is not training
    assert again.weights_sha256 == training.weights_sha256
    context.remove_work("run")
    assert not (context.settings.work / "run").exists()


def test_an_upstream_run_is_downloaded_once_a_job(context):
    asked = []

    def download():
        asked.append("download")
        return Training([], (), {}, seconds=0.0)

    assert context.upstream_training("run", download) is context.upstream_training("run", download)
    assert asked == ["download"]
