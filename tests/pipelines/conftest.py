"""What tests share: an empty MLflow store, a Prefect server, a state folder with a champion.

Prefect is imported in the fixtures: pytest reads this file before it takes over the terminal.
"""

import pytest

from tests.support import prefect_server as temporary_server
from tests.support.databases import content


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory) -> bytes:
    """An MLflow database without content: to make one costs seconds."""
    from pipelines import settings
    from pipelines.tracking.client import Tracking

    home = tmp_path_factory.mktemp("empty")
    Tracking(settings.load({"ANN_HOME": str(home)})).open()
    return content(home / "mlflow.db")


@pytest.fixture
def store(tmp_path, empty_store):
    """An MLflow store of the test's own."""
    from pipelines import settings
    from pipelines.tracking.client import Tracking

    (tmp_path / "mlflow.db").write_bytes(empty_store)
    return Tracking(settings.load({"ANN_HOME": str(tmp_path)})).open()


@pytest.fixture(scope="session")
def prefect_server():
    """The address of the one temporary server: to start one costs seconds."""
    with temporary_server.started() as address:
        yield address


@pytest.fixture(scope="module")
def prefect(prefect_server):
    """That server for a module's flow runs; its address."""
    with temporary_server.in_use(prefect_server):
        yield prefect_server


@pytest.fixture(scope="session")
def champion_home(tmp_path_factory, prefect_server):
    """A state folder in which `mnist_ann` was trained on the offline digits and promoted."""
    with temporary_server.in_use(prefect_server):
        return temporary_server.home_with_a_champion(tmp_path_factory.mktemp("champion"))


@pytest.fixture
def home_with_champion(champion_home, tmp_path, monkeypatch):
    from tests.support.served import copied

    return copied(champion_home, tmp_path / "home", monkeypatch)
