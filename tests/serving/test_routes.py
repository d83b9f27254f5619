"""Which route answers a path; what has none is refused in the form of the nearest protocol."""

import pytest

from tests.support.small_service import NAME, Service


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/nowhere", {"error", "request_id"}),
        ("/page/../app.py", {"error", "request_id"}),
        ("/page/%2e%2e/app.py", {"error", "request_id"}),
        ("/v1/nowhere", {"error"}),
        ("/v2/nowhere", {"error"}),
        ("/v1/models/other", {"error"}),
        ("/v2/models/other/ready", {"error"}),
        (f"/v1/models/{NAME}/versions/x", {"error"}),
        (f"/v1/models/{NAME}/versions/%C2%B3", {"error"}),
        ("/v1", {"error"}),
        ("/v3/models", {"error", "request_id"}),
        ("*", {"error", "request_id"}),
        ("/health/nowhere", {"error", "request_id"}),
        ("/invocations/", {"error_code", "message"}),
    ],
)
def test_what_is_not_there_is_404_in_the_nearest_form(service: Service, path, keys):
    answer = service.get(path)
    assert (answer.status_code, answer.json().keys()) == (404, keys)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/predict", "POST"), ("POST", "/metrics", "GET, HEAD"), ("PUT", "/v2", "GET, HEAD")],
)
def test_another_method_is_405_and_says_which(service: Service, method, path, allowed):
    answer = service.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_without_a_key_the_page_the_documents_and_the_health_are_there(service: Service):
    assert {route.path for route in service.routes.table if route.open} == {
        *("/", "/page/{file}", "/docs", "/openapi.json"),
        *("/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"),
        *("/ping", "/health", "/version"),
        "/webhooks/registry",  # it is signed
    }


@pytest.mark.parametrize("path", ["/", "/page/sentences.js"])
def test_the_page_and_its_files_are_found(service: Service, path):
    assert service.get(path).status_code == 200
