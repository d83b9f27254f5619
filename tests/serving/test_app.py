"""Who may come in, how much, how long; and what is noted of each request."""

import asyncio
import gzip
import json
import re
import time
from pathlib import Path

import pytest

from serving import app as application
from serving import bodies
from serving.errors import UnverifiedModel
from tests.support.small_service import NAME, Service, a_one, put_copy, status

ONE = {"image": a_one().tolist()}


def own_service(home: Path, **environment: str) -> Service:
    put_copy(home, "3", seed=1)
    return Service(home, **environment)


# Paths and methods


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


# Size, time and load


def test_a_body_that_says_it_is_too_large_is_not_read(service: Service):
    headers = {"content-length": "100000000", "content-type": "application/json"}
    answer = service.post("/predict", content=b"{}", headers=headers)
    assert answer.status_code == 413
    assert "send at most 10,000,000" in answer.json()["error"]


def test_a_body_without_a_length_is_read_up_to_the_limit(service: Service):
    sent = []

    async def endless():
        while True:
            sent.append(1)
            yield b"0" * 1_000_000

    assert service.post("/invocations", content=endless()).status_code == 413
    assert len(sent) <= 12


def packed(service: Service, content: bytes, encoding: str):
    headers = {"content-type": "application/json", "content-encoding": encoding}
    return service.post("/predict", content=content, headers=headers)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "identity", ""])
def test_a_gzipped_body_is_read_as_if_it_were_not(service: Service, encoding):
    body = json.dumps(ONE).encode()
    content = gzip.compress(body) if "gzip" in encoding.lower() else body
    assert packed(service, content, encoding).json()["digit"] in range(10)


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
def test_other_encodings_are_415_and_say_what_is_read(service: Service, encoding):
    answer = packed(service, b"{}", encoding)
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip, identity")


@pytest.mark.parametrize(
    "content",
    [b"no gzip", gzip.compress(b"{}")[:-3], b""],
    ids=["no gzip", "truncated", "empty"],  # compressed bytes hold the time of compression
)
def test_a_damaged_gzip_is_400(service: Service, content):
    answer = packed(service, content, "gzip")
    assert (answer.status_code, answer.json().keys()) == (400, {"error", "request_id"})


def test_a_gzip_may_have_several_members_but_not_thousands(service: Service):
    body = json.dumps(ONE).encode()
    several = b"".join(gzip.compress(body[at : at + 1000]) for at in range(0, len(body), 1000))
    assert packed(service, several, "gzip").status_code == 200
    answer = packed(service, gzip.compress(b"") * 2_000 + gzip.compress(body), "gzip")
    assert (answer.status_code, "members" in answer.json()["error"]) == (400, True)


def test_a_gzip_that_unpacks_to_far_more_is_413_before_it_is_unpacked(service: Service):
    answer = packed(service, gzip.compress(bytes(50_000_000)), "gzip")
    assert answer.status_code == 413


