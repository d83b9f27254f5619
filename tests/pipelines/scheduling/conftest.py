"""One Prefect server for all tests of schedules, and the usual schedules in it."""

import pytest

from tests.support.prefect_server import running_prefect


@pytest.fixture(scope="package")
def prefect():
    """One temporary server: it costs seconds to start."""
    with running_prefect():
        yield


@pytest.fixture
def client(prefect):
    """A client of the server, with the usual schedules; all are gone afterwards."""
    from pipelines.scheduling import deployments, schedules

    with deployments.connected() as client:
        deployments.prepare(client)
        yield client
        for deployment in deployments.deployments(client):
            for run in schedules.runs(client, deployment.id, schedules.ACTIVE, limit=100):
                client.delete_flow_run(run.id)
            schedules.remove(client, deployment.name)
        client.delete_variable_by_name(deployments.MADE)
