"""An MLflow server by its REST API: what it refuses, where it has moved, and who asks."""

import errno
import os
import pwd
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from mlflow import MlflowClient

from mlflow_reader import http_server
from mlflow_reader.entities import StoreUnavailable
from mlflow_reader.http_server import HttpReader
from tests.support.trickling_server import BODY, HEADER, TricklingServer


class Answer:
    """A server with one answer, and the headers of what it was asked; the first may fail."""

    def __init__(self, status: int, content: bytes, first: int | None = None) -> None:
        answer = self
        self.asked: list[dict[str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                answer.asked.append(dict(self.headers))
                self.send_response(first if first and len(answer.asked) == 1 else status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(autouse=True)
def own_environment(monkeypatch, tmp_path):
    foreign = ("MLFLOW_", "NETRC", "REQUESTS_CA_", "CURL_CA_")
    for name in [n for n in os.environ if n.startswith(foreign) or n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (500, b'{"error_code": "INTERNAL_ERROR"}'),
        (403, b'{"error_code": "PERMISSION_DENIED"}'),
        (200, b"<html>Sign in</html>"),
        (404, b"<html>no such page</html>"),
        (200, b"[]"),
        (502, b"x" * 2_000_000),
    ],
)
def test_an_answer_that_is_not_mlflows_is_reported_in_short(status, content):
    with Answer(status, content) as answer, pytest.raises(StoreUnavailable) as raised:
        HttpReader(f"http://{answer.host}").registered_model("mnist-digits")
    assert str(status) in str(raised.value)
    assert len(str(raised.value)) < 1000


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_be_over_soon_is_asked_again(monkeypatch, status):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    with Answer(200, b'{"registered_models": []}', first=status) as answer:
        assert HttpReader(f"http://{answer.host}").registered_models() == []
    assert len(answer.asked) == 2


def test_without_an_experiment_no_run_and_no_model_is_asked_for():
    with Answer(200, b"{}") as answer:
        reader = HttpReader(f"http://{answer.host}")
        assert reader.model_places([]) == {}
    assert answer.asked == []


def test_a_run_that_has_not_ended_ended_at_0():
    info = b'"run_id": "r", "experiment_id": "1", "status": "RUNNING", "lifecycle_stage": "active"'
    with Answer(200, b'{"run": {"info": {%s}}}' % info) as answer:
        run = HttpReader(f"http://{answer.host}").run("r")
    assert (run.info.start_time, run.info.end_time) == (0, 0)


def test_a_search_that_the_server_refuses_is_reported_and_not_taken_for_an_empty_one():
    refusal = b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "Invalid filter"}'
    with Answer(400, refusal) as answer:
        reader = HttpReader(f"http://{answer.host}")
        assert reader.version("mnist-digits", "x") is None
        with pytest.raises(StoreUnavailable, match="Invalid filter"):
            reader.registered_models()
        with pytest.raises(StoreUnavailable, match="Invalid filter"):
            reader.versions("mnist-digits")


def test_the_files_of_a_version_that_was_deleted_meanwhile_are_reported():
    missing = b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}'
    with (
        Answer(404, missing) as answer,
        pytest.raises(StoreUnavailable, match="no version 99 any more"),
    ):
        HttpReader(f"http://{answer.host}").download_uri("mnist-digits", "99")


def test_a_redirect_is_followed_without_counting_as_a_failure():
    class Moved(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(308)
            self.send_header("Location", f"http://{answer.host}{self.path}")
            self.end_headers()

        def log_message(self, *_):
            pass

    with (
        Answer(200, b'{"registered_models": [{"name": "mnist-digits"}]}') as answer,
        HTTPServer(("127.0.0.1", 0), Moved) as before,
    ):
        threading.Thread(target=before.handle_request, daemon=True).start()
        reader = HttpReader(f"http://127.0.0.1:{before.server_port}")
        assert [model.name for model in reader.registered_models()] == ["mnist-digits"]


@pytest.mark.parametrize("name", ["MAX_RETRIES", "TIMEOUT", "BACKOFF_FACTOR"])
@pytest.mark.parametrize("value", ["many", "inf", "nan", "-1"])
def test_a_variable_of_mlflow_that_is_no_number_is_reported(monkeypatch, name, value):
    monkeypatch.setenv(f"MLFLOW_HTTP_REQUEST_{name}", value)
    with pytest.raises(StoreUnavailable, match=f"{name} is '{value}'; set it to a number"):
        HttpReader("http://127.0.0.1:9")


@pytest.mark.parametrize("beginning", [HEADER, BODY])
def test_an_answer_that_never_ends_is_waited_for_no_longer_than_the_timeout(monkeypatch, beginning):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "0.5")  # of each byte
    late = pytest.raises(StoreUnavailable, match="no complete answer within 2 s")
    with TricklingServer(beginning) as server, late:
        HttpReader(server.address).registered_models()


