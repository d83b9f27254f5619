"""The OpenAPI document comes from the table of routes, and says no more than it."""

import re

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


def test_behind_a_proxy_with_a_prefix_links_and_servers_are_relative(service: Service):
    assert service.get("/openapi.json").json()["servers"][0]["url"] == "."
    links = re.findall(r'(?:href|src)="([^"]*)"', service.get("/docs").text)
    assert links
    assert not [link for link in links if link.startswith(("/", "http"))]
