"""A route's path is its pattern: which paths it answers, and what it finds in them."""

import re

import pytest

from serving.http import Request, Response
from serving.protocols import native
from serving.route import Protocol, Route

PROTOCOL = Protocol("First", "The first group.", native.failure)


async def endpoint(request: Request) -> Response:
    return Response(b"")


def found(path: str, asked: str) -> dict[str, str] | None:
    match = Route("a", "GET", path, endpoint, PROTOCOL).pattern.fullmatch(asked)
    return match and match.groupdict()


@pytest.mark.parametrize(
    ("path", "asked", "parameters"),
    [
        ("/v2", "/v2", {}),
        ("/v2", "/v2/", None),
        ("/m/{name}", "/m/digits", {"name": "digits"}),
        ("/m/{name}", "/m/", None),
        ("/m/{name}", "/m/a/b", None),
        ("/m/{name}", "/m/a:predict", None),
        ("/m/{name}:predict", "/m/a:predict", {"name": "a"}),
        ("/m/{name}/v/{version}", "/m/a b/v/3", {"name": "a b", "version": "3"}),
        ("/page/{file}", "/page/a/b:c.js", {"file": "a/b:c.js"}),
        ("/page/{file}", "/page/", None),
    ],
)
def test_a_parameter_is_one_part_of_the_path_and_a_file_all_the_rest(path, asked, parameters):
    assert found(path, asked) == parameters


def test_the_pattern_is_made_once():
    route = Route("a", "GET", "/m/{name}", endpoint, PROTOCOL)
    assert isinstance(route.pattern, re.Pattern)
    assert route.pattern is route.pattern


def test_a_route_is_closed_and_shows_nothing_unless_it_is_told_so():
    route = Route("a", "GET", "/a", endpoint, PROTOCOL)
    assert (route.open, route.status, route.answer, route.summary) == (False, 200, None, "")
    assert (route.body, route.query, route.schema) == ({}, {}, {})


def test_the_errors_that_most_protocols_know_have_neither_conflict_nor_wrong_digits():
    assert PROTOCOL.statuses == (400, 401, 403, 404, 408, 413, 415, 431, 503)
