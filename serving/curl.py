"""A `curl` line for each operation of an OpenAPI document, that runs when it is pasted."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from itertools import groupby
from typing import Any

LITERAL = 160  # characters of a body that is written out; longer ones are computed
ROW = 28  # numbers in a line of a picture
EXAMPLES = {"image/png": "page/example.png"}  # files of the page, by media type


def commands(
    method: str, path: str, operation: Mapping[str, Any], address: str, values: Mapping[str, str]
) -> dict[str, str]:
    """The line for each media type that the operation reads and that has an example.

    Args:
        method: in lower case, as in the document.
        path: with parameters in braces.
        operation: of an OpenAPI document.
        address: of the service, with a slash at the end.
        values: of path parameters, in place of the document's examples.

    Returns:
        Shell commands by media type; by "" where nothing is sent.
    """
    examples = {
        parameter["name"]: str(parameter.get("example", parameter["name"]))
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "path"
    }
    url = shlex.quote(address + path.removeprefix("/").format(**(examples | dict(values))))
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return {"": f"curl {url}" if method == "get" else f"curl -X {method.upper()} {url}"}
    lines = {kind: _sending(kind, body, url, address) for kind, body in content.items()}
    return {kind: line for kind, line in lines.items() if line}


def _sending(kind: str, body: Mapping[str, Any], url: str, address: str) -> str:
    picture = f"curl -s {shlex.quote(address + EXAMPLES['image/png'])} |\n  curl"
    header = f"-H {shlex.quote(f'Content-Type: {kind}')}"
    if kind in EXAMPLES:
        return f"{picture} {header} --data-binary @- {url}"
    if kind == "multipart/form-data":
        fields = body.get("schema", {}).get("properties", {})
        name = next((n for n, field in fields.items() if field.get("format") == "binary"), None)
        part = shlex.quote(f"{name}=@-;filename=example.png;type=image/png")
        return f"{picture} -F {part} {url}" if name else ""
    example = body.get("example", {} if kind == "application/json" else None)
    if example is None:
        return ""
    text = example if isinstance(example, str) else json.dumps(example)
    if len(text) <= LITERAL:
        return f"curl {header} -d {shlex.quote(text)} {url}"
    printed = _table(text) if kind == "text/csv" else f"json.dumps({expression(example)})"
    needed = "" if kind == "text/csv" else "import json; "
    program = shlex.quote(f"{needed}print({printed})")
    return f"python3 -c {program} |\n  curl {header} --data-binary @- {url}"


def _table(text: str) -> str:
    """A Python expression for CSV whose cells are whole numbers or words."""
    rows = [[_cell(cell) for cell in line.split(",")] for line in text.strip().split("\n")]
    return f'"\\n".join(",".join(map(str, row)) for row in {expression(rows)})'


def _cell(cell: str) -> int | str:
    return int(cell) if cell.isdigit() and str(int(cell)) == cell else cell


def expression(value: Any) -> str:
    """A short Python expression that is equal to a value of JSON."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {expression(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return _list(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _list(values: list[Any]) -> str:
    if len(values) > 2 and values == list(range(len(values))):
        return f"[*range({len(values)})]"
    in_runs = _runs(values)
    if len(in_runs) > LITERAL and len(values) % ROW == 0:
        rows = [values[start : start + ROW] for start in range(0, len(values), ROW)]
        return min(in_runs, f"sum({_runs(rows)}, [])", key=len)
    return in_runs


def _runs(values: list[Any]) -> str:
    """Such as "[0]*13 + [1]*3 + [0]*12": each run of equal values is written once."""
    parts: list[str] = []
    single: list[str] = []
    for text, run in groupby(map(expression, values)):
        count = len(list(run))
        if count < 3:
            single += [text] * count
            continue
        if single:
            parts.append(f"[{', '.join(single)}]")
            single = []
        parts.append(f"[{text}]*{count}")
    if single or not parts:
        parts.append(f"[{', '.join(single)}]")
    return " + ".join(parts)
