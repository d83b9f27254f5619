"""The main job on a machine that cannot have MNIST."""

import json

import pytest
from mlflow import MlflowClient
from PIL import Image

from ann_models.digits.offline_digits import load

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_the_offline_digits_stand_in_and_say_so_everywhere(ann, tmp_path):
    nowhere = {"ANN_MNIST_PATH": "", "KERAS_HOME": str(tmp_path), "HOME": str(tmp_path)}
    job = ann("run", "mnist_ann", "--seeds", "1", **nowhere)
    assert job.returncode == 0, job.stderr
    assert "OFFLINE DIGITS" in job.stderr
    assert "OFFLINE DIGITS, not MNIST" in job.stdout

    client = MlflowClient(f"sqlite:///{ann.home}/mlflow.db")
    assert [model.name for model in client.search_registered_models()] == ["offline-digits"]
    (run,) = client.search_runs(["1"], "tags.variant = 'mnist_ann'")
    assert run.data.tags["data_source"] == "offline-digits"
    assert client.get_model_version("offline-digits", "1").tags["data"] == "offline-digits"

    images, labels = load()
    Image.fromarray((images[0] * 255).astype("uint8")).save(tmp_path / "digit.png")
    result = ann("predict", str(tmp_path / "digit.png"), **nowhere)
    assert "OFFLINE DIGITS answers" in result.stderr
    assert "trained on offline-digits" in result.stdout
    (answer,) = json.loads(ann("predict", "--json", str(tmp_path / "digit.png"), **nowhere).stdout)
    assert answer["data"] == "offline-digits"
    assert answer["digit"] == labels[0]
