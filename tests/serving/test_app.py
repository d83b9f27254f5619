"""Who may come in, how much, how long; and what is noted of each request."""

import json
import re
import time
from pathlib import Path

import pytest

from serving import app as application
from tests.support.small_service import Service, a_one, put_copy, status

ONE = {"image": a_one().tolist()}


def own_service(home: Path, **environment: str) -> Service:
    put_copy(home, "3", seed=1)
    return Service(home, **environment)


# Methods


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/health", {"error_code", "message"}),
        ("/health/live", {"error", "request_id"}),
        ("/health/ready", {"error", "request_id"}),
        ("/v2/health/live", {"error"}),
    ],
)
def test_another_method_is_refused_in_the_form_of_its_route(service: Service, path, keys):
    answer = service.post(path)
    assert (answer.status_code, answer.json().keys()) == (405, keys)


def test_head_is_get_without_the_body(service: Service):
    sent: list[dict] = []

    async def send(message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "HEAD", "path": "/page/page.js", "query_string": b""}
    scope |= {"headers": [], "client": None}
    service.run(service.app(scope, None, send))
    length = str(len(service.get("/page/page.js").content)).encode()
    assert dict(sent[0]["headers"])[b"content-length"] == length
    assert sent[1]["body"] == b""  # clients drop a body, so that its bytes are looked at here


# The page and the documents


def test_the_page_is_served_with_strict_headers(service: Service):
    answer = service.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    tag = answer.headers["etag"]
    for condition in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = service.get("/", headers={"if-none-match": condition})
        assert (again.status_code, again.content) == (304, b"")
        assert not {"content-length", "content-type"} & again.headers.keys()
    assert service.get("/", headers={"if-none-match": '"other"'}).status_code == 200


def addresses_in(page: str) -> set[str]:
    return set(re.findall(r"https?://[^/\s\"']+(?:/digits)?/(?=</span>)", page))


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({"host": "digits.example:8000"}, "http://digits.example:8000/"),
        ({"host": "[::1]:8000"}, "http://[::1]:8000/"),
        (
            {
                "host": "serving:8000",
                "x-forwarded-host": "example.org",
                "x-forwarded-proto": "https",
                "x-forwarded-prefix": "/digits",
            },
            "https://example.org/digits/",
        ),
        ({"host": "a'; reboot #"}, "http://127.0.0.1:8000/"),
        ({"host": "h", "x-forwarded-prefix": "/a'; reboot #"}, "http://h/"),
    ],
)
def test_the_docs_lines_have_the_address_by_which_they_are_read(service, headers, address):
    docs = service.get("/docs", headers=headers)
    assert docs.headers["content-type"] == "text/html; charset=utf-8"
    assert addresses_in(docs.text) == {address}
    assert "reboot" not in docs.text


def test_the_docs_lines_name_the_version_that_answers(service: Service):
    docs = re.sub("<[^>]+>", "", service.get("/docs").text)
    assert "/v2/models/mnist-digits/versions/3/infer" in docs


# Load


def test_too_many_requests_at_once_are_refused_with_retry_after(service: Service, monkeypatch):
    monkeypatch.setattr(application, "MAX_IN_FLIGHT", 0)
    answer = service.post("/predict", json=ONE)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert service.get("/health/live").status_code == 200
    for path in ("/nowhere", "/health/live", "/webhooks/registry"):
        assert service.post(path, content=b"{}").status_code == 503


def test_a_sender_that_disconnects_is_no_error(service: Service, capfd):
    async def gone():
        return {"type": "http.disconnect"}

    async def send(message):
        raise AssertionError("nobody is there")

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "query_string": b"",
        "headers": [],
        "client": None,
    }
    service.run(service.app(scope, gone, send))
    assert capfd.readouterr().err == ""
    assert service.app._in_flight == 0


def test_an_unexpected_error_is_reported_without_its_traceback(
    service: Service, monkeypatch, capfd
):
    def fail(images):
        raise RuntimeError("secret")

    monkeypatch.setattr(service.models.current, "inline", fail)
    answer = service.post("/predict", json=ONE)
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "secret" in capfd.readouterr().err


