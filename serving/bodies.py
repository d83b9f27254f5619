"""Bodies on their way in: how large, how many bytes of all together, how long, and how packed."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

from serving import metrics
from serving.errors import Busy, InvalidRequest, TooLarge, TooSlow, WrongContentEncoding
from serving.http import Request
from serving.images import MAX_BYTES

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

BODY_SECONDS = 20
SMALL_BYTES = 64 * 1024  # a body up to this is not counted: MAX_IN_FLIGHT bounds their sum
TOTAL_BYTES = 64_000_000  # of larger ones under way in a worker, their answers included
MAX_MEMBERS = 100  # of a gzip; after each one the rest is copied


class SenderGone(Exception):
    """The connection was closed before the request was there."""


class Bodies:
    """Reads bodies; the sum of those under way is bounded, since each may take its time."""

    def __init__(self) -> None:
        """Begin with none."""
        self._reading: dict[asyncio.Task[Any], float] = {}  # since when
        self._bytes = 0

    async def read(self, request: Request, receive: Receive) -> int:
        """Read the whole body into the request, within bounds of size and time.

        Returns:
            The bytes that are counted as under way, to be given to `release`.

        Raises:
            TooLarge, TooSlow, Busy, WrongContentEncoding, InvalidRequest: what is wrong.
            SenderGone: nobody waits for an answer.
        """
        _check_announced(request.headers)
        counted = await self._read(request, receive)
        if b"content-encoding" not in request.headers:
            return counted
        try:
            request.body = await asyncio.to_thread(_unpacked, request)
            return self._count(counted, len(request.body))
        except BaseException:
            self.release(counted)
            raise

    def release(self, counted: int) -> None:
        """Count a body no more."""
        self._bytes -= counted

    def _count(self, counted: int, size: int) -> int:
        """Count a body of another size than before.

        Raises:
            Busy: all of them together are too many; `counted` stays.
        """
        wanted = size if size > SMALL_BYTES else 0
        if wanted > counted and self._bytes + wanted - counted > TOTAL_BYTES:
            raise Busy("Too many large bodies are under way; come again in a second.")
        self._bytes += wanted - counted
        return wanted

    async def _read(self, request: Request, receive: Receive) -> int:
        task = cast(asyncio.Task[Any], asyncio.current_task())
        self._reading[task] = time.monotonic()
        parts: list[bytes] = []
        size = counted = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise SenderGone
                part = message.get("body", b"")
                size += len(part)
                if size > MAX_BYTES:
                    raise _too_large(f"more than {MAX_BYTES:,}")
                more = message.get("more_body")
                if not parts and not more:  # the usual case: it came in one piece
                    request.body = part
                    return 0
                parts.append(part)
                if size > SMALL_BYTES:
                    counted = self._count(counted, size)
                if not more:
                    request.body = b"".join(parts)
                    kept, counted = counted, 0
                    return kept
        except asyncio.CancelledError:
            if task in self._reading:
                raise
            task.uncancel()
            raise TooSlow(f"The body was not complete within {BODY_SECONDS} s.") from None
        finally:
            self.release(counted)
            self._reading.pop(task, None)

    def tick(self) -> None:
        """Give up bodies that do not come; in place of a timer for each request."""
        metrics.body_bytes.set(self._bytes)
        overdue = time.monotonic() - BODY_SECONDS
        for task in [task for task, since in self._reading.items() if since < overdue]:
            del self._reading[task]
            task.cancel()


def _check_announced(headers: dict[bytes, bytes]) -> None:
    encoding = headers.get(b"content-encoding")
    if encoding and encoding.strip().lower() not in (b"", b"identity", b"gzip", b"x-gzip"):
        raise WrongContentEncoding(
            f"The content encoding is {encoding[:20].decode('latin-1')!r}; expected gzip or none."
        )
    length = headers.get(b"content-length", b"0").lstrip(b"0") or b"0"
    if len(length) > 12 or int(length) > MAX_BYTES:
        raise _too_large(length[:20].decode("latin-1"))


def _unpacked(request: Request) -> bytes:
    """The body itself, or what its gzip holds.

    Raises:
        TooLarge: it holds more than `MAX_BYTES`.
        InvalidRequest: it is damaged, or has more than `MAX_MEMBERS`.
    """
    if request.headers[b"content-encoding"].strip().lower() not in (b"gzip", b"x-gzip"):
        return request.body
    packed, size = request.body, 0
    parts: list[bytes] = []
    try:
        while packed:  # a file may have several members
            if len(parts) == MAX_MEMBERS:
                raise InvalidRequest(f"The gzip has more than {MAX_MEMBERS} members; send one.")
            unpacker = zlib.decompressobj(wbits=31)
            part = unpacker.decompress(packed, MAX_BYTES + 1 - size)
            size += len(part)
            if size > MAX_BYTES:
                raise _too_large(f"more than {MAX_BYTES:,} unpacked")
            if not unpacker.eof:
                raise zlib.error("it ends too early")
            parts.append(part)
            packed = unpacker.unused_data
    except zlib.error as error:
        raise InvalidRequest(f"The body is no gzip: {error}.") from None
    return b"".join(parts)


def _too_large(size: str) -> TooLarge:
    return TooLarge(f"The body has {size} bytes; send at most {MAX_BYTES:,}.")
