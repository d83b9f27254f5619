"""New MLflow databases as copies of one: MLflow's migrations take more than a second for each."""

import sqlite3
from contextlib import closing

from mlflow.store.db import utils
from mlflow.store.model_registry import sqlalchemy_store
from sqlalchemy.engine import Engine


def made_once() -> None:
    """Let MLflow make the tables of its first new database in this process alone."""
    template = sqlite3.connect(":memory:", check_same_thread=False)
    make_tables = utils._initialize_tables

    def initialize(engine: Engine) -> None:
        made = template.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if not made:
            make_tables(engine)
        with closing(engine.raw_connection()) as connection:
            database = connection.driver_connection
            template.backup(database) if made else database.backup(template)

    utils._initialize_tables = sqlalchemy_store._initialize_tables = initialize
