"""The state folder may move: MLflow's embedded store keeps absolute paths, repaired here."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

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

    Args:
        settings: name the state folder.
        database: the store to repair, such as a copy; by default the one in the state folder.

    Returns:
        Where the folder was, if it was moved.
    """
    database = database or settings.home / "mlflow.db"
    if not settings.embedded or not database.exists():
        return None
    with closing(sqlite3.connect(database)) as store, store:
        before = _recorded(store)
        now = settings.artifacts.as_uri()
        if before is None or before == now:
            return None
        for table, column in PATHS:
            store.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                f"WHERE substr({column} || '/', 1, ?) = ? || '/'",
                (now, len(before) + 1, len(before) + 1, before),
            )
    return _folder(before)


def _folder(artifacts: str) -> Path:
    return Path(unquote(urlsplit(artifacts).path)).parent


def _recorded(store: sqlite3.Connection) -> str | None:
    """The artifact folder that our experiments name."""
    try:
        row = store.execute(
            "SELECT artifact_location FROM experiments JOIN experiment_tags USING (experiment_id) "
            "WHERE key = 'question' LIMIT 1"
        ).fetchone()
    except sqlite3.DatabaseError:  # no tables yet, or no database: MLflow says so when it opens it
        return None
    return row[0] if row else None
