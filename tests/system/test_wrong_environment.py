"""A wrong environment, a full disk, one variant that fails: a sentence, the right exit code."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest

from tests.support.processes import PATIENCE


@pytest.mark.parametrize(
    "environ",
    [
        {"ANN_HOME": "/dev/null/home"},
        {"MLFLOW_TRACKING_URI": "htp://127.0.0.1:5000"},
        {"MLFLOW_TRACKING_URI": "http://127.0.0.1:99999"},
        {"PREFECT_API_URL": "127.0.0.1:4200"},
    ],
    ids=lambda environ: next(iter(environ)),
)
def test_a_wrong_environment_is_refused_before_anything_starts(ann, environ):
    job = ann("run", "relu_shapes", **environ)
    assert job.returncode == 2
    assert job.stdout == ""
    (sentence,) = job.stderr.splitlines()
    assert sentence.startswith("ann: ")
    (value,) = environ.values()
    assert value in sentence


def test_a_wrong_setting_of_prefect_is_one_sentence_without_its_own_words(ann):
    job = ann("schedule", PREFECT_LOGGING_LEVEL="loud")
    assert job.returncode == 2
    temporary, sentence = job.stderr.splitlines()
    assert temporary.startswith("ann: `ann up` is not running")
    assert sentence.startswith("ann: PREFECT_LOGGING_LEVEL is 'loud'. Input should be")


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["truncated", "of wrong shapes"])
def test_a_wrong_mnist_is_refused_before_a_run_begins(ann, tmp_path, fault):
    path = tmp_path / "mnist.npz"
    np.savez(path, **{name: np.zeros((3, 28, 28), np.uint8) for name in ("x_train", "x_test")})
    if fault == "truncated":
        path.write_bytes(path.read_bytes()[:2000])
    job = ann("run", "mnist_samples", "relu_shapes", ANN_MNIST_PATH=str(path))
    assert job.returncode == 2
    sentence = job.stderr.splitlines()[-1]
    assert sentence.startswith("ann: ANN_MNIST_PATH does not lead to MNIST.")
    assert str(path) in sentence
    assert "Traceback" not in job.stderr
    assert ann.statuses() == []


@pytest.mark.slow
def test_one_variant_that_fails_is_named_and_the_others_are_finished(ann):
    broken = (
        "import ann_models.studies as studies; studies._MODULES['losses'] = 'nowhere'\n"
        "from pipelines.cli.main import main; main()"
    )
    job = subprocess.run(
        [sys.executable, "-c", broken, "run", "relu_shapes", "losses", "gradient_descent"],
        env=ann.environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert job.returncode == 1
    assert job.stderr.splitlines()[-1] == ("ann: losses failed; all else is finished and logged.")
    assert "! losses: ModuleNotFoundError: No module named" in job.stderr
    assert "relu_shapes" in job.stdout
    assert "Traceback" not in job.stderr
    assert ann.statuses()[:3] == [
        ("relu_shapes", "FINISHED"),
        ("losses", "FAILED"),
        ("gradient_descent", "FINISHED"),
    ]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_full_disk_ends_the_job_and_keeps_what_is_finished(ann, small_disk):
    home = {"ANN_HOME": str(small_disk / "home")}
    database = small_disk / "home/mlflow.db"
    assert ann("run", "relu_shapes", **home).returncode == 0
    for file in database.parent.rglob("*.db"):  # what a write-ahead log holds would be freed later
        with closing(sqlite3.connect(file)) as store:
            store.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    free = os.statvfs(small_disk)
    (small_disk / "filler").write_bytes(b"." * (free.f_bavail * free.f_bsize - 400_000))
    job = ann("run", "linear_classification", "relu_shapes", **home)
    assert job.returncode == 1
    assert "Make room; then repeat the command" in job.stderr.splitlines()[-1]
    assert "Traceback" not in job.stdout + job.stderr

    (small_disk / "filler").unlink()
    compared = ann("compare", **home)
    assert "relu_shapes" in compared.stdout
    statuses = ann.statuses(database)
    assert statuses[0] == ("relu_shapes", "FINISHED")
    assert "RUNNING" not in dict(statuses).values()


@pytest.fixture
def artifact_disk(ann):
    """The artifacts of a state folder on a file system of their own, with room for two runs."""
    place = ann.home / "artifacts"
    place.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_an_artifact_store_that_cannot_be_written_leaves_no_run_open_and_no_half_a_version(
    ann, artifact_disk, fault, tmp_path
):
    digits = {"ANN_MNIST_PATH": "", "KERAS_HOME": str(tmp_path / "no MNIST here")}
    assert ann("run", "mnist_ann", "--seeds", "1", **digits).returncode == 0
    before = json.loads(ann("models", "--name", "offline-digits", "--json").stdout)
    if fault == "full":
        free = os.statvfs(artifact_disk)
        (artifact_disk / "filler").write_bytes(b"." * (free.f_bavail * free.f_bsize - 100_000))
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(artifact_disk)], check=True)
    job = ann("run", "mnist_ann", "--seeds", "1", **digits)
    assert job.returncode == 1
    remedy = "Make room" if fault == "full" else "Mount it for writing"
    assert remedy in job.stderr.splitlines()[-1]
    assert "Traceback" not in job.stdout + job.stderr
    assert ("mnist_ann", "FAILED") in ann.statuses()
    assert "RUNNING" not in dict(ann.statuses()).values()
    assert json.loads(ann("models", "--name", "offline-digits", "--json").stdout) == before

    if fault == "full":
        (artifact_disk / "filler").unlink()
    else:
        subprocess.run(["mount", "-o", "remount,rw", str(artifact_disk)], check=True)
    assert ann("run", "mnist_ann", "--seeds", "1", **digits).returncode == 0
    after = json.loads(ann("models", "--name", "offline-digits", "--json").stdout)
    assert len(after) == len(before) + 1
    assert [v["aliases"] for v in after if "champion" in v["aliases"]] == [["champion"]]
