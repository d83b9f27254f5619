"""Databases in which MLflow's client would make or alter tables as it opens them."""

from __future__ import annotations

from functools import lru_cache

from mlflow.store.db.db_types import DATABASE_ENGINES

from mlflow_reader.entities import StoreUnavailable

REVISIONS = "alembic_version"  # the table of a database's revision, MLflow's or another program's


def is_database(uri: str) -> bool:
    """Whether a tracking URI names a database, as `postgresql+psycopg://…`."""
    return uri.partition(":")[0].partition("+")[0] in DATABASE_ENGINES


@lru_cache(8)
def check(uri: str) -> None:
    """Refuse a database that does not have every table of this MLflow; asked until it has them.

    Raises:
        StoreUnavailable: it holds no store or another version's, or cannot be asked.
    """
    import sqlalchemy as sql
    from mlflow.store.db.base_sql_model import Base
    from mlflow.store.db.utils import create_sqlalchemy_engine  # and with it all tables of `Base`

    revisions = set[str]()
    try:
        engine = create_sqlalchemy_engine(uri)  # with the certificates of MLflow's variables
        try:
            with engine.connect() as connection:
                tables = set(sql.inspect(connection).get_table_names())
                if REVISIONS in tables:
                    query = sql.text(f"SELECT version_num FROM {REVISIONS}")
                    revisions = set(connection.execute(query).scalars())
        finally:
            engine.dispose()
    except Exception as error:  # a driver's, too
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
    if tables >= set(Base.metadata.tables):
        return
    if not revisions:
        raise StoreUnavailable(
            "it holds no MLflow store yet; correct MLFLOW_TRACKING_URI, or let the first run make "
            "one there."
        )
    raise StoreUnavailable(
        f"its tables ({', '.join(sorted(revisions))}) are of another version of MLflow or of "
        "another program; correct MLFLOW_TRACKING_URI, or make a backup and migrate them with "
        "`mlflow db upgrade`."
    )
