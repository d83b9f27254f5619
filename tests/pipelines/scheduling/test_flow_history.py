"""Prefect's old flow runs in the state folder go by age, with their tasks and logs."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from pipelines import settings
from pipelines.scheduling import flow_history
from pipelines.settings import Settings

MONTH = timedelta(days=30)


@pytest.fixture
def home(tmp_path, monkeypatch) -> Settings:
    for variable in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL"):
        monkeypatch.delenv(variable, raising=False)
    return settings.load({"ANN_HOME": str(tmp_path)})


@pytest.fixture
def database(home):
    """Prefect's own tables, empty."""
    from prefect.server.database import provide_database_interface
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, temporary_settings

    async def create() -> None:
        db = provide_database_interface()
        await db.create_db()
        await (await db.engine()).dispose()

    path = flow_history.database(home)
    path.parent.mkdir()
    url = f"sqlite+aiosqlite:///{path}"
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: url}):
        asyncio.run(create())
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        store.execute("INSERT INTO flow (id, name) VALUES ('f', 'lecture')")
        yield store


def ended(database: sqlite3.Connection, days_ago: float, state: str = "COMPLETED") -> str:
    """A flow run with a line of log."""
    then = (datetime.now(UTC) - timedelta(days=days_ago)).strftime("%F %T.%f")
    identity = str(uuid4())
    database.execute(
        "INSERT INTO flow_run (id, flow_id, name, state_type, end_time) VALUES (?, 'f', 'r', ?, ?)",
        (identity, state, None if state == "RUNNING" else then),
    )
    database.execute(
        "INSERT INTO log (id, name, level, flow_run_id, message, timestamp) "
        "VALUES (?, 'n', 20, ?, 'word', ?)",
        (str(uuid4()), identity, then),
    )
    return identity


@pytest.mark.slow
def test_old_flow_runs_go_with_their_logs_and_others_stay(home, database):
    for state in flow_history.ENDED:
        ended(database, 40, state)
    stay = {ended(database, 20), ended(database, 40, "RUNNING")}
    assert flow_history.count(home, MONTH) == 4
    flow_history.remove(home, MONTH)
    assert flow_history.count(home, MONTH) == 0
    for column, table in (("id", "flow_run"), ("flow_run_id", "log")):
        assert {row for (row,) in database.execute(f"SELECT {column} FROM {table}")} == stay


@pytest.mark.parametrize(
    ("age", "state", "parent", "found"),
    [
        (MONTH + timedelta(minutes=1), "COMPLETED", None, 1),
        (MONTH + timedelta(minutes=1), "CRASHED", None, 1),
        (MONTH - timedelta(minutes=1), "COMPLETED", None, 0),
        (MONTH + timedelta(minutes=1), "RUNNING", None, 0),
        (MONTH + timedelta(minutes=1), "COMPLETED", "a task run", 0),  # goes with its flow run
    ],
)
def test_flow_runs_that_ended_so_long_ago_are_counted(home, age, state, parent, found):
    path = flow_history.database(home)
    path.parent.mkdir()
    then = (datetime.now(UTC) - age).strftime("%F %T.%f")
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        store.execute("CREATE TABLE flow_run (end_time, parent_task_run_id, state_type)")
        store.execute("INSERT INTO flow_run VALUES (?, ?, ?)", (then, parent, state))
    assert flow_history.count(home, MONTH) == found


def test_what_ended_less_than_an_hour_ago_is_kept_by_prefect(home):
    path = flow_history.database(home)
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        store.execute("CREATE TABLE flow_run (end_time, parent_task_run_id, state_type)")
        for minutes in (59, 62):
            then = (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%F %T.%f")
            store.execute("INSERT INTO flow_run VALUES (?, NULL, 'COMPLETED')", (then,))
    assert flow_history.count(home, timedelta(0)) == 1


def test_no_database_and_one_that_has_no_tables_hold_no_flow_runs(home):
    assert flow_history.count(home, MONTH) == 0
    path = flow_history.database(home)
    path.parent.mkdir()
    sqlite3.connect(path).close()
    assert flow_history.count(home, MONTH) == 0


def test_a_server_elsewhere_keeps_its_own_house(home):
    elsewhere = Settings(home.home, home.tracking_uri, "http://prefect:4200/api")
    flow_history.database(home).parent.mkdir()
    flow_history.database(home).write_text("not even a database")
    assert flow_history.count(elsewhere, MONTH) == 0


def test_prefects_vacuum_knows_the_words_that_our_servers_are_told():
    from prefect.settings.models.server.services import ServerServicesDBVacuumSettings

    (words,) = flow_history.ENVIRONMENT.values()
    assert ServerServicesDBVacuumSettings(enabled=words).enabled_vacuum_types >= {"flow_runs"}
