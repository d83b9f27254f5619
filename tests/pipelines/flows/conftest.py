"""One Prefect server and one champion for all tests of flows: either costs seconds to make."""

import pytest

from tests.support.prefect_server import home_with_a_champion, running_prefect


@pytest.fixture(scope="package")
def prefect():
    """One temporary server for the flow runs of all modules here."""
    with running_prefect():
        yield


@pytest.fixture(scope="package")
def champion_home(tmp_path_factory, prefect):
    """A state folder with a champion; tests copy it."""
    return home_with_a_champion(tmp_path_factory.mktemp("champion"))
