"""A registry in a folder of its own, and networks that are worth registering."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import keras
import numpy as np
from mlflow import MlflowClient

from ann_models import datasets
from ann_models.calibration import calibrated
from pipelines.flows.candidate import evaluate_candidate
from pipelines.gate import Policy
from pipelines.registry.client import Registry, Version

NAME = "offline-digits"
BETTER_ONLY = Policy(max_relative_time=0)  # no decision hangs on the clock of a busy machine
DIGITS = datasets.digits("offline-digits")
GOOD, WORSE = 1000, 20


def nearest_mean(examples: int, outputs: int = 10) -> keras.Sequential:
    """A linear network that names the class with the nearest mean; more examples, better means."""
    x, y = DIGITS.arrays["x_train"][:examples], DIGITS.arrays["y_train"][:examples]
    means = np.stack([x[y == digit].mean(axis=0).ravel() for digit in range(outputs)])
    layers = [keras.layers.Flatten(), keras.layers.Dense(outputs, "softmax")]
    model = keras.Sequential([keras.Input((28, 28)), *layers])
    model.set_weights([means.T, -0.5 * (means**2).sum(axis=1)])
    return model


def calibrated_nearest_mean(examples: int) -> keras.Model:
    """The same network as it is registered."""
    arrays = DIGITS.arrays
    return calibrated(nearest_mean(examples), arrays["x_val"], arrays["y_val"])[0]


class Workbench:
    """A registry, and a run into which models are registered."""

    def __init__(self, uri: str, home: Path, artifacts: Path | None = None) -> None:
        self.registry = Registry(uri, home)
        location = artifacts and str(artifacts)
        experiment = self.client.create_experiment(f"digits {uuid4()}", location)
        self.run_id = self.client.create_run(experiment).info.run_id

    @property
    def client(self) -> MlflowClient:
        return self.registry.client

    def register(self, model: keras.Sequential, *, with_people: bool = False) -> Version:
        artifact = evaluate_candidate(model, DIGITS)
        # The gate's judgement on other hands has tests of its own; means of digits read them badly.
        people = artifact.candidate.people if with_people else None
        candidate = replace(artifact.candidate, people=people)
        return self.registry.register(
            replace(artifact, candidate=candidate),
            run_id=self.run_id,
            variant="nearest_mean",
            seed=3,
            git_commit="c0ffee",
        )

    def __getitem__(self, number: int) -> Version:
        return self.registry.version(NAME, str(number))

    def aliases(self) -> dict[str, int]:
        aliases = self.client.get_registered_model(NAME).aliases
        return {alias: int(number) for alias, number in aliases.items()}


def opened(database: bytes, folder: Path) -> Workbench:
    (folder / "mlflow.db").write_bytes(database)
    return Workbench(f"sqlite:///{folder / 'mlflow.db'}", folder, folder / "artifacts")
