"""The OpenAPI document, derived from the table of routes."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from serving.examples import Body
from serving.route import Route
from serving.settings import NAMES

PARAMETERS: dict[str, dict[str, Any]] = {
    "name": {
        "description": "The registered model: of digits, or of an image data set of one's own.",
        "example": NAMES[0],
        "schema": {"type": "string"},
    },
    "version": {
        "description": "A version's number.",
        "example": "1",
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "label": {
        "description": "An alias of the registry.",
        "example": "champion",
        "schema": {"type": "string"},
    },
}
SWITCH = {  # in upper and lower case, for which JSON Schema's patterns have no flag
    "type": "string",
    "pattern": "^(0|1|[Ff][Aa][Ll][Ss][Ee]|[Tt][Rr][Uu][Ee])$",
    "examples": ["1", "0", "true", "false"],
}
ERRORS = {
    400: "not what the route reads",
    401: "the API key is missing or wrong",
    403: "a page of another site asks, or a webhook's signature is wrong",
    404: "no such model, version, label or prediction",
    408: "the body did not arrive in time",
    409: "the request_id is that of several pictures, or of another than was sent",
    413: "too many bytes or images",
    415: "wrong content type or encoding",
    422: "wrong shape or range, or no ink",
    431: "the request line or the headers are too long",
    503: "no model yet, or too busy: see Retry-After",
}
DESCRIPTION = (
    "Reads handwritten digits with the registry's champion. Every answer names the version that "
    "gave it, in the header X-Model-Version, too."
)


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The document, version 3.1, of the routes that have a summary."""
    paths: dict[str, Any] = {}
    tags: dict[str, str] = {}
    for route in routes:
        if route.summary:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
            tags[route.protocol.title] = route.protocol.description
    keys = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Digits",
            "version": version("ann-pipelines"),
            "description": DESCRIPTION,
        },
        "servers": [{"url": ".", "description": "Where this document lies, behind a proxy, too."}],
        "tags": [{"name": title, "description": text} for title, text in tags.items()],
        "paths": paths,
        "components": {"securitySchemes": {"key": keys}},
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": [route.protocol.title],
        "summary": route.summary,
        "operationId": f"{route.method.lower()}{route.path}",
        "responses": _responses(route),
        "security": [{}] if route.open else [{}, {"key": []}],
    }
    parameters = [
        {"name": name, "in": "path", "required": True, **PARAMETERS[name]}
        for name in route.pattern.groupindex
    ]
    parameters += [
        {
            "name": name,
            "in": "query",
            "description": text,
            "schema": PARAMETERS["name"]["schema"] if name == "model" else SWITCH,
        }
        for name, text in route.query.items()
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.body:
        content = {kind: _content(body) for kind, body in route.body.items()}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _content(body: Body) -> dict[str, Any]:
    shown = body.example is not None and not callable(body.example)  # bytes have no place in JSON
    return {"schema": body.schema} | ({"example": body.example} if shown else {})


def _responses(route: Route) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": ERRORS.get(route.status, "the answer")}
    if route.answer is not None:
        content = {"schema": dict(route.schema), "example": route.answer}
        answer["content"] = {"application/json": content}
    without_body = () if route.body else (400, 408, 409, 413, 415, 422)
    errors = [status for status in sorted(route.protocol.statuses) if status not in without_body]
    described = {str(s): {"description": ERRORS.get(s, HTTPStatus(s).phrase)} for s in errors}
    others = {} if route.status >= 400 else {"2XX": {"description": "the answer"}}
    return {str(route.status): answer} | others | described
