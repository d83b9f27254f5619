"""What is kept of answered requests: log lines, metrics, and the predictions that people correct.

All of it is done for many requests in a row: between the answers it takes more than three times as
long, because each finds the processor's caches full of the other's work.
"""

from __future__ import annotations

import time

from serving import metrics
from serving.access_log import AccessLog
from serving.feedback.store import Feedback, Prediction
from serving.http import Call

TOGETHER = 64  # requests; a third of a millisecond of work


class Records:
    """Takes answered requests from the event loop; `settle` makes the records of them."""

    def __init__(self, log: AccessLog, feedback: Feedback) -> None:
        """Take where lines and predictions go."""
        self._log = log
        self.feedback = feedback
        self._waiting: list[tuple[Call, str, int, str, float, float]] = []

    def add(self, call: Call, route: str, status: int, client: str, seconds: float) -> None:
        """Take note of an answered request."""
        call.body = b""
        self._waiting.append((call, route, status, client, seconds, time.time()))
        if len(self._waiting) >= TOGETHER:
            self.settle()

    def flush(self) -> None:
        """Settle, and have the log written; to be called every second or so."""
        self.settle()
        self._log.flush()

    def close(self) -> None:
        """Settle, and write what is left."""
        self.settle()
        self._log.close()
        self.feedback.close()

    def settle(self) -> None:
        """Record all that waits; to be called before records are read."""
        waiting, self._waiting = self._waiting, []
        for call, route, status, client, seconds, now in waiting:
            metrics.request(route, status, seconds)
            self._log.add(call, status, client, seconds, now)
            if call.answered is not None and call.served is not None:
                image, digit, sure = call.answered
                metrics.answered(call.served, 1, ((digit, sure),))
                if call.asks("live"):  # a drawing that is not finished teaches nothing
                    continue
                champion = call.served.champion
                self.feedback.remember(
                    Prediction(
                        call.request_id, now, champion.name, champion.version, digit, sure, image
                    )
                )
