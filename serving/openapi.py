"""The OpenAPI document, and the same for people's eyes.

Each example is a whole request that runs as it stands: tests send them all.
"""

from __future__ import annotations

import html
import json
from functools import cache
from importlib.metadata import version
from typing import Any

from serving.settings import NAMES

DIGIT = [
    [1.0 if 4 <= row < 24 and 13 <= column < 16 else 0.0 for column in range(28)]
    for row in range(28)
]  # a one
TENSOR = {"name": "images", "shape": [1, 28, 28], "datatype": "FP32", "data": DIGIT}

NAME: dict[str, Any] = {
    "name": "name",
    "example": NAMES[0],
    "description": "The registered model.",
    "schema": {"enum": NAMES},
}
VERSION: dict[str, Any] = {"name": "version", "example": "1", "description": "A version's number."}
LABEL: dict[str, Any] = {
    "name": "label",
    "example": "champion",
    "description": "An alias of the registry.",
}
V1, V2 = "/v1/models/{name}", "/v2/models/{name}"

PIXELS = {"type": "array", "items": {}, "minItems": 1}
IMAGE = {
    "description": "784 numbers in [0, 1], ink 1 on 0; or 28×28; or a batch of either.",
    **PIXELS,
}
PREDICTION = {
    "type": "object",
    "required": ["digit", "probabilities", "confidence", "uncertain", "model", "version"],
    "properties": {
        "digit": {"type": "integer", "minimum": 0, "maximum": 9},
        "probabilities": {"type": "array", "items": {"type": "number"}},
        "confidence": {"type": "number", "description": "The highest probability."},
        "uncertain": {"type": "boolean", "description": "Not sure, or nothing like a digit."},
        "reason": {
            "type": ["string", "null"],
            "description": "Why it is uncertain: `not one digit`, `faint`, or a text such as "
            "`not sure between 1 and 7`.",
        },
        "model": {"type": "string"},
        "version": {"type": "string"},
        "data": {"type": "string", "description": "What it was trained on."},
        "run_id": {"type": "string"},
        "run_url": {"type": ["string", "null"], "description": "Its training in MLflow's UI."},
        "request_id": {"type": "string", "description": "For /feedback."},
    },
}
ERRORS = {
    "400": "not what the route reads",
    "401": "the API key is missing or wrong",
    "404": "no such model or version",
    "408": "the body did not arrive in time",
    "413": "too many bytes or images",
    "415": "wrong content type",
    "422": "wrong shape or range, or no ink",
    "503": "no model yet, or too busy: see Retry-After",
}


