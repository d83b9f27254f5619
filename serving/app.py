"""The ASGI application: who may come in, how much, how long; and what is noted of each request."""

from __future__ import annotations

import asyncio
import hmac
import random
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast

from serving import metrics
from serving.errors import (
    Busy,
    MethodNotAllowed,
    ServingError,
    TooLarge,
    TooSlow,
    Unauthorised,
    WrongMediaType,
)
from serving.http import Headers, Request, Response
from serving.images import MAX_BYTES
from serving.records import Records
from serving.routes import Route, Routes

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_IN_FLIGHT = 512
BODY_SECONDS = 20
NO_BODY = ("GET", "HEAD")


class SenderGone(Exception):
    """The connection was closed before the request was there."""


class App:
    """Every request passes here once."""

    def __init__(self, routes: Routes, records: Records, api_key: str = "") -> None:
        """Take the routes, what keeps records, and the key that senders must name, if any."""
        self._find = routes.find
        self._records = records
        self._api_key = api_key.encode()
        self._in_flight = 0
        self._reading: dict[asyncio.Task[Any], float] = {}  # since when

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return await _refuse(scope, receive, send)
        started = time.perf_counter()
        method, path = scope["method"], scope["path"]
        headers = dict(scope["headers"])
        route, parameters = self._find(method, path)
        request = Request(
            method, path, scope["query_string"], headers, parameters, _request_id(headers)
        )
        self._in_flight += 1
        try:
            answer = await self._answer(route, request, receive)
        except SenderGone:
            return None
        finally:
            self._in_flight -= 1
        await _send(request, answer, send)
        seconds = time.perf_counter() - started
        client = scope["client"]
        self._records.add(request, route.name, answer.status, client[0] if client else "", seconds)

    async def _answer(self, route: Route, request: Request, receive: Receive) -> Response:
        try:
            self._admit(route, request)
            if request.method not in NO_BODY:
                request.body = await self._read(request, receive)
            return await route.endpoint(request)
        except ServingError as error:
            metrics.refusals.labels(type(error).__name__).inc()
            answer = route.failure(error, error.status, request)
            answer.headers = _advice(error)
            return answer
        except SenderGone:
            raise
        except Exception:
            metrics.refusals.labels("InternalError").inc()
            print(f"request {request.request_id}:", traceback.format_exc(), file=sys.stderr)
            unforeseen = ServingError("Nobody foresaw this; the service's log tells of it.")
            return route.failure(unforeseen, 500, request)

    def _admit(self, route: Route, request: Request) -> None:
        if self._api_key and not route.open:
            given = request.headers.get(b"x-api-key")
            if given is None:
                given = request.headers.get(b"authorization", b"").removeprefix(b"Bearer ")
            if not hmac.compare_digest(given, self._api_key):
                raise Unauthorised("Name the API key in the header X-API-Key.")
        if self._in_flight > MAX_IN_FLIGHT and not route.open:
            raise Busy(f"More than {MAX_IN_FLIGHT} requests are under way; come again in a second.")

    async def _read(self, request: Request, receive: Receive) -> bytes:
        """The whole body, within bounds of size and time."""
        _check_announced(request.headers)
        task = cast(asyncio.Task[Any], asyncio.current_task())
        self._reading[task] = time.monotonic()
        parts: list[bytes] = []
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise SenderGone
                part = message.get("body", b"")
                more = message.get("more_body")
                if not parts and not more:
                    return part
                parts.append(part)
                size += len(part)
                if size > MAX_BYTES:
                    raise _too_large(f"more than {MAX_BYTES:,}")
                if not more:
                    return b"".join(parts)
        except asyncio.CancelledError:
            if task in self._reading:
                raise
            task.uncancel()
            raise TooSlow(f"The body was not complete within {BODY_SECONDS} s.") from None
        finally:
            self._reading.pop(task, None)

    def tick(self) -> None:
        """Give up bodies that do not come, and write records; to be called every second or so.

        It stands in place of a timer for each request.
        """
        metrics.in_flight.set(self._in_flight)
        self._records.write()
        overdue = time.monotonic() - BODY_SECONDS
        for task in [task for task, since in self._reading.items() if since < overdue]:
            del self._reading[task]
            task.cancel()


def _check_announced(headers: dict[bytes, bytes]) -> None:
    encoding = headers.get(b"content-encoding")
    if encoding:
        raise WrongMediaType(f"The content encoding is {encoding[:20]!r}; send the body unpacked.")
    length = headers.get(b"content-length", b"0")
    if len(length) > 12 or int(length) > MAX_BYTES:
        raise _too_large(length[:20].decode("latin-1"))


def _too_large(size: str) -> TooLarge:
    return TooLarge(f"The body has {size} bytes; send at most {MAX_BYTES:,}.")


async def _send(request: Request, answer: Response, send: Send) -> None:
    headers: Headers = [
        (b"content-type", answer.media_type.encode("latin-1")),
        (b"content-length", b"%d" % len(answer.body)),
        (b"x-request-id", request.request_id.encode("latin-1")),
    ]
    if request.runner is not None:
        headers.append(request.runner.header)
    if answer.headers:
        headers += answer.headers
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if request.method == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})


def _advice(error: ServingError) -> Headers | None:
    if isinstance(error, Busy):
        return [(b"retry-after", b"1")]
    if isinstance(error, Unauthorised):
        return [(b"www-authenticate", b"Bearer")]
    if isinstance(error, MethodNotAllowed):
        return [(b"allow", error.allowed.encode())]
    return None


def _request_id(headers: dict[bytes, bytes]) -> str:
    """The sender's, if it is short and harmless to print; else a new one."""
    given = headers.get(b"x-request-id")
    if given and len(given) <= 100:
        text = given.decode("latin-1")
        if text.isascii() and text.isprintable():
            return text
    return f"{random.getrandbits(64):016x}"


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """WebSockets are not spoken here; the life cycle needs nothing."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1003})
        return
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
