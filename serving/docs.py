"""The OpenAPI document as a page for people, without scripts."""

from __future__ import annotations

import html
import json
from typing import Any


def as_html(document: dict[str, Any]) -> bytes:
    """One heading an operation, with its parameters and examples."""
    info = document["info"]
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Digits: how to ask</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<h1>{info['title']}</h1><p>{info['description']}",
        '<p><a href="./">Draw a digit</a> · <a href="openapi.json">openapi.json</a>',
    ]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.append(
                f"<h2><code>{method.upper()} {html.escape(path)}</code></h2>"
                f"<p>{html.escape(operation['summary'])}"
            )
            parts += map(_parameter, operation.get("parameters", []))
            for kind, body in operation.get("requestBody", {}).get("content", {}).items():
                parts.append(f"<details><summary><code>{kind}</code></summary>")
                if "example" in body:
                    example = html.escape(json.dumps(body["example"]))
                    parts.append(f"<pre><code>{example}</code></pre>")
                parts.append("</details>")
    return "\n".join(parts).encode()


def _parameter(parameter: dict[str, Any]) -> str:
    return f"<p><code>{parameter['name']}</code>: {html.escape(parameter['description'])}"
