"""Time to accuracy: every seed in a process of its own, and their means."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import ann_models.training
from ann_models import datasets
from ann_models.variants import VARIANTS
from benchmarks import accuracy
from benchmarks.accuracy import TimeToAccuracy
from benchmarks.errors import CannotMeasure


def ended(monkeypatch, code=0, stdout="", stderr=""):
    """Let every process end so; the commands that were started."""
    commands = []

    def run(command, *, capture_output, text, cwd):
        assert capture_output and text
        assert (cwd / "benchmarks/accuracy.py").exists()  # from wherever it is started
        commands.append(command)
        return SimpleNamespace(returncode=code, stdout=stdout, stderr=stderr)

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_every_variant_is_trained_with_every_seed(monkeypatch):
    monkeypatch.setattr(accuracy, "_trained", lambda name, seed: (10.0 + seed, len(name) / 10))
    said = []
    found = accuracy.measure(["one", "three"], seeds=2, say=said.append)
    assert found == [
        TimeToAccuracy("one", [10, 11], [0.3, 0.3]),
        TimeToAccuracy("three", [10, 11], [0.5, 0.5]),
    ]
    assert said == ["one, 2 seeds …", "three, 2 seeds …"]


def test_the_networks_that_are_compared_are_in_the_table():
    assert set(accuracy.NAMES) <= set(VARIANTS)


def test_the_document_has_the_means_of_the_seeds():
    (row,) = accuracy.document([TimeToAccuracy("one", [1.0, 4.0], [0.5, 1.0])])["rows"]
    assert row == {
        "name": "one",
        "seconds": [1.0, 4.0],
        "test_accuracies": [0.5, 1.0],
        "seconds_mean": 2.5,
        "test_accuracy_mean": 0.75,
    }


def test_the_last_line_of_the_process_is_its_answer(monkeypatch):
    commands = ended(monkeypatch, stdout="epoch 1\nepoch 2\n[12.5, 0.98]\n")
    assert accuracy._trained("fast_cnn", 3) == (12.5, 0.98)
    assert commands[0][1:] == ["-m", "benchmarks.accuracy", "fast_cnn", "3"]


@pytest.fixture
def trainings(monkeypatch):
    """The trainings that were asked for; each network answers 0 to every digit."""
    asked_for = []

    def train(variant, data, seeds):
        asked_for.append((variant.name, data.source, seeds))
        model = SimpleNamespace(predict=lambda images, **_: np.eye(10)[np.zeros(len(images), int)])
        return SimpleNamespace(models=[model], seconds=12.5)

    digits = datasets.digits("offline-digits")
    monkeypatch.setattr(datasets, "digits", lambda source: digits)
    monkeypatch.setattr(ann_models.training, "train", train)
    return asked_for


def test_the_accuracy_is_the_share_of_the_test_digits_that_the_trained_network_names(trainings):
    zeros = np.mean(datasets.digits("mnist").arrays["y_test"] == 0)
    assert accuracy._train("mnist_ann", 3) == (12.5, pytest.approx(zeros))
    assert trainings == [("mnist_ann", "offline-digits", (3,))]


def test_the_process_trains_and_prints_its_answer(trainings, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["accuracy.py", "fast_cnn", "3"])
    runpy.run_path(accuracy.__file__, run_name="__main__")
    assert json.loads(capsys.readouterr().out) == [12.5, pytest.approx(0.1, abs=0.02)]
    assert trainings == [("fast_cnn", "offline-digits", (3,))]


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        ("", "fast_cnn failed: no message"),
        ("  no MNIST here\n", "fast_cnn failed: no MNIST here"),
        ("x" * 400 + "end", "fast_cnn failed: " + "x" * 297 + "end"),
    ],
)
def test_a_training_that_fails_is_a_sentence(monkeypatch, stderr, message):
    ended(monkeypatch, code=1, stderr=stderr)
    with pytest.raises(CannotMeasure) as error:
        accuracy._trained("fast_cnn", 0)
    assert error.value.message == message
