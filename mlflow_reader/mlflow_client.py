"""Reads any store through MLflow's own client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from mlflow_reader import database
from mlflow_reader.entities import (
    MISSING,
    PAGE,
    Experiment,
    ModelVersion,
    RegisteredModel,
    Run,
    RunData,
    RunInfo,
    StoreUnavailable,
    name_filter,
    search_filter,
)


class ClientReader:
    """Implements `reader.Reader` for every store that MLflow knows."""

    def __init__(self, uri: str) -> None:
        """Read the store at a tracking URI; where it is a database, nothing is made in it.

        Raises:
            StoreUnavailable: the database holds no store yet, or another version's.
        """
        if database.is_database(uri):
            database.check(uri)
        with _errors():
            self._client = MlflowClient(uri, uri)

    def experiments(self) -> list[Experiment]:
        """See `Reader`."""
        return [
            Experiment(e.experiment_id, e.name, e.artifact_location, dict(e.tags))
            for e in _pages(self._client.search_experiments)
        ]

    def run_infos(self, experiment_ids: Sequence[str], deleted: bool = False) -> list[RunInfo]:
        """See `Reader`."""
        view = ViewType.ALL if deleted else ViewType.ACTIVE_ONLY
        return [run.info for run in self._search(experiment_ids, "", view)]

    def runs(
        self, experiment_ids: Sequence[str], tags: Mapping[str, str | None], status: str = ""
    ) -> list[Run]:
        """See `Reader`."""
        return self._search(experiment_ids, search_filter(tags, status), ViewType.ACTIVE_ONLY)

    def _search(self, experiment_ids: Sequence[str], condition: str, view: int) -> list[Run]:
        if not experiment_ids:
            return []
        found = _pages(
            self._client.search_runs,
            experiment_ids=list(experiment_ids),
            filter_string=condition,
            run_view_type=view,
        )
        return [_run(run) for run in found]

    def run(self, run_id: str) -> Run | None:
        """See `Reader`."""
        found = _found(self._client.get_run, run_id)
        return found and _run(found)

    def model_places(self, experiment_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """See `Reader`."""
        found: dict[str, dict[str, str]] = {}
        search, ids = self._client.search_logged_models, list(experiment_ids)
        for model in _pages(search, experiment_ids=ids) if ids else ():
            if model.source_run_id:
                places = found.setdefault(model.source_run_id, {})
                places[model.model_id] = model.artifact_location
        return found

    def registered_models(self) -> list[RegisteredModel]:
        """See `Reader`."""
        found = _pages(self._client.search_registered_models)
        return sorted(map(_model, found), key=lambda model: model.name)

    def registered_model(self, name: str) -> RegisteredModel | None:
        """See `Reader`."""
        found = _found(self._client.get_registered_model, name)
        return found and _model(found)

    def versions(self, name: str) -> list[ModelVersion]:
        """See `Reader`."""
        found = _pages(self._client.search_model_versions, filter_string=name_filter(name))
        return sorted(map(_version, found), key=lambda version: -int(version.version))

    def version(self, name: str, number: str) -> ModelVersion | None:
        """See `Reader`."""
        found = _found(self._client.get_model_version, name, number)
        return found and _version(found)

    def download_uri(self, name: str, number: str) -> str:
        """See `Reader`."""
        with _errors():
            return str(self._client.get_model_version_download_uri(name, number))


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (MlflowException, SQLAlchemyError, ImportError) as error:  # also a missing driver
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error


def _pages(search: Callable[..., Any], **question: Any) -> Iterator[Any]:
    token = None
    while True:
        with _errors():
            page = search(max_results=PAGE, page_token=token, **question)
        yield from page
        if not (token := page.token):
            return


def _found(get: Callable[..., Any], *what: str) -> Any:
    """What is asked for; None if there is none."""
    with _errors():
        try:
            return get(*what)
        except MlflowException as error:
            if error.error_code in MISSING:
                return None
            raise


def _run(run: Any) -> Run:
    info, data = run.info, run.data
    return Run(
        RunInfo(
            info.run_id,
            info.run_name or "",
            info.experiment_id,
            info.status,
            info.start_time or 0,
            info.end_time or 0,
            info.lifecycle_stage,
            info.artifact_uri or "",
        ),
        RunData(dict(data.metrics), dict(data.params), dict(data.tags)),
    )


def _model(model: Any) -> RegisteredModel:
    aliases = {alias: str(number) for alias, number in model.aliases.items()}
    newest = (int(version.version) for version in model.latest_versions or ())
    updated = model.last_updated_timestamp or 0
    return RegisteredModel(model.name, dict(model.tags), aliases, updated, max(newest, default=0))


def _version(version: Any) -> ModelVersion:
    return ModelVersion(
        version.name,
        str(version.version),
        version.run_id or "",
        dict(version.tags),
        version.creation_timestamp or 0,
    )
