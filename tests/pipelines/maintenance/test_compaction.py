"""Deleted rows give their room back, unless another process uses the database."""

import sqlite3
from contextlib import closing
from datetime import timedelta

from pipelines.maintenance import compaction, retention

MONTH = timedelta(days=30)


def test_the_file_shrinks_by_what_was_deleted(tmp_path):
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE t (content BLOB)")
        database.execute("INSERT INTO t VALUES (zeroblob(1000000))")
        database.execute("DELETE FROM t")
    before = path.stat().st_size
    freed = compaction.compact(path)
    assert freed == before - path.stat().st_size
    assert freed > 900_000


def test_a_database_in_use_keeps_its_size_and_that_is_said(store, monkeypatch):
    monkeypatch.setattr(compaction, "LOCK_SECONDS", 0.1)
    with closing(sqlite3.connect(store.settings.home / "mlflow.db")) as reader:
        reader.execute("BEGIN IMMEDIATE")
        outcome = retention.apply(store, retention.plan(store, MONTH, keep=1))
    (failure,) = outcome.failures
    assert "mlflow.db keeps its size (database is locked)" in failure
