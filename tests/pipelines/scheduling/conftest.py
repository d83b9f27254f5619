"""A client of a Prefect server with the usual schedules."""

import pytest


@pytest.fixture
def client(prefect):
    from tests.support.scheduled import usual_schedules

    with usual_schedules() as client:
        yield client
