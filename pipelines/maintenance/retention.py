"""Retention: old runs, versions and files are deleted, by age and count; planned, then applied.

MLflow's own deletion only marks a run as deleted. Here its artifacts and models are deleted first,
then its rows; rows can only be deleted in a database. On a server they are kept, marked as deleted,
until `mlflow gc` runs beside it. A run that is half deleted is listed as killed: the next prune
finds it by its age and finishes it.

Kept, however old: active runs, runs that a registered version names, the newest runs and versions
of each variant, versions with an alias, versions that the gate or a person ever promoted (unless
their run was deleted long ago, on a server: unless its rows are gone), and everything of other
projects. `mlflow gc --run-ids` would not do: it deletes every deleted experiment and logged model
of the store besides, those of others, too.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlflow.entities import LifecycleStage
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking._tracking_service.utils import _get_store

from mlflow_reader.entities import RunInfo, StoreUnavailable
from mlflow_reader.reader import open_reader
from pipelines.errors import format_error
from pipelines.locks import exclusive_lock
from pipelines.maintenance.compaction import compact
from pipelines.registry import history
from pipelines.registry.client import LOCK
from pipelines.registry.reader import RegistryReader
from pipelines.scheduling import flow_history
from pipelines.settings import SERVER_SCHEMES, Settings
from pipelines.tracking import tags
from pipelines.tracking.client import Tracking

ACTIVE = ("RUNNING", "SCHEDULED")
FRESH_SECONDS = 5.0  # for which the runs that versions name are not read again


@dataclass(frozen=True)
class Item:
    """Something to delete.

    Attributes:
        kind: "version", "run", "deleted run" (marked as deleted, MLflow kept it) or "file".
        name: of the registered model, run or file.
        identity: the version's number, the run's id, or the file's path.
        used: when it was last written or used, seconds since 1970.
        size: bytes of its artifacts and models, or of the file; a version's are its run's.
    """

    kind: str
    name: str
    identity: str
    used: float
    size: int


@dataclass(frozen=True)
class RetentionPlan:
    """What to delete.

    Attributes:
        items: versions, runs and files, oldest first.
        flow_runs: finished flow runs in the state folder's Prefect database.
        kept: why other old runs are kept, and how many.
        active: whether a run is active; then all files are kept.
        older_than: the age from which something counts as old.
    """

    items: list[Item]
    flow_runs: int
    kept: dict[str, int]
    active: bool
    older_than: timedelta

    @property
    def size(self) -> int:
        """Bytes that all this takes."""
        return sum(item.size for item in self.items)


@dataclass
class Outcome:
    """What was deleted.

    Attributes:
        freed: bytes of files and artifacts removed, and by which databases shrank.
        removed: how many items were deleted.
        rows_left: runs whose rows are kept in a server's database, marked as deleted.
        kept: what came into use, or vanished, since it was planned.
        failures: what could not be deleted, a message each.
    """

    freed: int = 0
    removed: int = 0
    rows_left: int = 0
    kept: list[Item] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def plan(tracking: Tracking, older_than: timedelta, keep: int) -> RetentionPlan:
    """Find what to delete; nothing is changed.

    Args:
        tracking: the store.
        older_than: how long ago a run must have ended, or a file been used.
        keep: the newest runs and versions of each variant (of each experiment and registered
            model) that are kept, however old.
    """
    limit = time.time() - older_than.total_seconds()
    long_deleted = _long_deleted(tracking, older_than)
    runs = tracking.run_infos(deleted=not _is_server(tracking))  # newest first
    present = {run.run_id for run in runs} - long_deleted
    items = list(_old_versions(tracking, present, long_deleted, limit, keep))
    named = _named_by_versions(tracking, {(item.name, item.identity) for item in items})
    kept = Counter[str]()
    newer = Counter[tuple[str, str]]()
    active = False
    newest_runs = {run.info.run_id for run in tracking.runs_with({tags.LATEST: "true"})}
    models = tracking.model_places()
    for run in runs:
        run_id, name = run.run_id, run.run_name
        deleted = run.lifecycle_stage == LifecycleStage.DELETED
        active |= run.status in ACTIVE and not deleted
        ended = (run.end_time or run.start_time) / 1000
        newer[run.experiment_id, name] += not deleted
        if run_id not in long_deleted if deleted else ended >= limit:
            continue
        newest = newer[run.experiment_id, name] <= keep or run_id in newest_runs
        if reason := _why_kept(run, named, deleted, newest):
            kept[reason] += 1
        else:
            places = _places(tracking, run.artifact_uri, models.get(run_id, {}))
            size = sum(_size(place) for _, place in places)
            items.append(Item("deleted run" if deleted else "run", name, run_id, ended, size))
    if not active:
        items += _old_files(tracking.settings, limit)
    flow_runs = flow_history.count(tracking.settings, older_than)
    items.sort(key=lambda item: item.used)
    return RetentionPlan(items, flow_runs, dict(kept), active, older_than)


def apply(tracking: Tracking, planned: RetentionPlan) -> Outcome:
    """Delete what was planned; what became protected meanwhile is kept."""
    outcome = Outcome()
    versions = [item for item in planned.items if item.kind == "version"]
    _remove_versions(tracking, versions, outcome)
    models = tracking.model_places()
    named, read_at = set[str](), -FRESH_SECONDS
    for item in planned.items:
        if item.kind == "version":
            continue
        try:
            if time.monotonic() - read_at >= FRESH_SECONDS:
                named, read_at = _named_by_versions(tracking), time.monotonic()
            if _is_kept_now(tracking, item, named):
                outcome.kept.append(item)
                continue
            if item.kind == "file":
                _remove(Path(item.identity))
            else:
                own = models.get(item.identity, {})
                outcome.rows_left += not _remove_run(tracking, item.identity, own)
        except (MlflowException, StoreUnavailable, OSError) as error:
            outcome.failures.append(f"{item.name} {item.identity}: {format_error(error)}")
            continue
        outcome.removed += 1
        outcome.freed += item.size
    databases = [tracking.settings.home / "mlflow.db"] if tracking.settings.embedded else []
    if planned.flow_runs:
        flow_history.remove(tracking.settings, planned.older_than)
        databases.append(flow_history.database(tracking.settings))
    for database in databases:
        try:
            outcome.freed += compact(database)
        except sqlite3.OperationalError as error:
            outcome.failures.append(
                f"{database} keeps its size ({error}): another process uses it; prune again when "
                "the runs have ended."
            )
    return outcome


def _is_kept_now(tracking: Tracking, item: Item, named: Container[str]) -> bool:
    """Whether a run or file has become protected, or has vanished, since the plan."""
    if item.kind == "file":
        if any(tracking.runs_with({}, status) for status in ACTIVE):
            return True
        found = _last_use(Path(item.identity))  # last: a job uses files before its run begins
        return found is None or found[0] > item.used
    run = open_reader(tracking.settings.tracking_uri).run(item.identity)
    if run is None or item.identity in named:
        return True
    return item.kind == "deleted run" and run.info.lifecycle_stage != LifecycleStage.DELETED


# --- runs -----------------------------------------------------------------------------------------


def _why_kept(run: RunInfo, named: set[str], deleted: bool, among_newest: bool) -> str:
    """Why an old run is kept; "" if it is to be deleted."""
    if run.status in ACTIVE and not deleted:
        return "active"
    if run.run_id in named:
        return "used by registered versions"
    if deleted:
        return ""
    if among_newest:
        return "the newest of their variant"
    return ""


def _named_by_versions(tracking: Tracking, without: Container[tuple[str, str]] = ()) -> set[str]:
    """Ids of the runs that a registered version, of any name, was trained by or distilled from."""
    registry = RegistryReader(tracking.settings.tracking_uri)
    named = set[str]()
    for name in registry.models():
        for version in registry.versions(name):
            if (name, version.number) not in without:
                named |= {version.run_id, *version.tags.values()}
    return named


def _long_deleted(tracking: Tracking, older_than: timedelta) -> set[str]:
    """Ids of the runs that were marked as deleted that long ago, in a database."""
    if _is_server(tracking):
        return set()
    store = _get_store(tracking.settings.tracking_uri)
    return set(store._get_deleted_runs(older_than=older_than.total_seconds() * 1000))


def _remove_run(tracking: Tracking, run_id: str, models: Mapping[str, str]) -> bool:
    """Delete a run with its artifacts and models; whether its rows were deleted, too.

    It is marked as killed first, so that nothing takes it for whole, and as deleted last: from then
    on it counts as deleted by a person, who may restore it.
    """
    client = tracking.client
    run = client.get_run(run_id)
    listed = run.info.lifecycle_stage != LifecycleStage.DELETED
    if listed:
        client.set_tag(run_id, tags.ERROR, "`ann prune` began to delete it")
        client.update_run(run_id, "KILLED")  # keeps the time at which it ended
    store = None if _is_server(tracking) else _get_store(tracking.settings.tracking_uri)
    for model_id, place in _places(tracking, run.info.artifact_uri, models):
        if place.list_artifacts():  # a server answers the deletion of nothing with an error
            place.delete_artifacts()
        _remove_empty_folder(place.artifact_uri)
        if model_id and store:
            store._hard_delete_logged_model(model_id)  # as `mlflow gc` does, of this one alone
        elif model_id:
            client.delete_logged_model(model_id)
    if store:
        store._hard_delete_run(run_id)
    elif listed:
        client.delete_run(run_id)
    return store is not None


def _places(
    tracking: Tracking, artifacts: str, models: Mapping[str, str]
) -> list[tuple[str, ArtifactRepository]]:
    """Where a run's artifacts are ("") and those of its models (their ids)."""
    uri = tracking.settings.tracking_uri
    places = {"": artifacts, **models}
    return [(model, get_artifact_repository(place, uri)) for model, place in places.items()]


