"""The interface, and which implementation reads a store."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from mlflow_reader import http_server, sqlite_store
from mlflow_reader.entities import Experiment, ModelVersion, RegisteredModel, Run, RunInfo


class Reader(Protocol):
    """Reads a store; whatever is deleted is left out, but for `run_infos` and `run`.

    Every method raises `StoreUnavailable` if the store does not answer.
    """

    def experiments(self) -> list[Experiment]:
        """All experiments."""

    def run_infos(self, experiment_ids: Sequence[str], deleted: bool = False) -> list[RunInfo]:
        """The runs of these experiments, the newest first; `deleted` adds deleted ones."""

    def runs(
        self, experiment_ids: Sequence[str], tags: Mapping[str, str | None], status: str = ""
    ) -> list[Run]:
        """The runs of these experiments with these tags and this status, the newest first.

        A tag's value None is any but "".
        """

    def run(self, run_id: str) -> Run | None:
        """One run, deleted or not; None if there is none."""

    def model_places(self, experiment_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """Where the logged models of these experiments' runs are: by run's id, by model's id."""

    def registered_models(self) -> list[RegisteredModel]:
        """All registered models, by name."""

    def registered_model(self, name: str) -> RegisteredModel | None:
        """One registered model; None if there is none of that name."""

    def versions(self, name: str) -> list[ModelVersion]:
        """The versions of a registered model, the newest first."""

    def version(self, name: str, number: str) -> ModelVersion | None:
        """One version; None if there is none."""

    def download_uri(self, name: str, number: str) -> str:
        """Where a version's files are."""


def open_reader(uri: str) -> Reader:
    """A reader of the store at an MLflow tracking URI.

    A SQLite file whose schema is known and a plain MLflow server are read directly, everything else
    by MLflow's client.

    Raises:
        StoreUnavailable: the SQLite file is missing or cannot be read.
    """
    if sqlite_store.can_read(uri):
        return sqlite_store.SqliteReader(uri)
    if http_server.can_read(uri):
        return _http_reader(uri)
    from mlflow_reader.mlflow_client import ClientReader

    return ClientReader(uri)


def prepare(uri: str) -> None:
    """Import what reads a store, without asking it: MLflow's client takes seconds.

    Raises:
        StoreUnavailable: the SQLite file is missing or cannot be read.
    """
    if not sqlite_store.can_read(uri) and not http_server.can_read(uri):
        importlib.import_module("mlflow_reader.mlflow_client")


@lru_cache(1)
def _http_reader(uri: str) -> http_server.HttpReader:
    """One for all readings, so that its connections are used again."""
    return http_server.HttpReader(uri)
