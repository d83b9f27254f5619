"""The OpenAPI document as a page for people: groups, a `curl` line each, answers and errors."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from serving.curl import commands

SHOWN = 4  # items of a longer list
WIDTH = 60  # characters of a list that stays on one line

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """One heading: a method, and the paths on which it does the same.

    Attributes:
        method: in lower case.
        paths: the first is the shortest.
        details: of the first path, as in the document; for the others by their path.
    """

    method: str
    paths: tuple[str, ...]
    details: Mapping[str, Mapping[str, Any]]

    @property
    def first(self) -> Mapping[str, Any]:
        """What the document says of the first path."""
        return self.details[self.paths[0]]

    @property
    def anchor(self) -> str:
        """Its name in links within the page."""
        return re.sub(r"\W+", "-", f"{self.method}{self.paths[0]}").strip("-")


def as_html(document: Document, address: str, values: Mapping[str, str] | None = None) -> bytes:
    """The page; it has no script of its own and needs nothing from elsewhere.

    Args:
        document: OpenAPI 3.1.
        address: of the service as the reader reaches it, with a slash at the end.
        values: of path parameters that the service knows, such as the champion's version.
    """
    info, groups = document["info"], _groups(document)
    body = [
        "<header>",
        f"<h1>{_text(info['title'])}: the API</h1>",
        f'<p class="quiet">{_prose(info["description"])}</p>',
        '<a href="./" class="quiet">Draw a digit</a>',
        "</header>",
        '<nav aria-label="Endpoints">',
        *_navigation(groups),
        "</nav>",
        "<main>",
        *_introduction(document, address),
    ]
    for tag, operations in groups.items():
        body += _group(document, tag, operations, address, values or {})
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{_text(info['title'])}: the API</title>"
        '<link rel="icon" href="page/icon.svg" type="image/svg+xml">'
        '<link rel="stylesheet" href="page/theme.css">'
        '<link rel="stylesheet" href="page/docs.css">'
        '<script type="module" src="page/docs.js"></script>\n</head>\n<body>\n'
    )
    return (head + "\n".join(body) + "\n</main>\n</body>\n</html>\n").encode()


def _groups(document: Document) -> dict[str, list[Operation]]:
    """The operations of each tag, in the document's order; those that do the same are one."""
    alike: dict[tuple[str, str, str], dict[str, Mapping[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["Endpoints"])[0]
            alike.setdefault((tag, method, operation["summary"]), {})[path] = operation
    groups: dict[str, list[Operation]] = {}
    for (tag, method, _), details in alike.items():
        paths = tuple(sorted(details, key=len))
        groups.setdefault(tag, []).append(Operation(method, paths, details))
    return groups


def _navigation(groups: Mapping[str, list[Operation]]) -> Iterator[str]:
    for tag, operations in groups.items():
        yield f'<p><a href="#{_anchor(tag)}">{_text(tag)}</a></p><ul>'
        for operation in operations:
            path = _breakable(operation.paths[0])
            yield f'<li><a href="#{operation.anchor}"><code>{path}</code></a></li>'
        yield "</ul>"


def _introduction(document: Document, address: str) -> Iterator[str]:
    yield '<section class="introduction">'
    schemes = document.get("components", {}).get("securitySchemes", {}).values()
    header = next((s["name"] for s in schemes if s.get("in") == "header"), None)
    yield f'<p>The service is at <code class="where">{_marked(address, address)}</code>. '
    yield "Each line below runs in a terminal as it stands. "
    if header:
        yield (
            "A service with a key asks for it in a header: add "
            f"<code>-H '{_text(header)}: …'</code>. "
        )
    yield 'The same for programs: <a href="openapi.json">openapi.json</a>.</p></section>'


def _group(
    document: Document,
    tag: str,
    operations: list[Operation],
    address: str,
    values: Mapping[str, str],
) -> Iterator[str]:
    described = {t["name"]: t.get("description", "") for t in document.get("tags", [])}
    yield f'<section aria-labelledby="{_anchor(tag)}"><h2 id="{_anchor(tag)}">{_text(tag)}</h2>'
    if described.get(tag):
        yield f'<p class="quiet">{_prose(described[tag])}</p>'
    for operation in operations:
        yield from _operation(operation, address, values)
    yield from _errors(operations)
    yield "</section>"


def _operation(operation: Operation, address: str, values: Mapping[str, str]) -> Iterator[str]:
    method, path = operation.method, operation.paths[0]
    yield f'<article id="{operation.anchor}"><h3><span class="{method}">{method.upper()}</span> '
    yield f"<code>{_breakable(path)}</code></h3><p>{_prose(operation.first['summary'])}</p>"
    yield from _parameters(operation)
    lines = commands(method, path, operation.first, address, values)
    for kind, line in lines.items():
        yield from _command(line, kind if len(lines) > 1 else "", address)
    content = operation.first.get("requestBody", {}).get("content", {})
    if others := [kind for kind in content if kind not in lines]:
        yield f'<p class="quiet">Also read: {", ".join(map(_text, others))}.</p>'
    for other in operation.paths[1:]:
        yield f"<details><summary><code>{_breakable(other)}</code></summary>"
        for line in commands(method, other, operation.details[other], address, values).values():
            yield from _command(line, "", address)
        yield "</details>"
    yield from _answer(operation)
    yield "</article>"


def _parameters(operation: Operation) -> Iterator[str]:
    found = {
        p["name"]: p
        for details in operation.details.values()
        for p in details.get("parameters", [])
    }
    if found:
        yield "<dl>"
        for name, parameter in found.items():
            value = "…" if name == "model" else "1"
            shown = f"?{name}={value}" if parameter["in"] == "query" else f"{{{name}}}"
            yield f"<dt><code>{_text(shown)}</code></dt><dd>{_prose(parameter['description'])}</dd>"
        yield "</dl>"


def _command(line: str, label: str, address: str) -> Iterator[str]:
    caption = f"<figcaption>{_text(label)}</figcaption>" if label else ""
    code = f"<pre><code>{_marked(line, address)}</code></pre>"
    yield f'<figure class="command">{caption}{code}</figure>'


def _answer(operation: Operation) -> Iterator[str]:
    for status, response in operation.first["responses"].items():
        for kind, body in response.get("content", {}).items():
            if not _is_good(status) or not (body.get("example") or body.get("schema")):
                continue
            yield f'<figure class="answer"><figcaption>Answer {_text(status)}, {_text(kind)}'
            yield "</figcaption>"
            if "example" in body:
                yield f"<pre><code>{_text(abbreviated(body['example']))}</code></pre>"
            yield from _fields(body.get("schema", {}))
            yield "</figure>"


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    described = {
        name: field["description"] if "description" in field else _choices(field)
        for form in (schema, *schema.get("anyOf", ()))
        for name, field in form.get("properties", {}).items()
        if "description" in field or "enum" in field
    }
    if described:
        yield "<dl>"
        for name, text in described.items():
            yield f"<dt><code>{_text(name)}</code></dt><dd>{_prose(text)}</dd>"
        yield "</dl>"


def _choices(field: Mapping[str, Any]) -> str:
    return " or ".join(map(str, field["enum"])) + "."


def _errors(operations: Iterable[Operation]) -> Iterator[str]:
    """The errors of a group, once for all of its operations."""
    found = {
        status: response
        for operation in operations
        for details in operation.details.values()
        for status, response in details["responses"].items()
        if not _is_good(status)
    }
    if not found:
        return
    yield f"<details><summary>Errors: {', '.join(map(_text, sorted(found)))}</summary><dl>"
    for status, response in sorted(found.items()):
        yield f"<dt><code>{_text(status)}</code></dt><dd>{_prose(response['description'])}"
        for body in response.get("content", {}).values():
            if "example" in body:
                yield f"<pre><code>{_text(abbreviated(body['example']))}</code></pre>"
        yield "</dd>"
    yield "</dl></details>"


def abbreviated(value: Any, indent: str = "") -> str:
    """JSON for reading: long lists are cut, short ones stay on one line."""
    deeper = indent + "  "
    if isinstance(value, Mapping) and value:
        items = [f"{json.dumps(k)}: {abbreviated(v, deeper)}" for k, v in value.items()]
        line = f"{{{', '.join(items)}}}"
        if len(line) <= WIDTH and "\n" not in line:
            return line
        return "{\n" + ",\n".join(deeper + item for item in items) + f"\n{indent}}}"
    if not isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    nested = any(isinstance(item, list | Mapping) for item in value)
    most = 1 if nested and len(json.dumps(value)) > 10 * WIDTH else SHOWN
    shown = [abbreviated(item, deeper) for item in value[:most]]
    if len(value) > most:
        shown.append("…")
    line = f"[{', '.join(shown)}]"
    if len(line) <= WIDTH or not nested or "\n" not in line:
        return line
    return "[\n" + ",\n".join(deeper + item for item in shown) + f"\n{indent}]"


def _is_good(status: str) -> bool:
    return status.startswith(("1", "2", "3"))


def _anchor(tag: str) -> str:
    return re.sub(r"\W+", "-", tag.lower()).strip("-")


def _marked(text: str, address: str) -> str:
    """Escaped, with the service's address marked for the script that knows a proxy's."""
    mark = f'<span class="address">{_text(address)}</span>'
    return _text(text).replace(_text(address), mark)


def _breakable(path: str) -> str:
    """A path that may be broken into lines before each slash."""
    return _text(path).replace("/", "<wbr>/")


def _prose(text: str) -> str:
    """Escaped, with `code` in backticks as OpenAPI's Markdown has it."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(text))


def _text(text: object) -> str:
    return html.escape(str(text))
