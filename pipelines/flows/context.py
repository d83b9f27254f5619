"""What the flows' tasks stand on, each made once a process: settings, stores, data on disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ann_models import datasets
from ann_models.datasets import Dataset
from ann_models.entry import Variant
from pipelines import settings as environment
from pipelines.registry.client import Registry
from pipelines.tracking.client import Tracking

if TYPE_CHECKING:
    from ann_models.training.result import Training

_ready: dict[str, Training] = {}


@dataclass(frozen=True)
class DataFile:
    """A data set on disk: what tasks hand to each other in place of arrays."""

    path: str
    source: str
    digest: str


@cache
def settings() -> environment.Settings:
    """The environment's settings."""
    return environment.load()


@cache
def tracking() -> Tracking:
    """The MLflow store behind them."""
    return Tracking(settings()).open()


@cache
def registry() -> Registry:
    """The model registry behind them."""
    return Registry(settings().tracking_uri, settings().home)


def forget() -> None:
    """Make all of these anew when they are next asked for: the environment has changed."""
    for made in (settings, tracking, registry, loaded):
        made.cache_clear()


def saved(data: Dataset) -> DataFile:
    """Write a data set under its name and digest, unless it is there."""
    path = settings().data / f"{data.name}-{data.digest[:12]}.npz"
    if path.exists():
        path.touch()  # its last use, for `ann prune`
    else:
        data.save(path)
    return DataFile(str(path), data.source, data.digest)


@lru_cache(maxsize=1)
def loaded(path: str) -> Dataset:
    """Read a data set; the last one stays in memory."""
    return Dataset.load(Path(path))


def data_of(variant: Variant, file: DataFile) -> Dataset:
    """The part of a data set that a variant uses."""
    data = loaded(file.path)
    if variant.train_size is None:
        return data
    return datasets.digits_subset(data, min(variant.train_size, len(data.arrays["x_train"])))


def keep(training: Training, path: Path) -> str:
    """Write what a step trained; the next step of this process finds its networks ready."""
    training.save(path)
    _ready.clear()
    _ready[str(path)] = training
    return str(path)


def trained(path: str, variant: Variant, data: Dataset) -> Training:
    """What the step that trained a variant wrote; read from disk from the second time on."""
    from ann_models.training.result import Training

    ready = _ready.pop(path, None)  # once: a study draws masks, a retry must draw the same ones
    return ready or Training.load(Path(path), variant, data.arrays["x_train"].shape[1:])
