"""What Prometheus reads: each answer counted once, under its version."""

import os
import subprocess
import sys

import pytest
from prometheus_client import REGISTRY

from serving import metrics
from serving.metrics import ModelTotals
from serving.model.loaded_model import load
from serving.model.runner import ModelRunner
from tests.support.small_service import NAME, Service, put_copy


def test_the_metrics_count_what_happened(service: Service):
    def value(line: str) -> float:
        lines = service.get("/metrics").text.splitlines()
        return sum(float(text.split()[-1]) for text in lines if text.startswith(line + " "))

    watched = {
        'ann_requests_total{route="predict",status="200"}': 1,
        'ann_requests_total{route="predict",status="422"}': 1,
        'ann_refusals_total{reason="InvalidDigits"}': 1,
        'ann_request_seconds_count{route="predict"}': 2,
        "ann_images_per_request_sum": 2,
        "ann_confidence_count": 2,
        "ann_uncertain_total": 2,
    }
    before = {line: value(line) for line in watched}
    service.post("/predict", json={"images": [[0] * 784] * 2})
    service.post("/predict", json={})
    assert {line: value(line) - before[line] for line in watched} == watched
    served = f'ann_model_served{{data="mnist",model="{NAME}",version="3"}}'
    assert value(served) == 1


# Each metric


@pytest.fixture
def runners(tmp_path) -> list[ModelRunner]:
    """Version 8 of digits, and version 1 of signs a and b."""
    put_copy(tmp_path, "8", seed=1)
    put_copy(tmp_path, "1", seed=1, name="signs", labels=["a", "b"])
    models = [load(tmp_path, name, number, "") for name, number in ((NAME, "8"), ("signs", "1"))]
    return [ModelRunner(model, "") for model in models]


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_requests_are_counted_by_route_and_status():
    before = value("ann_requests_total", route="r", status="200")
    metrics.requested({("r", 200): 3, ("r", 404): 1})
    metrics.requested({("r", 200): 2})
    assert value("ann_requests_total", route="r", status="200") - before == 5
    assert value("ann_requests_total", route="r", status="404") >= 1


def test_seconds_are_observed_by_route():
    before = value("ann_request_seconds_count", route="r")
    for seconds in (0.25, 0.5):
        metrics.took("r", seconds)
    assert value("ann_request_seconds_count", route="r") - before == 2
    assert value("ann_request_seconds_sum", route="r") >= 0.75
    assert value("ann_request_seconds_bucket", route="r", le="0.1") == 0
    assert value("ann_request_seconds_bucket", route="r", le="0.5") >= 2


def test_digits_are_counted_by_class_of_their_model(runners):
    digits, signs = runners
    before = value("ann_confidence_count")
    metrics.answered(digits, [(9, 0.5), (0, 0.9), (9, 0.99)])
    metrics.answered(signs, [(1, 0.5)])
    assert value("ann_confidence_count") - before == 4
    assert value("ann_digits_total", model=NAME, version="8", digit="9") == 2
    assert value("ann_digits_total", model=NAME, version="8", digit="0") == 1
    assert value("ann_digits_total", model="signs", version="1", digit="1") == 1
    last = dict(model="signs", version="1")
    assert REGISTRY.get_sample_value("ann_digits_total", last | {"digit": "0"}) == 0
    assert REGISTRY.get_sample_value("ann_digits_total", last | {"digit": "2"}) is None


def test_a_number_that_is_used_again_may_have_more_classes(tmp_path):
    for labels in ("ab", "abc"):
        put_copy(tmp_path, "1", seed=1, name="shapes", labels=list(labels))
        runner = ModelRunner(load(tmp_path, "shapes", "1", ""), "")
        metrics.answered(runner, [(len(labels) - 1, 0.5)])
    found = [value("ann_digits_total", model="shapes", version="1", digit=n) for n in "012"]
    assert found == [0, 1, 1]


def test_what_a_version_answered_is_in_its_totals_and_in_no_others(runners):
    digits, signs = runners
    before, others = metrics.totals(*digits.key), metrics.totals(*signs.key)
    metrics.inferred(digits, 2, 0.25, 1000.5)
    metrics.inferred(digits, 1, 0.5, 2000.25)
    metrics.answered(digits, [(1, 0.5)] * 5)
    after = metrics.totals(*digits.key)
    assert (after.name, after.version) == digits.key
    assert after.requests - before.requests == 3
    assert after.images - before.images == 5
    assert after.nanoseconds - before.nanoseconds == 750_000_000
    assert after.last_milliseconds == 2_000_250
    assert metrics.totals(*signs.key) == others
    assert metrics.totals(NAME, "99") == ModelTotals(NAME, "99", 0, 0, 0, 0)
    assert metrics.totals("others", "8").requests == 0


def test_the_version_that_serves_is_one_and_the_one_before_it_zero(runners):
    digits, signs = runners
    labels = [dict(model=NAME, version="8", data="mnist")]
    labels += [dict(model="signs", version="1", data="mnist")]
    swaps = value("ann_model_swaps_total")
    metrics.swapped(None, digits)
    assert (value("ann_model_served", **labels[0]), value("ann_model_swaps_total")) == (1, swaps)
    metrics.swapped(digits, signs)
    assert [value("ann_model_served", **each) for each in labels] == [0, 1]
    assert value("ann_model_swaps_total") == swaps + 1


def test_the_text_is_prometheus_own(runners):
    metrics.swapped(None, runners[0])
    answer = metrics.exposition()
    assert (answer.status, answer.media_type.partition(";")[0]) == (200, "text/plain")
    assert b"# TYPE ann_model_served gauge" in answer.body


COUNT = "from serving import metrics; metrics.requested({('r', 200): 2})"
ADD = f"{COUNT}; print(metrics.exposition().body.decode())"


def test_the_counts_of_all_processes_are_summed(tmp_path):
    environ = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    for script in (COUNT, ADD):
        done = subprocess.run(
            [sys.executable, "-c", script], env=environ, check=True, capture_output=True, text=True
        )
    assert 'ann_requests_total{route="r",status="200"} 4.0' in done.stdout.splitlines()


# An alert misses what a series begins with: each is exposed from the start

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
