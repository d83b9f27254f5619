"""A champion as the pipelines make one, but for its temperature, in a state folder of its own."""

from pathlib import Path

import keras

from ann_models import datasets
from ann_models.datasets import Dataset
from pipelines.flows.candidate import evaluate_candidate
from pipelines.registry.client import Registry
from pipelines.registry.versions import Version

NOT_CALIBRATED = 1.0  # so that a service's answers can be compared with the network's own


def store_of(home: Path) -> str:
    return f"sqlite:///{home / 'mlflow.db'}"


def network(seed: int) -> keras.Sequential:
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    return keras.Sequential([keras.Input((28, 28)), *layers])


def register(store: Path, count: int = 2) -> Registry:
    """A registry in a folder, with untrained versions; none is promoted."""
    registry = Registry(store_of(store), store)
    register_versions(registry, count, str(store / "artifacts"))
    return registry


def register_versions(registry: Registry, count: int = 2, artifacts: str | None = None) -> None:
    """Versions 1, 2, … of `offline-digits`, of seeds 1, 2, …; where MLflow wants its artifacts."""
    experiment = registry.client.create_experiment("digits", artifacts)
    run_id = registry.client.create_run(experiment).info.run_id
    digits = datasets.digits("offline-digits")
    for seed in range(1, count + 1):
        registry.register(
            evaluate_candidate(network(seed), digits, NOT_CALIBRATED),
            run_id=run_id,
            variant="tiny",
            seed=seed,
            git_commit="c0ffee",
        )


def promote(model: keras.Sequential, data: Dataset, home: Path) -> Version:
    registry = Registry(store_of(home), home)
    experiment = registry.client.create_experiment("digits", str(home / "artifacts"))
    run_id = registry.client.create_run(experiment).info.run_id
    version = registry.register(
        evaluate_candidate(model, data, NOT_CALIBRATED),
        run_id=run_id,
        variant="tiny",
        seed=1,
        git_commit="c0ffee",
    )
    registry.promote(version, "for the tests")
    return version