# The API key


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"x-api-key": "wrong"}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "schlüssel".encode()}, 401),
        ({"authorization": "Basic schlüssel".encode()}, 401),
        ({"x-api-key": "k3y"}, 200),
        ({"authorization": "bearer  k3y"}, 200),
        ({"authorization": "Bearer k3y"}, 200),
    ],
)
def test_with_a_key_only_its_holders_are_answered(tmp_path, headers, status):
    service = own_service(tmp_path, ANN_API_KEY="k3y\n")
    answer = service.post("/predict", json=ONE, headers=headers)
    assert answer.status_code == status
    assert service.get("/health/ready").status_code == service.get("/").status_code == 200
    assert service.get("/metrics").status_code == 401
    service.close()


# Request ids, log, metrics


def test_the_senders_request_id_is_kept_if_it_is_harmless(service: Service):
    def id_for(given: bytes) -> str:
        headers = {"x-request-id": given}
        return service.post("/predict", json=ONE, headers=headers).headers["x-request-id"]

    assert id_for(b"mine-7") == "mine-7"
    assert id_for(b"x" * 100) == "x" * 100
    assert len({id_for(b""), id_for(b"x" * 101), id_for(b"\x80"), id_for(b"")}) == 4


def test_each_request_is_one_line_of_json(tmp_path):
    service = own_service(tmp_path)
    service.post("/predict", json=ONE, headers={"x-request-id": "seven"})
    service.get("/nowhere")
    service.close()
    first, second = map(json.loads, service.lines.getvalue().splitlines())
    assert first["request_id"] == "seven"
    assert (first["method"], first["path"], first["status"]) == ("POST", "/predict", 200)
    assert (first["images"], first["version"]) == (1, "3")
    assert first["ms"] > 0
    assert (second["status"], second["version"]) == (404, None)


# The next version


def test_the_next_version_takes_over_between_two_requests(tmp_path):
    service = own_service(tmp_path)
    before = service.post("/predict", json=ONE).json()
    put_copy(tmp_path, "4", seed=2)
    service.run(service.models.follow(status("4"), 0.0))
    after = service.post("/predict", json=ONE).json()
    assert (before["version"], after["version"]) == ("3", "4")
    assert before["probabilities"] != after["probabilities"]
    service.close()


def test_a_version_that_does_not_verify_here_is_refused_and_the_old_one_stays(tmp_path):
    service = own_service(tmp_path)
    (put_copy(tmp_path, "4", seed=2) / "model.onnx").write_bytes(b"damaged")
    service.run(service.models.follow(status("4"), 0.0))
    assert service.post("/predict", json=ONE).json()["version"] == "3"
    assert service.get("/health/ready").json()["refused"]["version"] == "4"
    assert "ann_model_refused 1.0" in service.get("/metrics").text
    service.close()


# Webhooks


def test_a_webhook_needs_the_agreed_secret(tmp_path):
    from mlflow.webhooks.delivery import _generate_hmac_signature as sign

    service = own_service(tmp_path, ANN_WEBHOOK_SECRET="shared", ANN_API_KEY="key")
    body = '{"entity": "model_version_alias", "action": "created"}'

    def send(secret: str, timestamp: float) -> int:
        moment = str(int(timestamp))
        headers = {
            "x-mlflow-delivery-id": "7",
            "x-mlflow-timestamp": moment,
            "x-mlflow-signature": sign(secret, "7", moment, body),
        }
        return service.post("/webhooks/registry", content=body, headers=headers).status_code

    assert send("wrong", time.time()) == send("shared", time.time() - 301) == 403
    assert service.post("/webhooks/registry", content=body).status_code == 403
    assert service.others.polls == 0
    assert send("shared", time.time()) == 202
    assert service.others.polls == 1
    service.close()


def test_without_a_secret_no_webhook_is_taken(service: Service):
    answer = service.post("/webhooks/registry", content=b"{}")
    assert (answer.status_code, "ANN_WEBHOOK_SECRET" in answer.json()["error"]) == (404, True)
