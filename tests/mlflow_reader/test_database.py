"""What a database holds is known before MLflow's client opens it, which makes what is missing."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sql

from mlflow_reader.database import check, is_database
from mlflow_reader.entities import StoreUnavailable
from mlflow_reader.reader import open_reader
from pipelines import settings
from pipelines.tracking.store import make_store


def tables(uri: str) -> list[str]:
    engine = sql.create_engine(uri)
    found = sql.inspect(engine).get_table_names()
    engine.dispose()
    return found


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("postgresql://bob@host/mlflow", True),
        ("postgresql+psycopg://bob@host/mlflow", True),
        ("sqlite+pysqlite:////a.db", True),
        ("mysql+pymysql://host/mlflow", True),
        ("https://host/sqlite", False),
        ("file:///mlruns", False),
        ("/mlruns", False),
    ],
)
def test_the_scheme_says_whether_it_is_a_database(uri, expected):
    assert is_database(uri) is expected


@pytest.mark.parametrize("ask", [check, open_reader])
def test_a_database_without_mlflows_tables_is_refused_and_gets_none(tmp_path, ask):
    uri = f"sqlite+pysqlite:///{tmp_path}/empty.db"
    with pytest.raises(StoreUnavailable, match="it holds no MLflow store yet"):
        ask(uri)
    assert tables(uri) == []


def test_an_empty_file_is_refused_and_stays_empty(tmp_path):
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreUnavailable, match="it holds no MLflow store yet"):
        open_reader(f"sqlite:///{tmp_path}/empty.db")
    assert (tmp_path / "empty.db").read_bytes() == b""


@pytest.mark.parametrize("ask", [check, open_reader])
@pytest.mark.parametrize("revision", ["451aebb31d03", "prefects"])
def test_tables_of_another_version_or_program_are_refused_and_not_migrated(tmp_path, ask, revision):
    """MLflow's client would add the tables that its version knows."""
    uri = f"sqlite+pysqlite:///{tmp_path}/earlier.db"
    with closing(sqlite3.connect(tmp_path / "earlier.db")) as made, made:
        made.execute("CREATE TABLE alembic_version (version_num)")
        made.execute("INSERT INTO alembic_version VALUES (?)", [revision])
    with pytest.raises(StoreUnavailable, match=f"{revision}.*`mlflow db upgrade`"):
        ask(uri)
    assert tables(uri) == ["alembic_version"]


def store(folder: Path) -> str:
    """The address of a new store, as other programs than this project write it."""
    found = settings.load({"ANN_HOME": str(folder)})
    make_store(found)
    return found.tracking_uri.replace("sqlite:", "sqlite+pysqlite:")


def test_a_store_of_this_version_is_read_and_asked_once(tmp_path):
    uri = store(tmp_path)
    check(uri)
    (tmp_path / "mlflow.db").unlink()
    check(uri)


def test_a_store_is_whole_only_with_every_table(tmp_path):
    uri = store(tmp_path)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as made, made:
        made.execute("DROP TABLE logged_model_tags")
    with pytest.raises(StoreUnavailable, match="of another version of MLflow"):
        check(uri)


def test_a_store_that_is_made_after_a_refusal_is_read(tmp_path):
    uri = f"sqlite+pysqlite:///{tmp_path}/mlflow.db"
    with pytest.raises(StoreUnavailable):
        open_reader(uri)
    assert store(tmp_path) == uri
    assert [found.name for found in open_reader(uri).experiments()] == ["Default"]


def test_a_database_that_cannot_be_asked_is_refused_with_the_cause_and_no_password():
    with pytest.raises(StoreUnavailable) as refused:
        check("postgresql+nothing://bob:s3cret@127.0.0.1:9/mlflow")
    assert str(refused.value).startswith("NoSuchModuleError")
    assert "s3cret" not in str(refused.value)
