"""`ann code`: a script on standard output, or files that are never overwritten."""

import os
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from click.testing import CliRunner, Result

from ann_models import datasets
from ann_models.findings import Findings
from ann_models.training import train
from ann_models.variants import VARIANTS
from pipelines import settings
from pipelines.cli import code as command
from pipelines.cli.main import main
from tests.support.processes import ASCII_LOCALE

NAME = "relu_regression_1"


def ann_code(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["code", *arguments])


def test_it_prints_a_script_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = ann_code(NAME)
    assert result.exit_code == 0
    compile(result.stdout, NAME, "exec")
    assert not list(tmp_path.iterdir())


def test_a_changed_row_and_one_of_a_table_are_written_too(tmp_path):
    changed = ann_code(NAME, "--set", "layers.0.activation=tanh")
    assert "activation = 'tanh'" in changed.stdout
    table = tmp_path / "mine.toml"
    table.write_text(f'[[variant]]\nname = "mine"\nlike = "{NAME}"\nepochs = 7\n')
    own = ann_code("--table", str(table), "mine")
    assert "epochs = 7" in own.stdout
    wrong = ann_code(NAME, "--set", "layers.0.activation=tan")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "did you mean tanh" in wrong.stderr


def test_a_script_is_written_in_utf_8_whatever_the_locale(tmp_path):
    command = [sys.executable, "-m", "pipelines.cli", "code", "overfit_l2_0.1"]
    done = subprocess.run(
        [*command, "--output", str(tmp_path)], env=os.environ | ASCII_LOCALE, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert "λ" in (tmp_path / "overfit_l2_0.1.py").read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_is_wrong_use(tmp_path):
    (tmp_path / "file").touch()
    result = ann_code(NAME, "--output", str(tmp_path / "file" / "folder"))
    assert result.exit_code == 2
    assert f"{tmp_path / 'file' / 'folder'}" in result.stderr
    assert "--output" in result.stderr


def test_a_notebook_is_written_and_never_overwritten(tmp_path):
    assert ann_code(NAME, "--notebook", "--output", str(tmp_path)).exit_code == 0
    path = tmp_path / f"{NAME}.ipynb"
    path.write_text("my own notes")
    again = ann_code(NAME, "--notebook", "--output", str(tmp_path))
    assert again.exit_code == 2
    assert "not overwritten" in again.stderr
    assert path.read_text() == "my own notes"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["relu_regresion_1"], "did you mean relu_regression_1"),
        (["neurons"], "relu_regression_1, relu_regression_2"),
        (["perceptron"], "trains nothing with Keras"),
        (["best_cnn"], "learns from the networks of teachers"),
    ],
)
def test_a_name_without_a_script_is_wrong_use_with_a_reason(arguments, message):
    result = ann_code(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not result.stdout


@pytest.fixture
def trained(store, tmp_path, monkeypatch):
    """A store in which the newest run of NAME trained the seeds 0 and 1; its networks."""
    variant = replace(VARIANTS[NAME], epochs=1)
    training = train(variant, datasets.generate(variant.data, 0), (0, 1))
    training.save(tmp_path / "training.npz")
    experiment = store.experiment(variant.question)
    with store.run(experiment, NAME, {"variant": NAME, "quick": "false"}) as run_id:
        extra = {"training.npz": tmp_path / "training.npz"}
        store.log_findings(run_id, Findings({"train_loss": 1.0}), extra)
    store.make_newest(run_id, NAME, experiment)
    loaded = settings.load({"ANN_HOME": str(tmp_path)})
    monkeypatch.setattr(command.session, "load_settings", lambda: loaded)
    return training.models


def test_weights_are_those_of_the_newest_run_and_the_seed(trained, tmp_path):
    folder = tmp_path / "out"
    result = ann_code(NAME, "--weights", "--seed", "1", "--output", str(folder))
    assert result.exit_code == 0, result.output
    loaded = keras.models.load_model(folder / f"{NAME}.keras")
    pairs = zip(loaded.get_weights(), trained[1].get_weights(), strict=True)
    assert all(np.array_equal(found, expected) for found, expected in pairs)
    assert f"load_model('{NAME}.keras')" in (folder / f"{NAME}.py").read_text()


def test_weights_of_a_seed_that_was_not_trained_are_refused(trained, tmp_path):
    result = ann_code(NAME, "--weights", "--seed", "7", "--output", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert "trained the seeds 0, 1, not 7" in result.stderr
    assert not (tmp_path / "out").exists()


def test_weights_of_a_variant_without_a_run_are_refused(store, tmp_path, monkeypatch):
    loaded = settings.load({"ANN_HOME": str(tmp_path)})
    monkeypatch.setattr(command.session, "load_settings", lambda: loaded)
    result = ann_code(NAME, "--weights", "--output", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert f"{NAME} is not trained yet; `ann run {NAME}` trains it." in result.stderr
    assert not (tmp_path / "out").exists()


def test_the_command_that_trains_a_changed_row_is_named_with_its_changes(
    store, tmp_path, monkeypatch
):
    loaded = settings.load({"ANN_HOME": str(tmp_path)})
    monkeypatch.setattr(command.session, "load_settings", lambda: loaded)
    changes = ["--set", "epochs=3", "--set", "layers.0=dense 8 tanh"]
    result = ann_code(NAME, "--weights", *changes, "--output", str(tmp_path / "out"))
    trains = f"ann run {NAME} --set epochs=3 --set 'layers.0=dense 8 tanh'"
    assert f"not trained yet; `{trains}` trains it." in result.stderr
