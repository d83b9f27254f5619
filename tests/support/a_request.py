"""A request as the application hands it to a protocol, without a service."""

import json
from typing import Any

from serving.http import JSON, Request


def a_request(content: Any = b"", kind: str = JSON, query: str = "", **headers: str) -> Request:
    """A POST of bytes, or of a value as JSON; `a_header="…"` is the header a-header."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {name.replace("_", "-").encode(): text.encode() for name, text in headers.items()}
    kinds = {b"content-type": kind.encode()} if kind else {}
    return Request("POST", "/", query.encode(), kinds | named, {}, "a-request", "an-answer", body)
