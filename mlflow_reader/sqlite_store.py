"""Reads the tables of MLflow's store in a SQLite file; nothing is written.

The tables are those of the schema versions in `SCHEMAS`; other versions are left to MLflow.
"""

from __future__ import annotations

import math
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from mlflow_reader.entities import (
    Experiment,
    ModelVersion,
    RegisteredModel,
    Run,
    RunData,
    RunInfo,
    StoreUnavailable,
)

SCHEME = "sqlite:///"
SCHEMAS = {"dc11669786a5"}  # alembic's versions: MLflow 3.17
WORKSPACE = "default"  # MLflow's name of the only one, without `MLFLOW_WORKSPACE`
LOCK_SECONDS = 5  # that another process's transaction is waited for
TICK_SECONDS = 1  # more than a file system's clock takes to move on
PARAMETERS = 500  # of one statement; SQLite's limit was 999 for long

_RUN = (
    "SELECT run_uuid, name, experiment_id, status, start_time, end_time, lifecycle_stage, "
    "artifact_uri FROM runs "
)
_NEWEST_FIRST = " ORDER BY start_time IS NULL, start_time DESC, run_uuid"
_MODEL = (
    "SELECT name, last_updated_time, (SELECT MAX(version) FROM model_versions AS v WHERE v.name = "
    f"m.name AND v.workspace = '{WORKSPACE}' AND current_stage != 'Deleted_Internal') "
    f"FROM registered_models AS m WHERE workspace = '{WORKSPACE}' "
)
_VERSION = (
    "SELECT version, run_id, creation_time FROM model_versions "
    f"WHERE current_stage != 'Deleted_Internal' AND workspace = '{WORKSPACE}' AND name = ? "
)


def can_read(uri: str) -> bool:
    """Whether it is a SQLite file with MLflow's tables in a known version.

    Raises:
        StoreUnavailable: the file is missing, is locked, or is no database.
    """
    if not uri.startswith(SCHEME) or "?" in uri or os.environ.get("MLFLOW_WORKSPACE"):
        return False
    with _connection(uri) as store:
        try:
            found = {
                number for (number,) in store.execute("SELECT version_num FROM alembic_version")
            }
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return False
            raise
    return bool(found) and found <= SCHEMAS


def state_of(uri: str) -> tuple[int, ...] | None:
    """What changes with every write to a SQLite file; None of other stores and of fresh writes.

    Sizes and times of the file and of its log. A second write within a clock tick of the first one
    may leave both as they were, so that files count as unchanged only when their times are past.
    """
    if not uri.startswith(SCHEME):
        return None
    file = Path(uri.removeprefix(SCHEME))
    found: list[int] = []
    for path in (file, file.with_name(f"{file.name}-wal")):
        try:
            facts = path.stat()
        except OSError:
            found.append(0)
            continue
        if time.time() - facts.st_mtime < TICK_SECONDS:
            return None
        found += [facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns]
    return tuple(found)


@contextmanager
def _connection(uri: str) -> Iterator[sqlite3.Connection]:
    """A connection whose statements see one state of the store."""
    address = Path(uri.removeprefix(SCHEME)).absolute().as_uri()
    try:
        with closing(
            sqlite3.connect(f"{address}?mode=ro", LOCK_SECONDS, isolation_level=None, uri=True)
        ) as store:
            store.execute("BEGIN")
            yield store
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error


