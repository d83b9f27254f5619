"""The OpenAPI document comes from the table of routes, and says no more than it."""

import json
import re
from typing import Any

import jsonschema
import pytest

from serving.examples import ONE_PREDICTION, Body
from serving.feedback.store import REMEMBERED
from serving.http import Request, Response
from serving.openapi import ERRORS, SWITCH, document
from serving.protocols import native
from serving.route import Protocol, Route
from tests.support.small_service import Service


def test_every_operation_is_in_the_document_and_nothing_else(service: Service):
    document = service.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    listed = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert listed == {(r.method, r.path) for r in service.routes.table if r.summary}
    assert ("POST", "/webhooks/registry") in listed


def test_the_document_names_the_parameters_of_its_paths(service: Service):
    for path, methods in service.get("/openapi.json").json()["paths"].items():
        for operation in methods.values():
            names = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert names == set(re.findall(r"\{(\w+)\}", path))


def test_every_operation_has_a_group_and_its_errors(service: Service):
    document = service.get("/openapi.json").json()
    groups = {tag["name"] for tag in document["tags"]}
    for methods in document["paths"].values():
        for operation in methods.values():
            assert set(operation["tags"]) <= groups
            assert {"401", "404", "503"} <= operation["responses"].keys()


def test_the_document_lists_every_field_of_a_correction(service: Service):
    operation = service.get("/openapi.json").json()["paths"]["/feedback"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    fields = {"digit", "request_id", "image", "model", "version", "predicted"}
    assert schema["properties"].keys() == fields


def test_the_document_says_of_how_many_images_answers_can_be_corrected_by_their_ids(
    service: Service,
):
    paths = service.get("/openapi.json").json()["paths"]
    body = paths["/feedback"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    answered = ONE_PREDICTION["properties"]
    for fields in (body["properties"], answered):
        assert f"at most {REMEMBERED} images" in fields["request_id"]["description"]
    assert json.dumps(answered["request_id"]) in json.dumps(paths["/predict"]["post"]["responses"])


def test_behind_a_proxy_with_a_prefix_links_and_servers_are_relative(service: Service):
    assert service.get("/openapi.json").json()["servers"][0]["url"] == "."
    links = re.findall(r'(?:href|src)="([^"]*)"', service.get("/docs").text)
    assert links
    assert not [link for link in links if link.startswith(("/", "http"))]


# Small tables of routes

OF_BODIES = (400, 408, 409, 413, 415, 422)
FIRST = Protocol("First", "The first group.", native.failure, (503, 418, 404, *OF_BODIES))
SECOND = Protocol("Second", "The second group.", native.failure)


async def endpoint(request: Request) -> Response:
    return Response(b"")


def a_route(path: str = "/a", method: str = "GET", summary: str = "Do it", **more: Any) -> Route:
    return Route("a", method, path, endpoint, more.pop("protocol", FIRST), summary, **more)


def operation(**more: Any) -> dict[str, Any]:
    route = a_route(**more)
    return document([route])["paths"][route.path][route.method.lower()]


def test_a_route_without_a_summary_is_left_out():
    found = document([a_route(), a_route("/b", summary="", protocol=SECOND)])
    assert list(found["paths"]) == ["/a"]
    assert found["tags"] == [{"name": "First", "description": "The first group."}]


def test_the_methods_of_a_path_stand_together_and_groups_in_the_order_of_the_table():
    routes = [a_route("/b", protocol=SECOND), a_route(), a_route(method="POST")]
    found = document(routes)
    assert list(found["paths"]["/a"]) == ["get", "post"]
    assert [tag["name"] for tag in found["tags"]] == ["Second", "First"]
    ids = [each["operationId"] for methods in found["paths"].values() for each in methods.values()]
    assert ids == ["get/b", "get/a", "post/a"]


def test_what_needs_a_key_says_so_and_what_does_not_needs_none():
    assert operation()["security"] == [{}, {"key": []}]
    assert operation(open=True)["security"] == [{}]
    keys = document([])["components"]["securitySchemes"]["key"]
    assert (keys["in"], keys["name"]) == ("header", "X-API-Key")


def test_parameters_of_the_path_are_required_and_those_of_the_query_are_not():
    found = operation(
        path="/m/{name}/v/{version}", query={"image": "Return it.", "model": "Its name."}
    )
    name, version, image, model = found["parameters"]
    assert [(each["name"], each["in"]) for each in (name, version)] == [
        ("name", "path"),
        ("version", "path"),
    ]
    assert name["required"] is version["required"] is True
    assert version["schema"]["pattern"] == "^[0-9]+$"
    assert (image["in"], image["description"]) == ("query", "Return it.")
    assert image["schema"] == SWITCH
    assert model["schema"] == {"type": "string"}
    assert "required" not in image
    assert "parameters" not in operation()


@pytest.mark.parametrize("value", ["0", "1", "true", "False", "TRUE", "", "2", "yes", "11", "on"])
def test_a_switch_may_have_the_values_that_are_read_and_no_others(service: Service, value):
    answer = service.post(f"/predict?image={value}", json={"image": [0] * 784})
    assert (answer.status_code == 200) == jsonschema.Draft202012Validator(SWITCH).is_valid(value)


def test_a_body_has_the_example_that_json_has_room_for():
    bodies = {
        "application/json": Body({"type": "object"}, {"a": 1}),
        "text/csv": Body({"type": "string"}, ""),
        "image/png": Body({"type": "string"}, lambda: b"PNG"),
        "image/jpeg": Body({"type": "string"}),
    }
    sent = operation(method="POST", body=bodies)["requestBody"]
    assert sent["required"] is True
    assert {kind: each.get("example") for kind, each in sent["content"].items()} == {
        "application/json": {"a": 1},
        "text/csv": "",
        "image/png": None,
        "image/jpeg": None,
    }
    assert sent["content"]["image/png"] == {"schema": {"type": "string"}}
    assert "requestBody" not in operation()


def test_an_answer_is_shown_under_its_status_with_its_schema():
    responses = operation(answer={"n": 1}, schema={"type": "object"}, status=202)["responses"]
    content = responses["202"]["content"]["application/json"]
    assert content == {"schema": {"type": "object"}, "example": {"n": 1}}
    assert "content" not in operation()["responses"]["200"]
    assert "content" in operation(answer=[])["responses"]["200"]


@pytest.mark.parametrize(
    ("body", "errors"),
    [({}, [404, 418, 503]), ({"text/csv": Body({})}, sorted([404, 418, 503, *OF_BODIES]))],
)
def test_errors_are_those_of_the_protocol_and_of_a_body_where_there_is_one(body, errors):
    responses = operation(body=body)["responses"]
    assert list(responses) == ["200", "2XX", *map(str, errors)]
    assert responses["503"]["description"] == "no model yet, or too busy: see Retry-After"
    assert responses["418"]["description"] == "I'm a Teapot"


def test_the_services_errors_are_described_in_its_own_words_and_no_others_are(service: Service):
    said: dict[str, set[str]] = {}
    for methods in service.get("/openapi.json").json()["paths"].values():
        for each in methods.values():
            for number, response in each["responses"].items():
                said.setdefault(number, set()).add(response["description"])
    errors = {int(number): text for number, text in said.items() if number[0] in "45"}
    assert errors == {number: {text} for number, text in ERRORS.items()}
