"""What Prometheus reads at /metrics; of all workers together where there are several."""

from __future__ import annotations

import os
from collections import Counter as Counter_
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
confidence = Histogram("ann_confidence", "Highest of the class probabilities.", buckets=CONFIDENCE)
refusals = Counter("ann_refusals", "Requests that were not answered, by reason.", ["reason"])
swaps = Counter("ann_model_swaps", "Times that another version began to serve.")
unverified = Gauge(
    "ann_model_refused",
    "1 while the alias names a version that does not verify.",
    multiprocess_mode="livemax",
)
inferences = Counter("ann_inferences", "Answered requests of a version.", ["model", "version"])
inference_seconds = Counter(
    "ann_inference_seconds", "Time that a version's answers took.", ["model", "version"]
)
last_inference = Gauge(
    "ann_last_inference_timestamp_seconds",
    "When a version answered last.",
    ["model", "version"],
    multiprocess_mode="max",
)
uncertain = Counter("ann_uncertain", "Answers that were marked uncertain, with their reasons.")
registry_up = Gauge("ann_registry_up", "1 while the registry answers.", multiprocess_mode="livemin")
registry_age = Gauge(
    "ann_registry_age_seconds",
    "Time since the registry last confirmed which version serves; -1: it never did.",
    multiprocess_mode="livemax",
)
degraded = Gauge(
    "ann_degraded",
    "1 while that time is past the limit.",
    multiprocess_mode="livemax",
)
serving = Gauge(
    "ann_model_served",
    "Workers that serve this version.",
    ["model", "version", "data"],
    multiprocess_mode="livesum",
)
in_flight = Gauge("ann_in_flight", "Requests under way.", multiprocess_mode="livesum")
body_bytes = Gauge(
    "ann_body_bytes", "Bytes of large bodies under way.", multiprocess_mode="livesum"
)
corrections = Counter("ann_corrections", "Corrections that people sent, by outcome.", ["outcome"])
lost = Counter("ann_records_lost", "Log lines and predictions that were not kept.", ["kind"])
# An alert misses what a series begins with: those that alerts count begin at 0.
for _kind in ("log line", "record", "prediction"):
    lost.labels(_kind)

# Children are looked up by label once, not with every request.
_latencies: dict[str, Any] = {}
_digits: dict[tuple[str, str], list[Any]] = {}
_inferences: dict[tuple[str, str], list[Any]] = {}


def expect(routes: Iterable[str]) -> None:
    """Begin the count of each route's server errors, so that an alert sees the first ones."""
    for route in routes:
        for status in (500, 503):
            requests.labels(route, status)


def requested(counts: Mapping[tuple[str, int], int]) -> None:
    """Count requests that were answered, by route and status."""
    for (route, status), count in counts.items():
        requests.labels(route, status).inc(count)


def took(route: str, seconds: float) -> None:
    """Take note of the time that an answer took."""
    child = _latencies.get(route)
    if child is None:
        child = _latencies[route] = latency.labels(route)
    child.observe(seconds)


def inferred(runner: ModelRunner, count: int, seconds: float, last: float) -> None:
    """Count requests that a version answered in so many seconds, the last at a time."""
    key = runner.model.name, runner.model.version
    children = _inferences.get(key)
    if children is None:
        each = inferences, inference_seconds, last_inference
        children = _inferences[key] = [metric.labels(*key) for metric in each]
    children[0].inc(count)
    children[1].inc(seconds)
    children[2].set(last)


def answered(runner: ModelRunner, answers: Iterable[tuple[int, float]]) -> None:
    """Count digits, each with its confidence."""
    key = runner.model.name, runner.model.version
    children = _digits.get(key)
    if children is None or len(children) < runner.model.classes:  # the number may be used again
        classes = range(runner.model.classes)
        children = _digits[key] = [digits.labels(*key, each) for each in classes]
    counts: Counter_[int] = Counter_()
    for digit, sure in answers:
        counts[digit] += 1
        confidence.observe(sure)
    for digit, count in counts.items():
        children[digit].inc(count)


def swapped(old: ModelRunner | None, new: ModelRunner) -> None:
    """Note that another version serves."""
    if old is not None:
        swaps.inc()
        serving.labels(old.model.name, old.model.version, old.model.data).set(0)
    serving.labels(new.model.name, new.model.version, new.model.data).set(1)


@dataclass(frozen=True)
class ModelTotals:
    """What a version answered since the service started, in all workers."""

    name: str
    version: str
    requests: int
    images: int
    nanoseconds: int
    last_milliseconds: int


def totals(name: str, version: str) -> ModelTotals:
    """What a version answered."""
    sums = {"ann_inferences_total": 0.0, "ann_inference_seconds_total": 0.0}
    sums |= {"ann_digits_total": 0.0, "ann_last_inference_timestamp_seconds": 0.0}
    for metric in _registry().collect():
        for sample in metric.samples:
            of_it = sample.labels.get("model") == name and sample.labels.get("version") == version
            if sample.name in sums and of_it:
                sums[sample.name] += sample.value
    requests_, seconds, images_, last = sums.values()
    return ModelTotals(
        name, version, int(requests_), int(images_), int(1e9 * seconds), int(1000 * last)
    )


def exposition() -> Response:
    """All metrics in Prometheus' text form."""
    content = generate_latest(_registry())
    return Response(content, media_type="text/plain; version=0.0.4; charset=utf-8")


def _registry() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry
