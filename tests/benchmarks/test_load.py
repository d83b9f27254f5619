"""The load generator counts good answers, their latencies, and every error."""

from __future__ import annotations

import math
import socket
import threading

import pytest

from benchmarks import load

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
TEAPOT = b"HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def answering():
    """A server that gives every connection's requests this answer, piece by piece."""
    listeners = []

    def start(*pieces: bytes) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def answer(connection: socket.socket) -> None:
            with connection:
                while connection.recv(65536):
                    for piece in pieces:
                        connection.sendall(piece)
                    if not pieces:
                        return

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=[connection], daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return listener.getsockname()[1]

    yield start
    for listener in listeners:
        listener.close()


MESSAGE = load.request("/predict", b"{}", "application/json", X_Request_Id="7")


def test_a_request_is_whole_http():
    head, _, body = MESSAGE.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /predict HTTP/1.1\r\n")
    assert b"Content-Length: 2" in head
    assert b"X-Request-Id: 7" in head
    assert body == b"{}"


@pytest.mark.parametrize("pieces", [[OK], [OK[:20], OK[20:]], [OK[:-1], OK[-1:]]])
def test_answers_are_counted_however_they_arrive(answering, pieces):
    done = load.put(answering(*pieces), MESSAGE, connections=3, seconds=0.3)
    assert len(done.latencies) > 3
    assert done.errors == 0
    assert done.requests_per_second == pytest.approx(len(done.latencies) / 0.3)
    assert 0 < done.percentile_ms(50) <= done.percentile_ms(99) < 1000


def test_every_good_answer_can_be_seen_whole_with_its_times(answering):
    seen = []
    done = load.put(answering(OK[:20], OK[20:]), MESSAGE, 1, 0.1, lambda *one: seen.append(one))
    assert {answer for _, _, answer in seen} == {OK}
    assert [received - sent for sent, received, _ in seen] == done.latencies


def test_a_refusal_is_an_error_and_no_answer(answering):
    done = load.put(answering(TEAPOT), MESSAGE, connections=1, seconds=0.1)
    assert done.latencies == []
    assert done.errors >= 1
    assert math.isnan(done.percentile_ms(50))


def test_a_connection_that_breaks_is_an_error(answering):
    assert load.put(answering(), MESSAGE, connections=2, seconds=0.1).errors == 2


def test_no_server_is_said_at_once():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        load.put(port, MESSAGE, connections=1, seconds=0.1)
