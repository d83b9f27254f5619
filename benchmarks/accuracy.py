"""Time to accuracy: from untrained weights to a trained digit network that reads the test digits.

Each seed is trained in a process of its own, compilation included; TensorFlow's import and the
reading of MNIST are not counted.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.errors import CannotMeasure

NAMES = ("fast_cnn", "mnist_ann")  # the recipe for speed, and the lecture's own network

Say = Callable[[str], None]


@dataclass(frozen=True)
class TimeToAccuracy:
    """One variant: seconds and accuracy of each seed."""

    name: str
    seconds: list[float]
    test_accuracies: list[float]


def measure(names: Sequence[str] = NAMES, *, seeds: int, say: Say) -> list[TimeToAccuracy]:
    """Train every variant with every seed.

    Raises:
        CannotMeasure: a training failed.
    """
    found = []
    for name in names:
        say(f"{name}, {seeds} seeds …")
        done = [_trained(name, seed) for seed in range(seeds)]
        found.append(TimeToAccuracy(name, *map(list, zip(*done, strict=True))))
    return found


def document(found: list[TimeToAccuracy]) -> dict[str, Any]:
    """The result for programs."""
    return {
        "rows": [
            asdict(row)
            | {
                "seconds_mean": statistics.mean(row.seconds),
                "test_accuracy_mean": statistics.mean(row.test_accuracies),
            }
            for row in found
        ]
    }


def _trained(name: str, seed: int) -> tuple[float, float]:
    command = [sys.executable, "-m", __name__, name, str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    if done.returncode:
        raise CannotMeasure(f"{name} failed: {(done.stderr.strip() or 'no message')[-300:]}")
    seconds, accuracy = json.loads(done.stdout.splitlines()[-1])
    return seconds, accuracy


def _train(name: str, seed: int) -> tuple[float, float]:
    """Seconds, and the share of the test digits that the trained network names correctly."""
    import ann_models.training
    from ann_models import datasets
    from ann_models.variants import VARIANTS

    data = datasets.digits("mnist")
    trained = ann_models.training.train(VARIANTS[name], data, (seed,))
    (model,) = trained.models
    answers = model.predict(data.arrays["x_test"], batch_size=1000, verbose=0)
    correct = answers.argmax(axis=1) == data.arrays["y_test"]
    return trained.seconds, float(correct.mean())


if __name__ == "__main__":
    print(json.dumps(_train(sys.argv[1], int(sys.argv[2]))))
