"""Which path leads where, and in which form its errors are told."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache

from serving.endpoints import Endpoints
from serving.errors import MethodNotAllowed, NotFound
from serving.http import Request, Response
from serving.protocols import mlflow_scoring, native, open_inference, tensorflow_serving
from serving.site import Site

Endpoint = Callable[[Request], Awaitable[Response]]
Failure = Callable[[Exception, int, Request], Response]

V1 = r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>[^/:]+)|/labels/(?P<label>[^/:]+))?"
V2 = r"/v2/models/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?"


@dataclass(frozen=True, slots=True)
class Route:
    """One path and method.

    Attributes:
        name: in the metrics.
        method: such as "POST".
        pattern: of the whole path.
        endpoint: gives the answer.
        failure: gives an error the protocol's form.
        open: whether it needs no API key.
    """

    name: str
    method: str
    pattern: re.Pattern[str]
    endpoint: Endpoint
    failure: Failure
    open: bool = False


class Routes:
    """The table of all routes."""

    def __init__(self, do: Endpoints, site: Site) -> None:
        """Lay the table."""
        own, v1, v2 = native.failure, tensorflow_serving.failure, open_inference.failure
        mlflow = mlflow_scoring.failure
        self._routes = [
            _route("predict", "POST", "/predict", do.predict, own),
            _route("feedback", "POST", "/feedback", do.feedback, own),
            _route("webhook", "POST", "/webhooks/registry", do.webhook, own, open=True),
            _route("live", "GET", "/health/live", do.live, own, open=True),
            _route("ready", "GET", "/health/ready", do.ready, own, open=True),
            _route("metrics", "GET", "/metrics", do.metrics, own),
            _route("page", "GET", r"/(?:page/(?P<file>.+))?", site.file, own, open=True),
            _route("docs", "GET", "/docs", site.docs, own, open=True),
            _route("openapi", "GET", "/openapi.json", site.openapi, own, open=True),
            _route("v2", "GET", "/v2/?", do.v2_server, v2),
            _route("v2 live", "GET", "/v2/health/live", do.live, v2, open=True),
            _route("v2 ready", "GET", "/v2/health/ready", do.ready, v2, open=True),
            _route("v2 infer", "POST", f"{V2}/infer", do.v2_infer, v2),
            _route("v2 model ready", "GET", f"{V2}/ready", do.v2_model_ready, v2),
            _route("v2 model", "GET", V2, do.v2_model, v2),
            _route("v1 predict", "POST", f"{V1}:predict", do.v1_predict, v1),
            _route("v1 explain", "POST", f"{V1}:explain", do.v1_explain, v1),
            _route("v1 metadata", "GET", f"{V1}/metadata", do.v1_metadata, v1),
            _route("v1 status", "GET", V1, do.v1_status, v1),
            _route("invocations", "POST", "/invocations", do.invocations, mlflow),
            _route("ping", "GET", "/(?:ping|health)", do.ping, mlflow, open=True),
            _route("version", "GET", "/version", do.version, mlflow, open=True),
        ]
        self.find = lru_cache(1000)(self._find)

    def _find(self, method: str, path: str) -> tuple[Route, dict[str, str | None]]:
        """The route of a request, and what its pattern found in the path."""
        wanted = "GET" if method == "HEAD" else method
        others = []
        for route in self._routes:
            if match := route.pattern.fullmatch(path):
                if route.method == wanted:
                    return route, match.groupdict()
                others.append(route)
        return _nowhere(path, [route.method for route in others]), {}


def _route(
    name: str, method: str, pattern: str, endpoint: Endpoint, failure: Failure, open: bool = False
) -> Route:
    return Route(name, method, re.compile(pattern), endpoint, failure, open)


def _nowhere(path: str, methods: list[str]) -> Route:
    """The route of what has none: its errors have the form of the nearest protocol."""

    async def refuse(request: Request) -> Response:
        if methods:
            allowed = ", ".join(methods)
            raise MethodNotAllowed(
                f"{request.method} is not possible here; use {allowed}.", allowed
            )
        raise NotFound("There is nothing at this path; /docs lists what there is.")

    failure = native.failure
    if path.startswith("/v1"):
        failure = tensorflow_serving.failure
    elif path.startswith("/v2"):
        failure = open_inference.failure
    elif path in ("/invocations", "/ping", "/health", "/version"):
        failure = mlflow_scoring.failure
    return Route("none", "", re.compile(""), refuse, failure, open=True)
