"""Requests whose head is malformed are refused, counted and logged; how answers are written."""

import json
import socket
import time

import pytest

from serving import metrics
from serving.process import connection
from serving.process.connection import ResponseWriter
from tests.support.raw_http import (
    CHUNKED,
    GET,
    HOST,
    POST,
    PREDICT,
    accepted,
    read_all,
    say,
    status,
    statuses,
)
from tests.support.small_service import Service
from tests.support.waiting import wait_for


def lines_of(service: Service, request_id: str) -> list[dict]:
    """What the access log has of a request."""
    service.records.write()
    time.sleep(0.2)
    lines = map(json.loads, service.lines.getvalue().splitlines())
    return [line for line in lines if line["request_id"] == request_id]


def test_a_usual_request_is_answered(port):
    assert status(say(port, GET + HOST + b"\r\n")) == 200


def test_a_body_in_many_small_chunks_is_read(port):
    image = b"[" + b", ".join([b"0.5"] * 784) + b"]"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in image)
    assert status(say(port, CHUNKED, chunks, b"0\r\nX-Sum: 1\r\n\r\n")) == 200


def test_a_chunk_that_is_none_is_400(port):
    answer = say(port, CHUNKED + b"2\r\n[]\r\n", b"no size\r\n")
    assert status(answer) == 400
    assert b"content-type: application/json" in answer


