"""Load on an HTTP server: so many connections, each with one request under way at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import numpy as np

Seen = Callable[[float, float, bytes], None]
Enough = Callable[[], bool]


@dataclass
class Load:
    """What came of a load.

    Attributes:
        seconds: how long it lasted.
        latencies: of each answered request, in seconds.
        errors: answers other than 2xx, and connections that broke.
    """

    seconds: float
    latencies: list[float] = field(default_factory=list)
    errors: int = 0

    @property
    def requests_per_second(self) -> float:
        """Good answers a second."""
        return len(self.latencies) / self.seconds

    def percentile_ms(self, percent: float) -> float:
        """A latency in milliseconds; NaN without an answer."""
        if not self.latencies:
            return float("nan")
        return float(np.percentile(self.latencies, percent)) * 1000


def request(path: str, body: bytes, media_type: str, **headers: str) -> bytes:
    """A POST request as it goes over the wire."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Type: {media_type}",
        f"Content-Length: {len(body)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def put(
    port: int,
    message: bytes,
    connections: int,
    seconds: float,
    seen: Seen | None = None,
    enough: Enough = lambda: False,
) -> Load:
    """Send `message` over and over to a port of this machine.

    Args:
        port: where the server listens.
        message: a whole request.
        connections: how many, each with one request under way.
        seconds: until no more requests leave.
        seen: is given each good answer, whole, after the times (`time.perf_counter`) at which its
            request was sent and it was received.
        enough: is asked after each answer; once it is true no more requests leave.

    Raises:
        ConnectionRefusedError: nobody listens there.
    """
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_put(port, message, connections, seconds, seen, enough))


async def _put(
    port: int,
    message: bytes,
    connections: int,
    seconds: float,
    seen: Seen | None,
    enough: Enough,
) -> Load:
    loop = asyncio.get_running_loop()
    load = Load(seconds)
    deadline = time.perf_counter() + seconds
    senders = [_Sender(message, load, deadline, seen, enough) for _ in range(connections)]
    waiting = iter(senders)
    for _ in senders:
        await loop.create_connection(lambda: next(waiting), "127.0.0.1", port)
    await asyncio.wait([sender.done for sender in senders], timeout=seconds + 10)
    load.errors += sum(not sender.done.done() for sender in senders)
    return load


class _Sender(asyncio.Protocol):
    """One connection: the next request leaves when the last answer is whole."""

    def __init__(
        self, message: bytes, load: Load, deadline: float, seen: Seen | None, enough: Enough
    ) -> None:
        self._message, self._load, self._deadline, self._seen = message, load, deadline, seen
        self._enough = enough
        self._received = b""
        self._expected = 0  # bytes of the answer under way; 0: its head is not here yet
        self._good = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._message)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._expected:
            head, separator, _ = self._received.partition(b"\r\n\r\n")
            if not separator:
                return
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._expected = len(head) + 4 + int(length or 0)
            self._good = head[9:10] == b"2"
        if len(self._received) < self._expected:
            return
        now = time.perf_counter()
        if self._good:
            self._load.latencies.append(now - self._sent)
            if self._seen:
                self._seen(self._sent, now, self._received)
        else:
            self._load.errors += 1
        self._received, self._expected = b"", 0
        if now < self._deadline and not self._enough():
            self._send()
        else:
            self._finish()
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self._load.errors += 1
            self._finish()

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