@cache
def document() -> dict[str, Any]:
    """The document, version 3.1."""
    paths: dict[str, Any] = {
        "/predict": _post(
            "Read digits",
            {
                "application/json": _body({"image": DIGIT}, {"properties": {"image": IMAGE}}),
                "image/png": _binary(),
                "image/jpeg": _binary(),
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {"file": {"type": "string", "format": "binary"}},
                    }
                },
            },
            PREDICTION,
            parameters=[
                _query("image", "Return the 28×28 that the network saw."),
                _query("explain", "Return which pixels spoke for and against."),
                _query("live", "The drawing is not finished: keep nothing of it."),
            ],
        ),
        "/feedback": _post(
            "Say which digit was right",
            {
                "application/json": _body(
                    {"image": DIGIT, "digit": 1},
                    {
                        "required": ["digit"],
                        "properties": {
                            "request_id": {"type": "string"},
                            "digit": {"type": "integer", "minimum": 0, "maximum": 9},
                            "image": IMAGE,
                        },
                    },
                )
            },
            {
                "type": "object",
                "properties": {"feedback": {"enum": ["stored", "changed", "known"]}},
            },
        ),
        "/v2": _get("Open Inference Protocol: the server"),
        "/v2/health/live": _get("Open Inference Protocol: the process answers"),
        "/v2/health/ready": _get("Open Inference Protocol: a model answers"),
        "/invocations": _post(
            "MLflow's scoring: instances, inputs, dataframe_split, dataframe_records or CSV",
            {
                "application/json": _body({"instances": [DIGIT]}),
                "text/csv": {"schema": {"type": "string"}},
            },
        ),
        "/ping": _get("MLflow's scoring: a model answers"),
        "/version": _get("MLflow's scoring: the version of this service"),
        "/health/live": _get("The process answers"),
        "/health/ready": _get("A model answers: which, and is the registry there?"),
        "/metrics": _get("Metrics for Prometheus"),
    }
    for path, parameters in {V2: [NAME], f"{V2}/versions/{{version}}": [NAME, VERSION]}.items():
        paths |= {
            path: _get("Open Inference Protocol: the model", parameters),
            f"{path}/ready": _get("Open Inference Protocol: this model answers", parameters),
            f"{path}/infer": _post(
                "Open Inference Protocol: infer, in JSON or with binary tensors",
                {"application/json": _body({"inputs": [TENSOR]})},
                parameters=_in_path(parameters),
            ),
        }
    for path, parameters in {
        V1: [NAME],
        f"{V1}/versions/{{version}}": [NAME, VERSION],
        f"{V1}/labels/{{label}}": [NAME, LABEL],
    }.items():
        instances = {"application/json": _body({"instances": [DIGIT]})}
        paths |= {
            path: _get("TensorFlow Serving: the version's state", parameters),
            f"{path}/metadata": _get("TensorFlow Serving: the signature", parameters),
            f"{path}:predict": _post(
                "TensorFlow Serving: predict", instances, parameters=_in_path(parameters)
            ),
            f"{path}:explain": _post(
                "KServe: which pixels spoke for and against",
                instances,
                parameters=_in_path(parameters),
            ),
        }
    keys = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Digits",
            "version": version("ann-pipelines"),
            "description": "Reads handwritten digits with the registry's champion. Every answer "
            "names the version that gave it, in the header X-Model-Version, too.",
        },
        "paths": paths,
        "components": {"securitySchemes": {"key": keys}},
        "security": [{}, {"key": []}],
    }


@cache
def as_html() -> bytes:
    """The document as a page without scripts."""
    content = document()
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Digits: how to ask</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<h1>{content['info']['title']}</h1><p>{content['info']['description']}",
        '<p><a href="/">Draw a digit</a> · <a href="/openapi.json">openapi.json</a>',
    ]
    for path, methods in content["paths"].items():
        for method, operation in methods.items():
            parts.append(
                f"<h2><code>{method.upper()} {html.escape(path)}</code></h2>"
                f"<p>{html.escape(operation['summary'])}"
            )
            parts += map(_parameter_in_html, operation.get("parameters", []))
            for kind, body in operation.get("requestBody", {}).get("content", {}).items():
                parts.append(f"<details><summary><code>{kind}</code></summary>")
                if "example" in body:
                    example = html.escape(json.dumps(body["example"]))
                    parts.append(f"<pre><code>{example}</code></pre>")
                parts.append("</details>")
    return "\n".join(parts).encode()


def _parameter_in_html(parameter: dict[str, Any]) -> str:
    return f"<p><code>{parameter['name']}</code>: {html.escape(parameter['description'])}"


def _get(summary: str, parameters: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    answers = _answers({}, ("401", "404", "503"))
    operation = {"summary": summary, "responses": answers}
    return {"get": operation | ({"parameters": _in_path(parameters)} if parameters else {})}


def _post(
    summary: str,
    content: dict[str, Any],
    answer: dict[str, Any] | None = None,
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    operation = {
        "summary": summary,
        "requestBody": {"required": True, "content": content},
        "responses": _answers(answer or {}, tuple(ERRORS)),
    }
    return {"post": operation | ({"parameters": parameters} if parameters else {})}


def _answers(schema: dict[str, Any], errors: tuple[str, ...]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "the answer"}
    if schema:
        answer |= {"content": {"application/json": {"schema": schema}}}
    return {"2XX": answer} | {status: {"description": ERRORS[status]} for status in errors}


def _body(example: Any, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"schema": {"type": "object", **(schema or {})}, "example": example}


def _binary() -> dict[str, Any]:
    return {"schema": {"type": "string", "format": "binary"}}


def _query(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "string", "enum": ["0", "1"]}
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _in_path(parameters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    schema = {"type": "string"}
    return [{"schema": schema, **p, "in": "path", "required": True} for p in parameters]
