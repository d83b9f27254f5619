"""The ASGI application: who may come in, how much, how long; and what is noted of each request."""

from __future__ import annotations

import hmac
import random
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from serving import metrics
from serving.bodies import Bodies, Receive, SenderGone
from serving.credentials import without_credentials
from serving.cross_site import CrossSite
from serving.errors import Busy, MethodNotAllowed, ServingError, Unauthorised, WrongContentEncoding
from serving.http import Headers, Request, Response, json_response
from serving.records import Records
from serving.redaction import public
from serving.route import Route
from serving.routes import Routes
from serving.settings import Settings

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_IN_FLIGHT = 512
NO_BODY = ("GET", "HEAD", "OPTIONS")


class App:
    """Every request passes here once."""

    def __init__(self, routes: Routes, records: Records, settings: Settings) -> None:
        """Take the routes, what keeps records, and who may come in."""
        self._find = routes.find
        metrics.expect(route.name for route in routes.table)
        self._records = records
        self._settings = settings
        self._api_key = settings.api_key.encode()
        self._cross_site = CrossSite(settings.cors_origins)
        self._bodies = Bodies()
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return await _refuse(scope, receive, send)
        started = time.perf_counter()
        method, path = scope["method"], scope["path"]
        headers = dict(scope["headers"])
        route, parameters = self._find(method, path)
        request = Request(method, path, scope["query_string"], headers, parameters, *_ids(headers))
        self._in_flight += 1
        try:
            response = await self._answer(route, request, receive)
            await self._send(request, response, send)
        except SenderGone:
            return None
        finally:
            self._in_flight -= 1
        seconds = time.perf_counter() - started
        client = scope["client"]
        self._records.add(
            request, route.name, response.status, client[0] if client else "", seconds
        )

    async def _answer(self, route: Route, request: Request, receive: Receive) -> Response:
        counted = 0
        try:
            if request.method == "OPTIONS" and (allowed := self._cross_site.preflight(request)):
                return allowed
            self._admit(route, request)
            if request.method not in NO_BODY:
                counted = await self._bodies.read(request, receive)
            return await route.endpoint(request)
        except ServingError as error:
            metrics.refusals.labels(type(error).__name__).inc()
            message = public(str(error), self._settings)
            response = route.protocol.failure(message, error.status, request)
            response.headers = _advice(error)
            return response
        except SenderGone:
            raise
        except Exception:
            metrics.refusals.labels("InternalError").inc()
            trace = without_credentials(traceback.format_exc())
            print(f"request {request.request_id}:", trace, file=sys.stderr)
            message = "An unexpected error; the service's log has its traceback."
            return route.protocol.failure(message, 500, request)
        finally:
            self._bodies.release(counted)

    def _admit(self, route: Route, request: Request) -> None:
        if b"origin" in request.headers or b"sec-fetch-site" in request.headers:
            self._cross_site.check(request)
        if self._api_key and not route.open:
            given = request.headers.get(b"x-api-key")
            if given is None:
                scheme, _, key = request.headers.get(b"authorization", b"").partition(b" ")
                given = key.strip() if scheme.lower() == b"bearer" else b""
            if not hmac.compare_digest(given, self._api_key):
                raise Unauthorised("Name the API key in the header X-API-Key.")
        if self._in_flight > MAX_IN_FLIGHT and not (route.open and request.method in NO_BODY):
            raise Busy(f"More than {MAX_IN_FLIGHT} requests are under way; come again in a second.")

    async def _send(self, request: Request, response: Response, send: Send) -> None:
        headers = self._headers(request, response)
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        body = b"" if request.method == "HEAD" else response.body
        await send({"type": "http.response.body", "body": body})

    def _headers(self, request: Request, response: Response) -> Headers:
        headers: Headers = [(b"x-request-id", request.request_id.encode("latin-1"))]
        if response.status not in (204, 304):
            headers.append((b"content-type", response.media_type.encode("latin-1")))
            headers.append((b"content-length", b"%d" % len(response.body)))
        if request.runner is not None:
            headers.append(request.runner.header)
        if response.headers:
            headers += response.headers
        if self._settings.cors_origins:
            headers += self._cross_site.headers(request)
        return headers

    def refusal(
        self, status: int, message: str, method: str, path: str, headers: Headers, client: str
    ) -> tuple[Headers, bytes]:
        """Headers and body of the answer to what a connection cannot take; counted and logged.

        Args:
            status: of the answer.
            message: what is wrong.
            method: as far as it was read; "" if it was not.
            path: the same.
            headers: those that were read, names in lower case.
            client: the sender's address.
        """
        read = dict(headers)
        request = Request(method, path, b"", read, {}, *_ids(read))
        metrics.refusals.labels("InvalidRequest").inc()
        self._records.add(request, "none", status, client, 0.0)
        response = json_response({"error": message, "request_id": request.request_id}, status)
        return self._headers(request, response), response.body

    def tick(self) -> None:
        """Give up bodies that do not come, and write records; to be called every second or so."""
        metrics.in_flight.set(self._in_flight)
        self._bodies.tick()
        self._records.write()


def _advice(error: ServingError) -> Headers | None:
    if isinstance(error, Busy):
        return [(b"retry-after", b"1")]
    if isinstance(error, Unauthorised):
        return [(b"www-authenticate", b"Bearer")]
    if isinstance(error, MethodNotAllowed):
        return [(b"allow", error.allowed.encode())]
    if isinstance(error, WrongContentEncoding):
        return [(b"accept-encoding", b"gzip, identity")]
    return None


def _ids(headers: dict[bytes, bytes]) -> tuple[str, str]:
    """The request's id: the sender's, if it is short and harmless to print; and the answer's.

    The answer's is new in any case: a sender may give two pictures one id.
    """
    new = f"{random.getrandbits(64):016x}"
    given = headers.get(b"x-request-id")
    if given and len(given) <= 100:
        text = given.decode("latin-1")
        if text.isascii() and text.isprintable():
            return text, f"{text}-{new[:8]}"
    return new, new


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """WebSockets are not spoken here; the life cycle needs nothing."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1003})
        return
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
