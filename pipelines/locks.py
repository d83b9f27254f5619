"""One process of this machine at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pipelines.errors import RegistryError

LOCK_SECONDS = 60


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Hold a lock file, as long as nobody else on this machine does.

    It is freed by the system if the holder is killed.

    Raises:
        RegistryError: another held it for a minute.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # SQLite's lock is in the standard library and the same on every system.
    with closing(sqlite3.connect(path, LOCK_SECONDS, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise RegistryError(
                f"{path} could not be locked within {LOCK_SECONDS} s ({error}): another "
                "process of this machine holds it; wait for that, or end it."
            ) from error
        yield
