"""What a browser reads: the page at /, its files, and the documents at /docs and /openapi.json."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from serving.docs_page import as_html
from serving.errors import NotFound
from serving.http import Headers, Request, Response, json_response
from serving.settings import normal_origin

FOLDER = Path(__file__).parent / "page"
INDEX = "index.html"
ADDRESS = "http://127.0.0.1:8000/"  # in the documents, where a request names none
HOST = re.compile(r"[\w.-]+(:\d+)?|\[[\da-fA-F:.]+\](:\d+)?")
PREFIX = re.compile(r"(/[\w.~-]+)+/?")
# Files are asked for again each time, and not sent again if they are the same.
HEADERS: Headers = [
    (b"cache-control", b"no-cache"),
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
        b"form-action 'self'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]

mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("application/manifest+json", ".webmanifest")
mimetypes.add_type("image/svg+xml", ".svg")


class Site:
    """The files of a folder; only what lay there at the start can be asked for."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """List the folder."""
        files = (path for path in folder.rglob("*") if path.is_file())
        self._files = {path.relative_to(folder).as_posix(): path for path in files}
        self.document: dict[str, Any] = {}  # the OpenAPI document of the routes
        self.path_values: Callable[[], Mapping[str, str]] = dict  # of what answers now
        self._docs_page = lru_cache(8)(self._page)

    async def file(self, request: Request) -> Response:
        """GET / and /page/{file}."""
        name = request.parameters.get("file") or INDEX
        path = self._files.get(name)
        if path is None:
            raise NotFound(f"The page has no file {name[:100]!r}.")
        return _cached(request, path.read_bytes(), mimetypes.guess_type(name)[0])

    async def docs(self, request: Request) -> Response:
        """GET /docs."""
        page = self._docs_page(_address(request), tuple(self.path_values().items()))
        return _cached(request, page, "text/html")

    def _page(self, address: str, path_values: tuple[tuple[str, str], ...]) -> bytes:
        return as_html(self.document, address, dict(path_values))

    async def openapi(self, request: Request) -> Response:
        """GET /openapi.json."""
        return json_response(self.document)


def _address(request: Request) -> str:
    """The service's address as the reader knows it, behind a proxy, too; it ends with a slash."""
    if not HOST.fullmatch(request.host):
        return ADDRESS
    scheme = "https" if request.first(b"x-forwarded-proto").lower() == "https" else "http"
    prefix = request.first(b"x-forwarded-prefix").rstrip("/")
    origin = normal_origin(f"{scheme}://{request.host}")
    return f"{origin}{prefix if PREFIX.fullmatch(prefix) else ''}/"


def _cached(request: Request, content: bytes, media_type: str | None) -> Response:
    tag = b'"%s"' % hashlib.sha256(content).hexdigest()[:32].encode()
    headers = [*HEADERS, (b"etag", tag)]
    kind = media_type or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    if _matches(request.headers.get(b"if-none-match", b""), tag):
        return Response(b"", 304, kind, headers)
    return Response(content, 200, kind, headers)


def _matches(condition: bytes, tag: bytes) -> bool:
    """Whether If-None-Match has the tag; proxies that compress make it a weak one (RFC 9110)."""
    tags = [part.strip().removeprefix(b"W/") for part in condition.split(b",")]
    return tag in tags or tags == [b"*"]
