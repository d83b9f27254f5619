"""What is kept of answered requests: log lines, metrics, and the predictions that people correct.

All of it is done for many requests in a row: between the answers it takes more than three times as
long, because each finds the processor's caches full of the other's work.
"""

from __future__ import annotations

import time

from serving import metrics
from serving.access_log import AccessLog
from serving.feedback.store import Feedback, Prediction
from serving.http import Request

TOGETHER = 64  # requests; a third of a millisecond of work


class Records:
    """Takes answered requests from the event loop; `flush` makes the records of them."""

    def __init__(self, log: AccessLog, feedback: Feedback) -> None:
        """Take where lines and predictions go."""
        self._log = log
        self.feedback = feedback
        self._waiting: list[tuple[Request, str, int, str, float, float]] = []

    def add(self, request: Request, route: str, status: int, client: str, seconds: float) -> None:
        """Take note of an answered request."""
        request.body = b""
        self._waiting.append((request, route, status, client, seconds, time.time()))
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
        for request, route, status, client, seconds, now in waiting:
            metrics.request(route, status, seconds)
            self._log.add(request, status, client, seconds, now)
            if request.answered is not None and request.runner is not None:
                image, digit, sure = request.answered
                metrics.answered(request.runner, 1, ((digit, sure),))
                if request.asks("live"):  # a drawing that is not finished teaches nothing
                    continue
                model = request.runner.model
                self.feedback.remember(
                    Prediction(
                        request.request_id, now, model.name, model.version, digit, sure, image
                    )
                )
