"""What is kept of answered requests: log lines, metrics, and the predictions that people correct.

All of it is done for many requests in a row: between the answers it takes more than three times as
long, because each finds the processor's caches full of the other's work.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field

from serving import metrics
from serving.access_log import AccessLog
from serving.feedback.store import Feedback, Prediction
from serving.http import Request
from serving.model.runner import ModelRunner

TOGETHER = 64  # requests; a third of a millisecond of work


@dataclass(slots=True)
class Record:
    """An answered request."""

    request: Request
    route: str
    status: int
    client: str
    seconds: float
    time: float


@dataclass(slots=True)
class Total:
    """What a model answered of the records that are flushed together."""

    requests: int = 0
    seconds: float = 0.0
    last: float = 0.0
    answered: list[tuple[int, float]] = field(default_factory=list)  # digit and its probability


class Records:
    """Takes answered requests from the event loop; `flush` makes the records of them."""

    def __init__(self, log: AccessLog, feedback: Feedback) -> None:
        """Take where lines and predictions go."""
        self._log = log
        self.feedback = feedback
        self._waiting: list[Record] = []

    def add(self, request: Request, route: str, status: int, client: str, seconds: float) -> None:
        """Take note of an answered request."""
        request.body = b""
        self._waiting.append(Record(request, route, status, client, seconds, time.time()))
        if len(self._waiting) >= TOGETHER:
            self.flush()

    def write(self) -> None:
        """Flush, and have the log written; to be called every second or so."""
        self.flush()
        self._log.flush()

    def close(self) -> None:
        """Flush, and write what is left."""
        self.flush()
        self._log.close()
        self.feedback.close()

    def flush(self) -> None:
        """Record all that waits; to be called before records are read."""
        waiting, self._waiting = self._waiting, []
        totals: dict[ModelRunner, Total] = {}
        counts = Counter([(record.route, record.status) for record in waiting])
        metrics.requested(counts)
        for record in waiting:
            try:
                self._keep(record, totals)
            except Exception:  # one record that cannot be kept costs no other
                metrics.lost.labels("record").inc()
                print(traceback.format_exc(), file=sys.stderr)
        for runner, total in totals.items():
            metrics.inferred(runner, total.requests, total.seconds, total.last)
            metrics.answered(runner, total.answered)

    def _keep(self, record: Record, totals: dict[ModelRunner, Total]) -> None:
        request = record.request
        metrics.took(record.route, record.seconds)
        self._log.add(request, record.status, record.client, record.seconds, record.time)
        if request.runner is None or not request.images:
            return
        metrics.images.observe(request.images)
        total = totals.get(request.runner)
        if total is None:
            total = totals[request.runner] = Total()
        total.requests += 1
        total.seconds += request.inference_seconds
        total.last = record.time
        if not request.answered:
            return
        if request.images == 1:  # of more, the digits were counted together
            total.answered.append(request.answered[0][2:])
        if request.asks("live"):  # a drawing that is not finished is no training data
            return
        model = request.runner.model
        for answer_id, image, digit, sure in request.answered:
            self.feedback.remember(
                Prediction(answer_id, record.time, model.name, model.version, digit, sure, image)
            )
