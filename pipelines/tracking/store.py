"""The store behind the tracking URI: the embedded one is made, that of others is checked."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from pipelines.errors import TrackingUnavailable
from pipelines.settings import Settings

DATABASE = "mlflow.db"  # of the embedded store
OLDEST_SERVER = 3  # major version: older ones have no logged models
VERSION = "/version"
MIGRATIONS = "alembic", "mlflow.store.db.utils"  # loggers


def make_store(settings: Settings) -> None:
    """Make the embedded store, whole or not at all: no other process opens half of its tables."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    for name in MIGRATIONS:  # each table's change would be a line on the terminal
        logging.getLogger(name).setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(dir=settings.home) as folder:
        new = Path(folder, DATABASE)
        store = SqlAlchemyStore(f"sqlite:///{new}", settings.artifacts.as_uri())
        store.engine.dispose()
        new.replace(settings.home / DATABASE)


def check_version(uri: str) -> None:
    """Refuse a server that is too old.

    Raises:
        TrackingUnavailable: it lacks what runs need.
    """
    response = http_request(get_default_host_creds(uri), VERSION, "GET", max_retries=0)
    major = response.text.partition(".")[0] if response.ok else ""
    if major.isdecimal() and int(major) < OLDEST_SERVER:
        raise TrackingUnavailable(
            f"the MLflow server at {uri} is version {response.text[:20]}; {OLDEST_SERVER}.0 or "
            "newer is needed. Upgrade it, or unset MLFLOW_TRACKING_URI to use the embedded store."
        )
