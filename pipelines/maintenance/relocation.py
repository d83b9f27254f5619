"""The state folder may move: MLflow's embedded store keeps absolute paths, repaired here."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipelines.errors import TrackingUnavailable
from pipelines.settings import Settings

PATHS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def repair(settings: Settings, database: Path | None = None) -> Path | None:
    """Point the embedded store's paths to where the state folder is now.

    Only paths of this machine move: the addresses of a server that used the same store, such as
    `mlflow-artifacts:/1`, stay as they are.

    Args:
        settings: name the state folder.
        database: the store to repair, such as a copy; by default the one in the state folder.

    Returns:
        Where the folder was, if it was moved.

    Raises:
        TrackingUnavailable: this user cannot open the store.
    """
    database = database or settings.home / "mlflow.db"
    if not settings.embedded or not database.exists():
        return None
    if not (database.is_file() and os.access(database, os.R_OK)):
        raise TrackingUnavailable(
            f"{database} cannot be opened by this user; change its owner or its permissions, or "
            "set ANN_HOME to another folder."
        )
    with closing(sqlite3.connect(database)) as store, store:
        now = settings.artifacts.as_uri()
        moved = [place for place in _recorded(store) if place != now]
        for before in moved:
            _rewrite(store, before, now)
    return _folder(moved[0]) if moved else None


def _folder(artifacts: str) -> Path:
    return Path(unquote(urlsplit(artifacts).path)).parent


def _rewrite(store: sqlite3.Connection, before: str, now: str) -> None:
    for table, column in PATHS:
        store.execute(
            f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
            f"WHERE substr({column} || '/', 1, ?) = ? || '/'",
            (now, len(before) + 1, len(before) + 1, before),
        )


def _recorded(store: sqlite3.Connection) -> list[str]:
    """The artifact folders that our experiments name, as this project writes them."""
    try:
        rows = store.execute(
            "SELECT DISTINCT artifact_location FROM experiments "
            "JOIN experiment_tags USING (experiment_id) "
            "WHERE key = 'question' AND artifact_location LIKE 'file:%/artifacts' "
            "ORDER BY experiment_id"
        ).fetchall()
    except sqlite3.DatabaseError:  # no tables yet, or no database: MLflow says so when it opens it
        return []
    return [place for (place,) in rows]