class SqliteReader:
    """Implements `reader.Reader` for a file; a connection a call, as the file may be replaced."""

    def __init__(self, uri: str) -> None:
        """Read the file of `sqlite:///FILE`."""
        self._uri = uri

    def experiments(self) -> list[Experiment]:
        """See `Reader`."""
        with _connection(self._uri) as store:
            rows = store.execute(
                "SELECT experiment_id, name, artifact_location FROM experiments "
                f"WHERE lifecycle_stage = 'active' AND workspace = '{WORKSPACE}'"
            ).fetchall()
            tags = _grouped(store.execute("SELECT experiment_id, key, value FROM experiment_tags"))
        return [Experiment(str(i), name, place, tags.get(i, {})) for i, name, place in rows]

    def run_infos(self, experiment_ids: Sequence[str], deleted: bool = False) -> list[RunInfo]:
        """See `Reader`."""
        active = "" if deleted else " AND lifecycle_stage = 'active'"
        with _connection(self._uri) as store:
            rows = store.execute(
                f"{_RUN} WHERE {_any('experiment_id', experiment_ids)}{active}{_NEWEST_FIRST}",
                [int(identity) for identity in experiment_ids],
            )
            return [_info(row) for row in rows]

    def runs(
        self, experiment_ids: Sequence[str], tags: Mapping[str, str | None], status: str = ""
    ) -> list[Run]:
        """See `Reader`."""
        where = [_any("experiment_id", experiment_ids), "lifecycle_stage = 'active'"]
        values: list[Any] = [int(identity) for identity in experiment_ids]
        if status:
            where.append("status = ?")
            values.append(status)
        for key, value in tags.items():
            same = "value != ''" if value is None else "value = ?"
            where.append(f"run_uuid IN (SELECT run_uuid FROM tags WHERE key = ? AND {same})")
            values += [key] if value is None else [key, value]
        with _connection(self._uri) as store:
            query = f"{_RUN} WHERE {' AND '.join(where)}{_NEWEST_FIRST}"
            return _with_data(store, [_info(row) for row in store.execute(query, values)])

    def run(self, run_id: str) -> Run | None:
        """See `Reader`."""
        with _connection(self._uri) as store:
            rows = store.execute(f"{_RUN} WHERE run_uuid = ?", [run_id])
            return next(iter(_with_data(store, [_info(row) for row in rows])), None)

    def model_places(self, experiment_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """See `Reader`."""
        query = (
            "SELECT source_run_id, model_id, artifact_location FROM logged_models "
            "WHERE lifecycle_stage = 'active' AND source_run_id != '' AND "
        )
        with _connection(self._uri) as store:
            ids = [int(identity) for identity in experiment_ids]
            return _grouped(store.execute(query + _any("experiment_id", experiment_ids), ids))

    def registered_models(self) -> list[RegisteredModel]:
        """See `Reader`."""
        return self._models("")

    def registered_model(self, name: str) -> RegisteredModel | None:
        """See `Reader`."""
        return next(iter(self._models("AND name = ?", name)), None)

    def _models(self, condition: str, *values: str) -> list[RegisteredModel]:
        where = f"WHERE workspace = '{WORKSPACE}' {condition}"
        with _connection(self._uri) as store:
            rows = store.execute(f"{_MODEL} {condition} ORDER BY name", values).fetchall()
            query = f"SELECT name, key, value FROM registered_model_tags {where}"
            tags = _grouped(store.execute(query, values))
            query = (
                f"SELECT name, alias, CAST(version AS TEXT) FROM registered_model_aliases {where}"
            )
            aliases = _grouped(store.execute(query, values))
        return [
            RegisteredModel(name, tags.get(name, {}), aliases.get(name, {}), updated or 0, top or 0)
            for name, updated, top in rows
        ]

    def versions(self, name: str) -> list[ModelVersion]:
        """See `Reader`."""
        return self._versions(name, "")

    def version(self, name: str, number: str) -> ModelVersion | None:
        """See `Reader`."""
        return next(iter(self._versions(name, "AND version = ?", number)), None)

    def _versions(self, name: str, condition: str, *values: str) -> list[ModelVersion]:
        with _connection(self._uri) as store:
            query = f"{_VERSION} {condition} ORDER BY version DESC"
            rows = store.execute(query, (name, *values)).fetchall()
            tags = _grouped(
                store.execute(
                    "SELECT version, key, value FROM model_version_tags "
                    f"WHERE workspace = '{WORKSPACE}' AND name = ? {condition}",
                    (name, *values),
                )
            )
        return [
            ModelVersion(name, str(n), run or "", tags.get(n, {}), created or 0)
            for n, run, created in rows
        ]

    def download_uri(self, name: str, number: str) -> str:
        """See `Reader`."""
        with _connection(self._uri) as store:
            found = store.execute(
                "SELECT COALESCE(NULLIF(storage_location, ''), source) FROM model_versions "
                f"WHERE workspace = '{WORKSPACE}' AND name = ? AND version = ?",
                (name, number),
            ).fetchone()
        if found is None:
            raise StoreUnavailable(f"{name} has no version {number} any more")
        return str(found[0])


def _any(column: str, values: Sequence[str]) -> str:
    return f"{column} IN ({', '.join('?' * len(values))})"


def _info(row: Sequence[Any]) -> RunInfo:
    run_id, name, experiment, status, started, ended, *rest = row
    return RunInfo(run_id, name or "", str(experiment), status, started or 0, ended or 0, *rest)


def _with_data(store: sqlite3.Connection, infos: list[RunInfo]) -> list[Run]:
    found: dict[str, dict[Any, dict[str, Any]]] = {"latest_metrics": {}, "params": {}, "tags": {}}
    for table, by_run in found.items():
        value = "CASE WHEN is_nan THEN NULL ELSE value END" if "metrics" in table else "value"
        for first in range(0, len(infos), PARAMETERS):
            ids = [info.run_id for info in infos[first : first + PARAMETERS]]
            query = f"SELECT run_uuid, key, {value} FROM {table} WHERE {_any('run_uuid', ids)}"
            by_run |= _grouped(store.execute(query, ids))
    metrics, params, tags = found.values()
    return [
        Run(
            info,
            RunData(
                {k: math.nan if v is None else v for k, v in metrics.get(info.run_id, {}).items()},
                params.get(info.run_id, {}),
                tags.get(info.run_id, {}),
            ),
        )
        for info in infos
    ]


def _grouped(rows: Iterable[tuple[Any, str, Any]]) -> dict[Any, dict[str, Any]]:
    """Key and value of each row, by the row's owner."""
    found: dict[Any, dict[str, Any]] = {}
    for owner, key, value in rows:
        found.setdefault(owner, {})[key] = value
    return found
