"""What the flows' tasks stand on, each made once a process: settings, stores, data on disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from ann_models.datasets import Dataset
from pipelines import settings as environment
from pipelines.registry import Registry
from pipelines.tracking import Tracking


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
    return Tracking(settings())


@cache
def registry() -> Registry:
    """The model registry behind them."""
    return Registry(settings().tracking_uri, settings().home)


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
