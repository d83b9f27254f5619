"""What Prometheus reads at /metrics; of all workers together where there are several."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from serving.http import Response
from serving.model.runner import ModelRunner

SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)
IMAGES = (1, 2, 4, 8, 16, 32, 64, 256, 1024)
CONFIDENCE = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)

requests = Counter("ann_requests", "Requests by route and status.", ["route", "status"])
latency = Histogram("ann_request_seconds", "Time to answer, by route.", ["route"], buckets=SECONDS)
images = Histogram("ann_images_per_request", "Images in one request.", buckets=IMAGES)
digits = Counter("ann_digits", "Answered digits.", ["model", "version", "digit"])
confidence = Histogram("ann_confidence", "Highest of the ten probabilities.", buckets=CONFIDENCE)
refusals = Counter("ann_refusals", "Requests that were not answered, by reason.", ["reason"])
swaps = Counter("ann_model_swaps", "Times that another version began to serve.")
unverified = Gauge(
    "ann_model_refused",
    "1 while the alias names a version that does not verify.",
    multiprocess_mode="livemax",
)
registry_up = Gauge("ann_registry_up", "1 while the registry answers.", multiprocess_mode="livemin")
serving = Gauge(
    "ann_model_served",
    "Workers that serve this version.",
    ["model", "version", "data"],
    multiprocess_mode="livesum",
)
in_flight = Gauge("ann_in_flight", "Requests under way.", multiprocess_mode="livesum")
corrections = Counter("ann_corrections", "Corrections that people sent, by outcome.", ["outcome"])
lost = Counter("ann_records_lost", "Log lines and predictions that were not kept.", ["kind"])

# Children are looked up by label once, not with every request.
_requests: dict[tuple[str, int], Any] = {}
_latencies: dict[str, Any] = {}
_digits: dict[tuple[str, str], list[Any]] = {}


def request(route: str, status: int, seconds: float) -> None:
    """Count a request that was answered."""
    count = _requests.get((route, status))
    if count is None:
        count = _requests[route, status] = requests.labels(route, status)
        _latencies[route] = latency.labels(route)
    count.inc()
    _latencies[route].observe(seconds)


def answered(runner: ModelRunner, count: int, answers: Iterable[tuple[int, float]]) -> None:
    """Count the digits of a request, each with its confidence."""
    key = runner.model.name, runner.model.version
    children = _digits.get(key)
    if children is None:
        children = _digits[key] = [digits.labels(*key, digit) for digit in range(10)]
    images.observe(count)
    for digit, sure in answers:
        children[digit].inc()
        confidence.observe(sure)


def swapped(old: ModelRunner | None, new: ModelRunner) -> None:
    """Note that another version serves."""
    if old is not None:
        swaps.inc()
        serving.labels(old.model.name, old.model.version, old.model.data).set(0)
    serving.labels(new.model.name, new.model.version, new.model.data).set(1)


def exposition() -> Response:
    """All metrics in Prometheus' text form."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    return Response(
        generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8"
    )
