"""Time to accuracy: every seed in a process of its own, and their means."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

import ann_models.training
from ann_models import datasets
from ann_models.variants import VARIANTS
from benchmarks import accuracy
from benchmarks.accuracy import TimeToAccuracy
from benchmarks.errors import CannotMeasure
from tests.support.promoted import network


def ended(monkeypatch, code=0, stdout="", stderr=""):
    """Let every process end so; the commands that were started."""
    commands = []

    def run(command, **_):
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


def test_the_accuracy_is_the_share_of_the_test_digits_that_the_trained_network_names(monkeypatch):
    data, model, asked_for = datasets.digits("offline-digits"), network(seed=1), []

    def train(variant, data, seeds):
        asked_for.append((variant, data.source, seeds))
        return SimpleNamespace(models=[model], seconds=12.5)

    monkeypatch.setattr(datasets, "digits", lambda source: data)
    monkeypatch.setattr(ann_models.training, "train", train)
    answers = model.predict(data.arrays["x_test"], verbose=0).argmax(axis=1)
    expected = np.mean([a == b for a, b in zip(answers, data.arrays["y_test"], strict=True)])
    assert accuracy._train("mnist_ann", 3) == (12.5, pytest.approx(expected))
    assert asked_for == [(VARIANTS["mnist_ann"], "offline-digits", (3,))]
    assert 0 < expected < 1


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
