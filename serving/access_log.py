"""One JSON line a request on standard output, written in batches by a thread.

A reader that does not keep up, such as a full pipe, costs lines and never an answer.
"""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import BinaryIO

import orjson

from serving import metrics
from serving.http import Request

BATCH_BYTES = 60_000
BACKLOG = 200  # batches


class AccessLog:
    """Takes lines from the event loop; `close` writes the last ones."""

    def __init__(self, stream: BinaryIO | None = None) -> None:
        """Start the thread that writes to a stream, standard output by default."""
        self._stream = stream or sys.stdout.buffer
        self._lines = bytearray()  # the event loop's alone, until it is handed over
        self._batches: SimpleQueue[bytearray | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="access log", daemon=True)
        self._thread.start()

    def add(self, answered: Request, status: int, client: str, seconds: float, now: float) -> None:
        """Take note of a request that was answered at the time `now`; never waits."""
        line = {
            "time": datetime.fromtimestamp(now, UTC),
            "request_id": answered.request_id,
            "client": client,
            "method": answered.method,
            "path": answered.path,
            "status": status,
            "ms": round(1000 * seconds, 3),
            "images": answered.images,
            "version": answered.runner.model.version if answered.runner else None,
        }
        self._lines += orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        if len(self._lines) > BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand the lines over to be written; to be called every second or so."""
        if not self._lines:
            return
        lines, self._lines = self._lines, bytearray()
        if self._batches.qsize() < BACKLOG:
            self._batches.put(lines)
        else:
            metrics.lost.labels("log line").inc(lines.count(b"\n"))

    def close(self) -> None:
        """Write what is left, for at most two seconds."""
        self.flush()
        self._batches.put(None)
        self._thread.join(2)

    def _write(self) -> None:
        while (lines := self._batches.get()) is not None:
            try:
                self._stream.write(lines)
                self._stream.flush()
            except Exception:  # nobody reads any more, say; the thread goes on
                metrics.lost.labels("log line").inc(lines.count(b"\n"))
