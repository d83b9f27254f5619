"""Pages of other sites: which may ask, and what browsers learn of that.

State-changing requests of other sites are refused by the rules of Go's `CrossOriginProtection`
(https://pkg.go.dev/net/http#CrossOriginProtection): the origin is allowed; or the browser says
that it is the same; or the origin's host is the one that was asked; or no browser asks.
"""

from __future__ import annotations

from serving.errors import Forbidden
from serving.http import Headers, Request, Response
from serving.settings import normal_origin

SAFE = ("GET", "HEAD", "OPTIONS")
ALLOWED_METHODS = b"GET, HEAD, POST"
ALLOWED_HEADERS = b"*, Authorization"  # tracing adds some; the asterisk does not mean this one
EXPOSED_HEADERS = b"Inference-Header-Content-Length, Retry-After, X-Model-Version, X-Request-Id"
PREFLIGHT_SECONDS = b"600"


class CrossSite:
    """The origins that may ask."""

    def __init__(self, origins: frozenset[str]) -> None:
        """Take the origins, such as https://digits.example; "*" is every one."""
        self._origins = {origin.encode() for origin in origins}

    def allows(self, origin: bytes) -> bool:
        """Whether pages of this origin may ask."""
        return b"*" in self._origins or origin in self._origins

    def check(self, request: Request) -> None:
        """Refuse what a page of another site would change.

        Raises:
            Forbidden: it is such a request.
        """
        origin = request.headers.get(b"origin")
        site = request.headers.get(b"sec-fetch-site")
        if (origin is None and site is None) or request.method in SAFE:
            return
        if origin is not None and self.allows(origin):
            return
        if site in (b"same-origin", b"none"):
            return
        if site is None and origin is not None and _is_own(origin, request.host):
            return
        shown = (origin or b"another site").decode("latin-1")[:100]
        raise Forbidden(
            f"A page of {shown} may not ask this service; allow its origin with ANN_CORS_ORIGINS."
        )

    def preflight(self, request: Request) -> Response | None:
        """The answer to OPTIONS of a browser that asks whether it may ask; None if it does not."""
        if b"access-control-request-method" not in request.headers:
            return None
        if not self.allows(request.headers.get(b"origin", b"")):
            return None
        return Response(
            b"",
            204,
            headers=[
                (b"access-control-allow-methods", ALLOWED_METHODS),
                (b"access-control-allow-headers", ALLOWED_HEADERS),
                (b"access-control-max-age", PREFLIGHT_SECONDS),
            ],
        )

    def headers(self, request: Request) -> Headers:
        """What each answer says to a browser of which pages may read it, if some may."""
        origin = request.headers.get(b"origin")
        if origin is None or not self.allows(origin):
            return [(b"vary", b"Origin")]
        return [
            (b"vary", b"Origin"),
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", EXPOSED_HEADERS),
        ]


def _is_own(origin: bytes, host: str) -> bool:
    own = normal_origin(origin.decode("latin-1"))
    scheme = own.partition("://")[0]
    return own == normal_origin(f"{scheme}://{host}")
