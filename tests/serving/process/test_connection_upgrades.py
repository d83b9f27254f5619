"""Requests that offer another protocol, such as h2c, are answered in HTTP/1.1, body and all."""

import socket
import time

import pytest

from tests.support.raw_http import GET, HOST, IMAGE, OFFER, POST, say, status

KIND = b"Content-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n" % len(IMAGE)
NEXT = GET + HOST + OFFER + b"\r\n"
OFFERS = {
    "in one part": [POST + KIND + OFFER + LENGTH + IMAGE + NEXT],
    "in parts": [POST + KIND + OFFER + LENGTH, IMAGE[:500], IMAGE[500:] + NEXT],
    "chunked": [
        POST + KIND + OFFER + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(IMAGE) + IMAGE,
        b"\r\n0\r\n\r\n" + NEXT,
    ],
}


@pytest.mark.parametrize("parts", OFFERS.values(), ids=OFFERS)
def test_a_body_is_read_though_its_sender_offers_another_protocol(port, parts):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sender:
        for part in parts:
            sender.sendall(part)
            time.sleep(0.2)
        received = b""
        while not received.endswith(b'{"live":true}'):
            part = sender.recv(65536)
            assert part, received
            received += part
    assert received.count(b"HTTP/1.1 ") == received.count(b"HTTP/1.1 200") == 2
    assert b'"digit":' in received


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_such_a_body_is_read_before_the_connection_ends(port, version):
    line = b"POST /predict HTTP/%s\r\n" % version
    offer = b"Connection: close, Upgrade\r\nUpgrade: h2c\r\n"
    assert status(say(port, line + HOST + KIND + offer + LENGTH, IMAGE)) == 200


def test_such_a_body_may_be_empty_or_broken(port):
    assert status(say(port, GET + HOST + OFFER + b"Content-Length: 0\r\n\r\n")) == 200
    chunks = b"Transfer-Encoding: chunked\r\n\r\nno size\r\n"
    assert status(say(port, POST + KIND + OFFER + chunks)) == 400


def test_the_body_of_such_a_request_is_no_request(port):
    inner = GET + HOST + b"\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sender:
        sender.sendall(POST + KIND + OFFER + b"Content-Length: %d\r\n\r\n" % len(inner))
        time.sleep(0.2)
        sender.sendall(inner + NEXT)
        received = b""
        while not received.endswith(b'{"live":true}'):
            part = sender.recv(65536)
            assert part, received
            received += part
    assert [status(part) for part in received.split(b"HTTP/1.1")[1:]] == [400, 200]


def test_a_thousand_such_requests_at_once_are_answered_one_after_another(port):
    request = GET + HOST + OFFER + b"Content-Length: 2\r\n\r\n[]"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sender:
        sender.sendall(request * 1_000)
        received = b""
        while received.count(b'{"live":true}') < 1_000:
            part = sender.recv(65536)
            assert part
            received += part
