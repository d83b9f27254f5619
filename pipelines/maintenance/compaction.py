"""Give the room that deleted rows leave in an SQLite file back to the disk."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

LOCK_SECONDS = 30  # that another process's transaction is waited for


def compact(database: Path) -> int:
    """Give an SQLite file's free pages back to the disk.

    Returns:
        Bytes by which it and its log shrank.

    Raises:
        sqlite3.OperationalError: another process locks it, or there is no room for the copy that
            this needs.
    """
    files = [database, database.with_name(f"{database.name}-wal")]

    def size() -> int:
        return sum(file.stat().st_size for file in files if file.exists())

    before = size()
    with closing(sqlite3.connect(database, LOCK_SECONDS, isolation_level=None)) as store:
        store.execute("VACUUM")
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return max(0, before - size())
