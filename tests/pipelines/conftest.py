"""What tests of flows share: a Prefect server, and a state folder with a champion.

Prefect is imported in the fixtures: pytest reads this file before it takes over the terminal.
"""

import pytest


@pytest.fixture(scope="module")
def prefect():
    """One temporary server for a module's flow runs, without the second that a heartbeat costs."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(120), temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


@pytest.fixture(scope="module")
def champion_home(tmp_path_factory, prefect):
    """A state folder in which `mnist_ann` was trained on the offline digits and promoted."""
    from served import enter

    from pipelines import flows

    home = tmp_path_factory.mktemp("champion")
    with pytest.MonkeyPatch.context() as monkeypatch:
        enter(home, monkeypatch)
        flows.lecture(["mnist_ann"], seeds=1)
    return home


@pytest.fixture
def home_with_champion(champion_home, tmp_path, monkeypatch):
    from served import copied

    return copied(champion_home, tmp_path / "home", monkeypatch)
