"""What becomes of log lines when nobody reads them."""

import io
import threading
import time

from serving import access_log
from serving.access_log import AccessLog
from serving.http import Request

CALL = Request("POST", "/predict", b"", {}, {}, "seven")


class Stuck(io.RawIOBase):
    """A full pipe."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.batches = 0

    def write(self, content) -> int:
        self.released.wait(10)
        self.batches += 1
        return len(content)


def test_a_reader_that_does_not_keep_up_keeps_nobody_waiting(monkeypatch):
    monkeypatch.setattr(access_log, "BACKLOG", 3)
    stream = Stuck()
    log = AccessLog(stream)
    started = time.monotonic()
    for _ in range(50):
        log.add(CALL, 200, "127.0.0.1", 0.001, 0.0)
        log.flush()
    assert time.monotonic() - started < 1
    stream.released.set()
    log.close()
    assert 3 <= stream.batches <= 5


def test_lines_are_written_together_once_a_second_or_when_they_are_many(monkeypatch):
    line = 200  # bytes, nearly
    monkeypatch.setattr(access_log, "BATCH_BYTES", 10 * line)
    stream = Stuck()
    stream.released.set()
    log = AccessLog(stream)
    for _ in range(5):
        log.add(CALL, 200, "127.0.0.1", 0.001, 0.0)
    assert log._batches.empty()
    assert stream.batches == 0
    for _ in range(15):
        log.add(CALL, 200, "127.0.0.1", 0.001, 0.0)
    log.close()
    assert stream.batches == 2  # full, and what was left


def test_a_closed_stream_is_survived():
    stream = io.BytesIO()
    stream.close()
    log = AccessLog(stream)
    log.add(CALL, 200, "", 0.001, 0.0)
    log.close()
    assert not log._thread.is_alive()


def test_seconds_without_a_request_cost_no_later_line(monkeypatch):
    monkeypatch.setattr(access_log, "BACKLOG", 3)
    stream = Stuck()
    log = AccessLog(stream)
    for _ in range(50):
        log.flush()
    log.add(CALL, 200, "127.0.0.1", 0.001, 0.0)
    log.flush()
    stream.released.set()
    log.close()
    assert stream.batches == 1