def test_a_file_may_take_longer_than_a_page(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "0.5")
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"  # in 2 s, of which a page has 1.5
    with TricklingServer(whole) as server:
        assert HttpReader(server.address).artifact("model.onnx") == b" " * 20


def test_a_server_that_is_not_there_is_reported():
    with Answer(200, b"{}") as answer:
        pass
    with pytest.raises(StoreUnavailable, match="refused"):
        HttpReader(f"http://{answer.host}").experiments()


@pytest.mark.parametrize(
    ("address", "environ", "sent"),
    [
        ("http://{}", {}, None),
        ("http://ann:s%40cret@{}", {}, "Basic YW5uOnNAY3JldA=="),
        (
            "http://{}",
            {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "s@cret"},
            "Basic YW5uOnNAY3JldA==",
        ),
        ("http://{}", {"MLFLOW_TRACKING_TOKEN": "abc"}, "Bearer abc"),
    ],
)
def test_credentials_are_sent_as_mlflow_sends_them(monkeypatch, address, environ, sent):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with Answer(200, b"{}") as answer:
        uri = address.format(answer.host)
        HttpReader(uri).registered_models()
        MlflowClient(uri, uri).search_registered_models()
    assert [asked.get("Authorization") for asked in answer.asked] == [sent, sent]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MLFLOW_TRACKING_AUTH", "kubernetes"),
        ("MLFLOW_TRACKING_AWS_SIGV4", "true"),
        ("MLFLOW_TRACKING_CLIENT_CERT_PATH", "/cert.pem"),
        ("MLFLOW_WORKSPACE", "team"),
        ("http_proxy", "http://127.0.0.1:9"),
        ("all_proxy", "http://127.0.0.1:9"),
    ],
)
def test_what_only_mlflow_can_reach_is_left_to_it(monkeypatch, name, value):
    assert http_server.can_read("http://mlflow.example:5000")
    monkeypatch.setenv(name, value)
    assert not http_server.can_read("http://mlflow.example:5000")


def test_a_proxy_that_is_bypassed_is_none(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1,mlflow.example")
    assert http_server.can_read("http://127.0.0.1:5000")
    assert http_server.can_read("http://mlflow.example:5000")
    assert not http_server.can_read("http://other.example:5000")


def test_without_a_home_folder_there_are_no_credentials_in_it(monkeypatch):
    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.delenv("HOME")
    assert http_server.can_read("http://mlflow.example:5000")


def test_credentials_in_a_file_are_left_to_mlflow(tmp_path):
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow/credentials").write_text("[mlflow]\n")
    assert not http_server.can_read("http://mlflow.example:5000")


def test_a_home_that_this_user_cannot_read_holds_no_credentials(monkeypatch):
    real = os.stat

    def stat(path, *arguments, **named):
        if str(path).startswith(os.path.expanduser("~")):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path, *arguments, **named)

    monkeypatch.setattr(os, "stat", stat)
    assert http_server.can_read("http://mlflow.example:5000")


def test_the_certificates_are_those_that_mlflow_would_trust(monkeypatch, tmp_path):
    import certifi

    assert http_server._certificates()["ca_certs"] == certifi.where()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    assert http_server._certificates()["ca_cert_dir"] == str(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", "/ca.pem")
    assert http_server._certificates() == {"ca_certs": "/ca.pem", "cert_reqs": "CERT_REQUIRED"}
    monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
    assert http_server._certificates() == {"cert_reqs": "CERT_NONE"}
