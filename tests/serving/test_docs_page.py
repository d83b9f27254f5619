"""The API's page: derived from the OpenAPI document, readable, and without anything of its own."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from serving.curl import commands
from serving.docs_page import abbreviated, as_html
from tests.support.small_service import Service

ADDRESS = "http://digits.example:8000/"
SMALL: dict[str, Any] = {
    "info": {"title": "Small", "description": "Runs `as <it> stands`."},
    "tags": [{"name": "First", "description": "The first group."}, {"name": "Second"}],
    "paths": {
        "/models/{name}/versions/{version}": {
            "get": {
                "tags": ["Second"],
                "summary": "The state",
                "parameters": [
                    {"name": n, "in": "path", "description": f"The {n}.", "example": n.upper()}
                    for n in ("name", "version")
                ],
                "responses": {"200": {"description": "the answer"}},
            }
        },
        "/models/{name}": {
            "get": {
                "tags": ["Second"],
                "summary": "The state",
                "parameters": [
                    {"name": "name", "in": "path", "description": "The name.", "example": "NAME"}
                ],
                "responses": {"200": {"description": "the answer"}},
            }
        },
        "/predict": {
            "post": {
                "tags": ["First"],
                "summary": "Read <digits>",
                "requestBody": {"content": {"application/json": {"example": {"digit": 1}}}},
                "responses": {
                    "200": {
                        "description": "the answer",
                        "content": {
                            "application/json": {
                                "example": {"probabilities": [0.1] * 10},
                                "schema": {
                                    "properties": {"digit": {"description": "From 0 to 9."}}
                                },
                            }
                        },
                    },
                    "413": {"description": "too many bytes"},
                },
            }
        },
    },
}


class Reader(HTMLParser):
    """Collects links, and what a policy without `unsafe-inline` would block."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.inline: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        self.links += [given[name] or "" for name in ("href", "src") if name in given]
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        self.inline += [tag] if tag == "style" or (tag == "script" and "src" not in given) else []


@pytest.fixture(scope="module", params=["small", "the service's"])
def content(request: pytest.FixtureRequest, service: Service) -> dict[str, Any]:
    return SMALL if request.param == "small" else service.get("/openapi.json").json()


def test_every_operation_has_its_line(content: dict[str, Any]) -> None:
    page = html.unescape(re.sub(r"<[^>]+>", "", as_html(content, ADDRESS).decode()))
    for path, methods in content["paths"].items():
        for method, operation in methods.items():
            for line in commands(method, path, operation, ADDRESS, {}).values():
                assert line in page


def test_nothing_is_inline_and_every_link_is_relative_or_leads_within_the_page(
    content: dict[str, Any],
) -> None:
    page = Reader(as_html(content, ADDRESS))
    assert page.inline == []
    assert [link for link in page.links if re.match(r"/|\w+:", link)] == []  # keeps a prefix
    anchors = {link[1:] for link in page.links if link.startswith("#")}
    assert anchors <= page.ids


def test_no_line_is_long_because_a_body_is(content: dict[str, Any]) -> None:
    text = html.unescape(re.sub(r"<[^>]+>", "", as_html(content, ADDRESS).decode()))
    assert max(map(len, text.split("\n"))) < 400


def test_operations_are_grouped_and_those_that_do_the_same_stand_together() -> None:
    page = as_html(SMALL, ADDRESS).decode()
    groups = re.findall(r"<h2[^>]*>(.*?)</h2>", page)
    assert groups == ["Second", "First"]
    assert page.count("<article") == 2
    assert "<details><summary><code><wbr>/models<wbr>/{name}<wbr>/versions" in page
    assert f"curl {ADDRESS}models/NAME" in page.replace(
        f'<span class="address">{ADDRESS}</span>', ADDRESS
    )


def test_answers_their_fields_and_errors_are_shown() -> None:
    page = as_html(SMALL, ADDRESS).decode()
    assert "{&quot;probabilities&quot;: [0.1, 0.1, 0.1, 0.1, …]}" in page
    assert "<dt><code>digit</code></dt><dd>From 0 to 9.</dd>" in page
    assert "<summary>Errors: 413</summary>" in page
    assert "<dt><code>413</code></dt><dd>too many bytes" in page


def test_the_fields_of_an_answer_of_several_forms_are_shown(service: Service) -> None:
    page = as_html(service.get("/openapi.json").json(), ADDRESS).decode()
    for field in ("reason", "label", "explanation", "predictions"):
        assert f"<dt><code>{field}</code></dt>" in page


def test_text_is_escaped_and_code_in_backticks_is_code() -> None:
    page = as_html(SMALL, ADDRESS).decode()
    assert "Read &lt;digits&gt;" in page
    assert "Runs <code>as &lt;it&gt; stands</code>." in page


def test_the_services_own_values_stand_in_the_lines() -> None:
    page = as_html(SMALL, ADDRESS, {"name": "offline-digits", "version": "3"}).decode()
    assert "models/offline-digits/versions/3<" in page


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"live": True}, '{"live": true}'),
        ([1, 28, 28], "[1, 28, 28]"),
        ([0.5] * 10, "[0.5, 0.5, 0.5, 0.5, …]"),
        ([[0] * 28] * 28, "[[0, 0, 0, 0, …], …]"),
        ({"a": "é" * 40, "b": "x" * 40}, f'{{\n  "a": "{"é" * 40}",\n  "b": "{"x" * 40}"\n}}'),
        ({}, "{}"),
    ],
)
def test_json_is_abbreviated_for_reading(value: object, text: str) -> None:
    assert abbreviated(value) == text


def test_short_json_is_not_changed() -> None:
    value = {"a": [1, 2, {"b": None}], "c": "x" * 80}
    assert json.loads(abbreviated(value)) == value
