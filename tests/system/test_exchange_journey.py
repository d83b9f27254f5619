"""A champion leaves an MLflow server in a file and answers the same in a fresh state folder."""

import json

import numpy as np
import pytest
from PIL import Image

from ann_models import datasets
from tests.support.processes import Ann

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_champion_from_a_server_answers_the_same_elsewhere(ann, mlflow_server, tmp_path):
    without_mnist = {"ANN_MNIST_PATH": "", "KERAS_HOME": str(tmp_path / "no MNIST here")}
    there = without_mnist | {"MLFLOW_TRACKING_URI": mlflow_server.uri}
    assert ann("run", "mnist_ann", "--seeds", "1", **there).returncode == 0
    digit = datasets.digits("offline-digits").arrays["x_test"][0]
    picture = tmp_path / "digit.png"
    Image.fromarray(255 - np.uint8(digit * 255)).save(picture)
    before = json.loads(ann("predict", str(picture), "--json", **there).stdout)

    file = tmp_path / "champion.zip"
    exported = ann("export", "champion", str(file), **there)
    assert exported.returncode == 0, exported.stderr
    fresh = Ann(tmp_path / "fresh")
    refused = fresh("predict", str(picture))
    assert refused.returncode == 1
    imported = fresh("import", str(file), "--judge")
    assert imported.returncode == 0, imported.stderr
    assert "offline-digits version 1 [champion]: promoted" in imported.stdout
    after = json.loads(fresh("predict", str(picture), "--json").stdout)
    assert after == before

    file.write_bytes(file.read_bytes()[:-1000])
    broken = fresh("import", str(file))
    assert broken.returncode == 2
    (sentence,) = broken.stderr.splitlines()
    assert sentence.startswith(f"ann: {file} cannot be imported:")
