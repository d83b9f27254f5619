"""Prefect's memory of flow runs in the state folder: counted, and removed by age.

Prefect's own vacuum does the removing. A server that stays runs it by itself every hour (90 days
back; PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD in seconds); a temporary one never does.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines.settings import Settings

# For the servers that we start: by default only events are deleted, after a week.
ENVIRONMENT = {"PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs"}
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
SHORTEST = timedelta(hours=1, seconds=1)  # that Prefect's vacuum accepts


def database(settings: Settings) -> Path:
    """The database of `ann up` and of the temporary servers."""
    return settings.home / "prefect" / "prefect.db"


def count(settings: Settings, older_than: timedelta) -> int:
    """Flow runs that ended that long ago; none where a server elsewhere keeps them."""
    path = database(settings)
    if settings.prefect_api_url or not path.exists():
        return 0
    limit = datetime.now(UTC) - max(older_than, SHORTEST)
    query = (
        "SELECT count(*) FROM flow_run WHERE end_time < ? AND parent_task_run_id IS NULL "
        f"AND state_type IN ({', '.join('?' * len(ENDED))})"
    )
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as store:
        try:
            found: int = store.execute(query, (limit.strftime("%F %T.%f"), *ENDED)).fetchone()[0]
        except sqlite3.OperationalError:  # Prefect has not made its tables yet
            return 0
    return found


def remove(settings: Settings, older_than: timedelta) -> None:
    """Remove flow runs that ended that long ago, with their tasks, logs and artifacts."""
    from prefect.server.database import provide_database_interface
    from prefect.server.services import db_vacuum
    from prefect.settings import (
        PREFECT_API_DATABASE_CONNECTION_URL,
        PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD,
        temporary_settings,
    )

    async def vacuum() -> None:
        db = provide_database_interface()
        await db_vacuum.vacuum_old_flow_runs(db=db)
        await db_vacuum.vacuum_stale_artifact_collections(db=db)
        await (await db.engine()).dispose()

    chosen = {
        PREFECT_API_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{database(settings)}",
        PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD: max(older_than, SHORTEST),
    }
    with temporary_settings(chosen):
        asyncio.run(vacuum())