def _size(place: ArtifactRepository, folder: str | None = None) -> int:
    """Bytes of all artifacts in a place."""
    return sum(
        _size(place, entry.path) if entry.is_dir else entry.file_size or 0
        for entry in place.list_artifacts(folder)
    )


def _is_server(tracking: Tracking) -> bool:
    return tracking.settings.tracking_uri.startswith(SERVER_SCHEMES)


def _remove_empty_folder(artifact_uri: str) -> None:
    parts = urlsplit(artifact_uri)
    if parts.scheme in ("", "file"):
        folder = Path(unquote(parts.path)).parent
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


# --- versions -------------------------------------------------------------------------------------


def _old_versions(
    tracking: Tracking,
    present: Container[str],
    long_deleted: Container[str],
    limit: float,
    keep: int,
) -> Iterator[Item]:
    """Versions of this project without an alias: refused ones, and those whose run is gone.

    Args:
        tracking: the store.
        present: ids of runs that are known to be there; others are looked up.
        long_deleted: ids of runs that count as gone, though their rows are there.
        limit: created before it, in seconds since 1970, a version is old.
        keep: the newest of each variant, but not those without a run.
    """
    uri = tracking.settings.tracking_uri
    reader = open_reader(uri)
    for name, model in RegistryReader(uri).models().items():
        aliased, newer = set(model.aliases.values()), Counter[str]()
        served = {e.version for e in history.of_tags(model.tags) if e.action in history.MOVES}
        for version in reader.versions(name):  # newest first
            variant, created = version.tags.get(tags.VARIANT), version.creation_timestamp / 1000
            if variant is None:
                continue  # another project's
            newer[variant] += 1
            refused = version.tags.get(tags.DECISION) == history.REFUSED and newer[variant] > keep
            if created >= limit or version.version in aliased | served:
                continue
            run_id = version.run_id
            lost = run_id and run_id not in present and reader.run(run_id) is None
            if refused or run_id in long_deleted or lost:
                yield Item("version", name, version.version, created, 0)


