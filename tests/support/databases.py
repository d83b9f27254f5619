"""A store's database as bytes, from which tests make stores of their own."""

import sqlite3
from contextlib import closing
from pathlib import Path


def content(path: Path) -> bytes:
    """A database with what its write-ahead log holds."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.read_bytes()