MALFORMED = {
    "no Host": (GET + b"\r\n", 400),
    "two Hosts": (GET + HOST + HOST + b"\r\n", 400),
    "two lengths": (POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n[]", 400),
    "length and coding": (
        POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "two codings": (
        POST + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "no number": (POST + b"Content-Length: two\r\n\r\n", 400),
    "another coding": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "no version": (b"GET /\r\n\r\n", 505),
    "a blank in a name": (GET + HOST + b"X Y: 1\r\n\r\n", 400),
}


@pytest.mark.parametrize(("request_", "expected"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_framing_is_refused_in_json(port, request_, expected):
    answer = say(port, request_)
    assert status(answer) == expected
    assert b"content-type: application/json" in answer


FAULTS = {
    "a method that is none": (b"BREW /predict HTTP/1.1\r\n" + HOST + b"\r\n", b"method"),
    "a path beyond ASCII": (b"GET /\xc3\xa4 HTTP/1.1\r\n" + HOST + b"\r\n", b"char in url path"),
    "a negative length": (POST + b"Content-Length: -5\r\n\r\n", b"Content-Length"),
    "a folded header": (GET + HOST + b"X-Long: a\r\n b\r\n\r\n", b"whitespace after header"),
}


@pytest.mark.parametrize(("request_", "fault"), FAULTS.values(), ids=FAULTS)
def test_what_is_no_http_is_refused_in_the_parsers_words(port, request_, fault):
    answer = say(port, request_)
    assert status(answer) == 400
    assert b"This is no HTTP/1.1 request: " in answer
    assert fault in answer


LAST = {
    "no HTTP": (b"BREW / HTTP/1.1\r\n\r\n", 400),
    "no Host": (GET + b"\r\n", 400),
    "a length that is none": (POST + b"Content-Length: -5\r\n\r\n", 400),
    "a chunk that is none": (POST + b"Transfer-Encoding: chunked\r\n\r\nno size\r\n", 400),
    "a long head": (GET + HOST + b"X-Long: " + b"x" * 33_000 + b"\r\n\r\n", 431),
}


@pytest.mark.parametrize(("last", "expected"), LAST.values(), ids=LAST)
@pytest.mark.parametrize("before", [1, 3])
def test_requests_before_the_refused_one_are_answered_first(port, before, last, expected):
    assert statuses(read_all(port, PREDICT * before + last)) == [200] * before + [expected]


def test_a_refusal_is_counted_and_logged(service, port):
    counted = lines_of(service, "refused-1")
    assert counted == []
    answer = say(port, POST + b"X-Request-Id: refused-1\r\nContent-Length: -5\r\n\r\n")
    assert b"x-request-id: refused-1\r\n" in answer
    assert b'"request_id":"refused-1"}' in answer
    (line,) = lines_of(service, "refused-1")
    seen = [line[name] for name in ("method", "path", "status", "client")]
    assert seen == ["POST", "/predict", 400, "127.0.0.1"]
    assert 'ann_requests_total{route="none",status="400"}' in metrics.exposition().body.decode()


@pytest.mark.parametrize("request_", [b"BREW / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"])
def test_of_what_is_no_http_no_method_and_path_are_logged(service, port, request_):
    answer = say(port, request_)
    request_id = json.loads(answer.partition(b"\r\n\r\n")[2])["request_id"]
    (line,) = lines_of(service, request_id)
    assert (line["method"], line["path"]) == ("", "")


def refusals() -> float:
    return metrics.refusals.labels("InvalidRequest")._value.get()


def test_a_refusal_that_comes_too_late_to_be_said_is_counted_too(service, server, port):
    before = refusals()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sender:
        sender.sendall(CHUNKED.replace(HOST, HOST + b"X-Request-Id: late-1\r\n") + b"1\r\n[\r\n")
        wait_for(lambda: accepted(server, sender) and accepted(server, sender)[0].cycle)
        accepted(server, sender)[0].cycle.response_started = True  # a reader who is slow
        sender.sendall(b"no size\r\n")
        assert sender.recv(1000) == b""
    assert refusals() - before == 1
    (line,) = lines_of(service, "late-1")
    assert (line["path"], line["status"]) == ("/predict", 400)


def test_what_follows_a_request_is_not_logged_as_that_request(service, port):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sender:
        sender.sendall(GET + HOST + b"\r\n")
        received = b""
        while not received.endswith(b'{"live":true}'):
            received += sender.recv(65536)
        sender.sendall(b"\r\n" * connection.HEAD_BYTES)
        refusal = sender.recv(65536)
    assert status(refusal) == 431
    request_id = json.loads(refusal.partition(b"\r\n\r\n")[2])["request_id"]
    (line,) = lines_of(service, request_id)
    assert (line["method"], line["path"]) == ("", "")


def test_a_refusal_can_be_read_by_the_pages_that_may_ask(port):
    answer = say(port, GET + b"Origin: https://a.example\r\nContent-Length: -5\r\n\r\n")
    assert b"access-control-allow-origin: https://a.example\r\n" in answer
    assert b"vary: Origin\r\n" in answer


def test_http_1_0_needs_no_host(port):
    assert status(say(port, b"GET /health/live HTTP/1.0\r\n\r\n")) == 200


def test_what_is_no_http_is_not_the_answer_to_the_request_before_it(port):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sender:
        sender.sendall(GET + HOST + b"\r\n" + b"no HTTP\r\n\r\n")
        assert not sender.recv(65536).startswith(b"HTTP/1.1 4")


class Written:
    """A transport that notes what is written, and how."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def writelines(self, parts: tuple[bytes, ...]) -> None:
        self.calls.append(b"".join(parts))

    def close(self) -> None:
        self.closed = True


HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"


def test_head_and_body_are_one_write():
    transport = Written()
    writer = ResponseWriter(transport)

    for body in (b"one!", b"two!"):
        writer.write(HEAD)
        writer.write(body)

    assert transport.calls == [HEAD + b"one!", HEAD + b"two!"]


def test_a_head_without_a_body_is_written_when_the_response_or_the_connection_ends():
    transport = Written()
    writer = ResponseWriter(transport)

    writer.write(HEAD)
    writer.flush()
    writer.flush()
    assert transport.calls == [HEAD]

    writer.write(HEAD)
    writer.close()
    assert transport.calls == [HEAD, HEAD] and transport.closed


def test_the_interim_100_is_not_kept():
    transport = Written()
    writer = ResponseWriter(transport)

    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert transport.calls == [b"HTTP/1.1 100 Continue\r\n\r\n"]


def test_a_sender_that_waits_for_100_gets_it_before_its_body(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sender:
        sender.sendall(
            POST
            + b"Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
        assert sender.recv(1000).startswith(b"HTTP/1.1 100 ")
        sender.sendall(b"[]")
        assert sender.recv(1000).startswith(b"HTTP/1.1 422 ")


def test_a_head_request_is_answered_though_no_body_follows(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sender:
        for _ in range(2):
            sender.sendall(b"HEAD /health/live HTTP/1.1\r\n" + HOST + b"\r\n")
            assert sender.recv(1000).endswith(b"\r\n\r\n")