def _remove_versions(tracking: Tracking, versions: Sequence[Item], outcome: Outcome) -> None:
    """Delete versions that have no alias now; no champion is chosen meanwhile.

    MLflow never gives a number again: it keeps a row of each version that was deleted.
    """
    if not versions:
        return
    with exclusive_lock(tracking.settings.home / LOCK):
        models = RegistryReader(tracking.settings.tracking_uri).models()
        for item in versions:
            model = models.get(item.name)
            if model is None or item.identity in model.aliases.values():
                continue
            try:
                tracking.client.delete_model_version(item.name, item.identity)
                outcome.removed += 1
            except MlflowException as error:
                message = f"{item.name} version {item.identity}: {format_error(error)}"
                outcome.failures.append(message)


# --- files of the state folder --------------------------------------------------------------------


def _old_files(settings: Settings, limit: float) -> Iterator[Item]:
    """Data sets, compiled programs, leftovers of killed runs: all are made again when needed."""
    for folder in (settings.data, settings.compiled.parent, settings.work):
        for path in folder.iterdir() if folder.is_dir() else []:
            found = _last_use(path)
            if found and found[0] < limit:
                yield Item("file", f"{folder.name}/{path.name}", str(path), *found)


def _last_use(path: Path) -> tuple[float, int] | None:
    """When a file or folder was last used, and its bytes; None if it, or part of it, vanishes."""
    try:
        files = [path, *path.rglob("*")] if path.is_dir() else [path]
        facts = [file.stat() for file in files]
    except FileNotFoundError:
        return None
    return max(fact.st_mtime for fact in facts), sum(fact.st_size for fact in facts)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