def test_the_sum_of_large_bodies_is_bounded_and_small_ones_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(bodies, "TOTAL_BYTES", 200_000)
    service = own_service(tmp_path)
    held_back = asyncio.Event()

    async def nearly_all(size: int):
        for _ in range(size // 50_000):
            yield b" " * 50_000
        await held_back.wait()

    async def attack_and_ask():
        ask = service._client.post
        held = asyncio.create_task(ask("/predict", content=nearly_all(150_000)))
        while service.app._bodies._bytes < 150_000:
            await asyncio.sleep(0.01)
        refused = await ask("/predict", content=nearly_all(150_000))
        small = await ask("/predict", json=ONE)
        held_back.set()
        await held
        again = await ask("/invocations", json={"instances": [ONE["image"]] * 50})
        return refused, small, again

    refused, small, again = service.run(attack_and_ask())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert "large bodies are under way" in refused.json()["error"]
    assert (small.status_code, again.status_code) == (200, 200)
    assert service.app._bodies._bytes == 0
    service.close()


def test_a_body_that_does_not_come_is_given_up(service: Service, monkeypatch):
    monkeypatch.setattr(bodies, "BODY_SECONDS", -1)

    async def endless():
        yield b"["
        await asyncio.sleep(60)

    async def ask_and_tick():
        question = asyncio.create_task(service._client.post("/predict", content=endless()))
        while not question.done():
            await asyncio.sleep(0.01)
            service.app.tick()
        return question.result()

    answer = service.run(ask_and_tick())
    assert (answer.status_code, "not complete" in answer.json()["error"]) == (408, True)
    assert service.post("/predict", json=ONE).status_code == 200


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


def test_the_metrics_count_what_happened(service: Service):
    def value(line: str) -> float:
        lines = service.get("/metrics").text.splitlines()
        return sum(float(text.split()[-1]) for text in lines if text.startswith(line + " "))

    watched = {
        'ann_requests_total{route="predict",status="200"}': 1,
        'ann_requests_total{route="predict",status="422"}': 1,
        'ann_refusals_total{reason="InvalidDigits"}': 1,
        'ann_request_seconds_count{route="predict"}': 2,
        "ann_images_per_request_sum": 2,
        "ann_confidence_count": 2,
        "ann_uncertain_total": 2,
    }
    before = {line: value(line) for line in watched}
    service.post("/predict", json={"images": [[0] * 784] * 2})
    service.post("/predict", json={})
    assert {line: value(line) - before[line] for line in watched} == watched
    served = f'ann_model_served{{data="mnist",model="{NAME}",version="3"}}'
    assert value(served) == 1


# Readiness


def test_without_a_model_the_service_lives_and_says_why_it_cannot_answer(tmp_path):
    service = Service(tmp_path)
    answer = service.post("/predict", json=ONE)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "no model to answer with yet" in answer.json()["error"]
    assert service.post("/invocations", json={}).json().keys() == {"error_code", "message"}
    ready = service.get("/health/ready")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert service.get("/ping").status_code == 503
    assert service.get("/health/live").status_code == 200
    service.close()


def test_a_damaged_last_good_copy_is_not_served_and_named(tmp_path):
    copy = put_copy(tmp_path, "3", seed=1)
    (copy / "model.onnx").write_bytes(b"damaged")
    service = Service(tmp_path)
    ready = service.get("/health/ready").json()
    assert (ready["ready"], "SHA-256" in ready["refused"]["reason"]) == (False, True)
    service.close()


def test_readiness_reports_a_registry_that_is_unavailable(service: Service):
    service.run(service.models.follow(status("3", registry_error="it is unavailable"), None))
    ready = service.get("/health/ready")
    assert (ready.status_code, ready.json()["registry_error"]) == (200, "it is unavailable")
    assert "ann_registry_up 0.0" in service.get("/metrics").text
    service.run(service.models.follow(status("3"), 0.0))
    assert "ann_registry_up 1.0" in service.get("/metrics").text


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


# Slow models


def test_a_slow_model_answers_waiting_requests_together_and_correctly(tmp_path, monkeypatch):
    service = own_service(tmp_path)
    served = service.models.current
    monkeypatch.setattr(served, "_inline_images", 0)
    sizes = []
    predict = type(served.model).predict

    def slow(champion, images):
        sizes.append(len(images))
        time.sleep(0.01)
        return predict(champion, images)

    monkeypatch.setattr(type(served.model), "predict", slow)

    async def ask(shade: float):
        body = {"image": (shade * a_one()).tolist()}
        return (await service._client.post("/predict", json=body)).json()["probabilities"]

    async def many():
        return await asyncio.gather(*(ask(n / 40) for n in range(40)))

    answers = service.run(many())
    monkeypatch.undo()
    assert len(sizes) < 10
    alone = [
        service.post("/predict", json={"image": (n / 40 * a_one()).tolist()}).json()
        for n in range(40)
    ]
    for together, one in zip(answers, alone, strict=True):
        assert together == pytest.approx(one["probabilities"], abs=1e-5)
    service.close()


def test_a_failure_in_a_batch_reaches_all_who_wait(tmp_path, monkeypatch, capfd):
    service = own_service(tmp_path)
    served = service.models.current
    monkeypatch.setattr(served, "_inline_images", 0)

    def fail(parts):
        raise UnverifiedModel("broken")

    monkeypatch.setattr(served, "_predict", fail)
    assert service.post("/predict", json=ONE).status_code == 503
    monkeypatch.undo()
    assert service.post("/predict", json=ONE).status_code == 200
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
