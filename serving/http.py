"""One request and its response, as every route sees them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import numpy as np
import orjson
from numpy.typing import NDArray

if TYPE_CHECKING:
    from serving.model.runner import ModelRunner

JSON = "application/json"

Headers = list[tuple[bytes, bytes]]

_CHARSET = re.compile(r';\s*charset\s*=\s*"?([\w.:-]{1,40})', re.IGNORECASE | re.ASCII)


@dataclass(slots=True)
class Request:
    """A request.

    Attributes:
        method: such as "POST".
        path: such as "/predict".
        query_string: what follows the "?".
        headers: names in lower case.
        parameters: what the route's pattern found in the path.
        request_id: the sender's, or a new one; for the log and the header X-Request-Id.
        answer_id: a new one in any case, by which the answer can be corrected.
        body: the whole content.
        runner: the model that answers, once it is chosen.
        images: how many images were answered.
        inference_seconds: how long the model took, waiting included.
        answered: of the answers that can be corrected: id, image (28, 28), digit and its
            probability.
    """

    method: str
    path: str
    query_string: bytes
    headers: dict[bytes, bytes]
    parameters: dict[str, str | None]
    request_id: str
    answer_id: str = ""
    body: bytes = b""
    runner: ModelRunner | None = None
    images: int = 0
    inference_seconds: float = 0.0
    answered: list[tuple[str, NDArray[np.float32], int, float]] | None = None

    def header(self, name: bytes) -> str:
        """The value of a header, "" if it is not there."""
        return self.headers.get(name, b"").decode("latin-1")

    def first(self, name: bytes) -> str:
        """The first entry of a header that may be a list, as each proxy of several adds one."""
        return self.header(name).partition(",")[0].strip()

    @property
    def host(self) -> str:
        """The host that the sender asked, behind proxies, too."""
        return self.first(b"x-forwarded-host") or self.header(b"host")

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case, of at most 100 characters."""
        return _media_type(self.headers.get(b"content-type", b""))

    @property
    def charset(self) -> str:
        """The charset that the content type names, in lower case; "" if it names none."""
        named = _CHARSET.search(self.header(b"content-type"))
        return named[1].lower() if named else ""

    def asks(self, name: str) -> bool:
        """Whether the query switches something on, as `?image=1` does."""
        return bool(self.query_string) and self.query.get(name, "").lower() in ("1", "true")

    @property
    def query(self) -> dict[str, str]:
        """The query's fields."""
        return dict(parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True))


@lru_cache(100)
def _media_type(content_type: bytes) -> str:
    return content_type.decode("latin-1").partition(";")[0].strip().lower()[:100]


@dataclass(slots=True)
class Response:
    """A response: its status, content and content type, and headers beyond the usual ones."""

    body: bytes
    status: int = 200
    media_type: str = JSON
    headers: Headers | None = None


def json_response(content: Any, status: int = 200, headers: Headers | None = None) -> Response:
    """A response in JSON; NumPy arrays are written as nested lists."""
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, JSON, headers)
