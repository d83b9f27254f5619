"""Corrections as people send them to the service, and what its store holds."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from tests.support.small_service import Service, a_one

ONE = a_one().tolist()


def rows(home: Path, table: str) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(home / "feedback.db")) as database:
        database.row_factory = sqlite3.Row
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchall():
            return []  # nothing was written yet
        return database.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()


def say(service: Service, **fields) -> tuple[int, str]:
    answer = service.post("/feedback", json=fields)
    content = answer.json()
    return answer.status_code, content.get("feedback") or content["error"]


def pixels(image: list) -> bytes:
    return (np.array(image) * 255).astype(np.uint8).tobytes()
