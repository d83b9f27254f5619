"""What an alert counts is exposed from the start: it misses what a series begins with."""

import os
import subprocess
import sys

import pytest

from tests.support.small_service import Service

START = """
from serving import metrics
metrics.expect(["predict"])
print(metrics.exposition().body.decode())
"""


@pytest.fixture(params=["one worker", "several workers"])
def at_start(request, tmp_path) -> list[str]:
    """The metrics of a service that has answered nothing yet."""
    several = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)} if "several" in request.param else {}
    command = [sys.executable, "-c", START]
    return subprocess.check_output(command, env=os.environ | several, text=True).splitlines()


@pytest.mark.parametrize("kind", ["log line", "record", "prediction"])
def test_no_record_is_lost_at_the_start(at_start, kind):
    assert f'ann_records_lost_total{{kind="{kind}"}} 0.0' in at_start


def test_no_request_has_failed_at_the_start(at_start):
    for status in (500, 503):
        assert f'ann_requests_total{{route="predict",status="{status}"}} 0.0' in at_start


def test_the_server_errors_of_every_route_are_counted_from_the_start(tmp_path):
    service = Service(tmp_path)
    exposed = service.get("/metrics").text
    service.close()
    for route in service.routes.table:
        assert f'ann_requests_total{{route="{route.name}",status="500"}}' in exposed
