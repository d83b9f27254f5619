"""The main job on real MNIST, from data to a digit read from a file."""

import json
import os
import re
import shutil

import numpy as np
import pytest
from mlflow import MlflowClient
from PIL import Image

from ann_models.variants import VARIANTS
from tests.support.processes import Ann

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NAMES = ("linear_classification", "relu_shapes", "mnist_samples", "mnist_ann")
A_WORD_OF_OURS = re.compile(r"▸ .+|! .+| +\d+/\d+ \w+ +✓ +[\d.]+ s")


@pytest.fixture(scope="module")
def ann(tmp_path_factory, mnist) -> Ann:
    """One state folder in which the tests of this file go on from each other's work."""
    return Ann(tmp_path_factory.mktemp("job") / "home")


@pytest.fixture(scope="module")
def job(ann):
    return ann("run", "--json", "--seeds", "1", *NAMES)


@pytest.fixture(scope="module")
def document(job) -> dict:
    return json.loads(job.stdout)


@pytest.fixture(scope="module")
def client(ann, job) -> MlflowClient:
    return MlflowClient(f"sqlite:///{ann.home}/mlflow.db")


@pytest.fixture(scope="module")
def pictures(ann, mnist) -> list:
    """The first twenty test digits as files, ink black on white paper as people write."""
    folder = ann.home.parent / "digits"
    folder.mkdir()
    paths = []
    for i, digit in enumerate(mnist.arrays["x_test"][:20]):
        paths.append(folder / f"{i}.png")
        Image.fromarray(255 - np.uint8(digit * 255)).save(paths[-1])
    return paths


def test_it_ends_well_and_prints_its_report_alone(job, document):
    assert job.returncode == 0, job.stderr
    assert document.keys() == {"pipeline_run_id", "data", "rows", "champion"}
    assert document["data"] == "mnist"
    assert document["champion"] == {"name": "mnist-digits", "version": "1"}
    assert [row["name"] for row in document["rows"]] == list(NAMES)
    for row in document["rows"]:
        assert {"name", "status", "run_id", "seconds", "metrics"} <= row.keys()
        assert row["status"] == "finished"


def test_the_terminal_shows_our_words_and_no_librarys(job):
    strangers = [line for line in job.stderr.splitlines() if not A_WORD_OF_OURS.fullmatch(line)]
    assert strangers == []


def test_every_run_is_finished_with_parameters_figures_and_its_data(document, client):
    for row in document["rows"]:
        run = client.get_run(row["run_id"])
        assert run.info.status == "FINISHED"
        assert run.data.params["row"] == str(VARIANTS[row["name"]].row)
        assert run.data.tags["pipeline_run_id"] == document["pipeline_run_id"]
        figures = client.list_artifacts(row["run_id"], "figures")
        assert all(figure.file_size > 2_000 for figure in figures)
        assert figures
        if VARIANTS[row["name"]].data != "none":
            (data,) = run.inputs.dataset_inputs
            assert len(run.data.tags["data_sha256"]) == 64
            assert run.data.tags["data_sha256"].startswith(data.dataset.digest)


def test_the_network_reads_more_than_96_of_100_unseen_digits(document):
    (row,) = (row for row in document["rows"] if row["name"] == "mnist_ann")
    assert row["metrics"]["test_accuracy"] > 0.96


def test_curves_are_there_by_epoch(document, client):
    (row,) = (row for row in document["rows"] if row["name"] == "mnist_ann")
    for metric in ("train_loss", "val_loss", "train_accuracy", "val_accuracy"):
        assert [m.step for m in client.get_metric_history(row["run_id"], metric)] == [1, 2, 3, 4, 5]


def test_the_champion_reads_real_digits_from_files(ann, job, mnist, pictures):
    answers = json.loads(ann("predict", "--json", *map(str, pictures)).stdout)
    right = [
        answer["digit"] == label
        for answer, label in zip(answers, mnist.arrays["y_test"][:20], strict=True)
    ]
    assert sum(right) >= 19
    assert {answer["data"] for answer in answers} == {"mnist"}
    assert {answer["version"] for answer in answers} == {"1"}


def test_runs_and_versions_are_shown(ann, job):
    compared = ann("compare")
    assert all(name in compared.stdout for name in NAMES)
    versions = ann("models").stdout
    assert versions.startswith("mnist-digits version 1 [champion]\n  mnist_ann: promoted, 9")


def test_the_same_seed_again_gives_the_same_weights_and_deposes_nobody(ann, document, client):
    again = ann("run", "mnist_ann", "--seeds", "1", "--json")
    assert again.returncode == 0, again.stderr
    second = json.loads(again.stdout)
    assert second["champion"] == {"name": "mnist-digits", "version": "1"}
    runs = [document["rows"][-1]["run_id"], second["rows"][-1]["run_id"]]
    hashes = {client.get_run(run).data.tags["weights_sha256"] for run in runs}
    assert len(hashes) == 1
    refused = client.get_model_version("mnist-digits", "2")
    assert refused.tags["decision"] == "refused"
    assert refused.tags["reasons"]


def test_a_moved_state_folder_goes_on_working(ann, job, pictures):
    moved = Ann(ann.home.parent / "moved")
    shutil.copytree(ann.home, moved.home, ignore=shutil.ignore_patterns("served", "prefect"))
    os.rename(ann.home, ann.home.with_name("aside"))
    try:
        answer = moved("predict", str(pictures[0]))
    finally:
        os.rename(ann.home.with_name("aside"), ann.home)
    assert answer.returncode == 0, answer.stderr
    assert f"{pictures[0]}: 7" in answer.stdout
    assert f"was moved from {ann.home}" in answer.stderr
