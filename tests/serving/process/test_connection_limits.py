"""Senders who say too much at once or read no answers are cut off; others get their answers."""

import contextlib
import socket
import threading
import time

import pytest
import uvicorn

from serving.process import connection
from tests.support.raw_http import (
    CHUNKED,
    GET,
    HOST,
    OFFER,
    POST,
    PREDICT,
    accepted,
    read_all,
    say,
    status,
    statuses,
)
from tests.support.waiting import wait_for


def tick(server: uvicorn.Server, later: float) -> None:
    """Have the connections look at the clock, so many seconds later than it is."""
    done = threading.Event()

    def look() -> None:
        for one in list(server.server_state.connections):
            one.end_if_slow(time.monotonic() + later)
        loop.call_later(0.01, done.set)  # what was aborted is gone by then

    loop = server.servers[0].get_loop()
    loop.call_soon_threadsafe(look)
    assert done.wait(20)


TOO_LONG = {
    "a long line": [GET + HOST + b"X-Long: " + b"x" * 33_000 + b"\r\n\r\n"],
    "a line without end": [GET + HOST + b"X-Long: ", *[b"x" * 10_000] * 40],
    "a long path": [b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"],
    "a path without end": [b"GET /", *[b"x" * 10_000] * 40],
    "many headers": [GET + HOST + b"".join(b"X-%d: 1\r\n" % n for n in range(101)) + b"\r\n"],
    "headers without end": [GET + HOST, *[b"X-Many: 1\r\n" * 1_000] * 40],
}

ENDLESS = {
    "a trailer without end": [CHUNKED + b"2\r\n[]\r\n0\r\nX-Long: ", *[b"x" * 10_000] * 40],
    "trailers without end": [CHUNKED + b"2\r\n[]\r\n0\r\n", *[b"X-Many: 1\r\n" * 1_000] * 40],
    "a chunk extension without end": [CHUNKED + b"2;", *[b"x" * 10_000] * 40],
}


@pytest.mark.parametrize("parts", ENDLESS.values(), ids=ENDLESS)
def test_what_surrounds_the_parts_of_a_body_is_bounded(port, parts):
    answer = say(port, *parts)
    assert status(answer) == 431
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize("parts", TOO_LONG.values(), ids=TOO_LONG)
def test_what_is_too_long_is_431_and_the_connection_ends(port, parts):
    answer = say(port, *parts)
    assert status(answer) == 431
    assert b"connection: close" in answer.lower()
    assert b'{"error":"The request line' in answer


def test_the_longest_head_that_is_taken_is_taken(port):
    value = b"x" * (connection.HEAD_BYTES - 200)
    assert status(say(port, GET + HOST + b"X-Long: " + value + b"\r\n\r\n")) == 200


@pytest.mark.parametrize(("more", "expected"), [(-100, 200), (100, 431)])
def test_many_short_headers_count_with_what_separates_them(port, more, expected):
    value = b"x" * ((connection.HEAD_BYTES - len(GET + HOST)) // 90 - len(b"X: \r\n"))
    headers = (b"X: " + value + b"\r\n") * 90
    room = connection.HEAD_BYTES + more - len(GET + HOST + headers)
    request = GET + HOST + headers + b"Y: " + b"y" * (room - 7) + b"\r\n\r\n"
    assert status(say(port, request)) == expected


@pytest.mark.parametrize("earlier", [b"", GET + HOST + b"\r\n"], ids=["first", "second"])
def test_a_head_that_is_incomplete_may_have_that_many_bytes_and_not_one_more(port, earlier):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sender:
        sender.sendall(earlier)
        while earlier and not sender.recv(65536).endswith(b'{"live":true}'):
            pass
        begun = GET + HOST + b"X-Long: "
        sender.sendall(begun + b"x" * (connection.HEAD_BYTES - len(begun)))
        sender.settimeout(0.3)
        with pytest.raises(TimeoutError):
            sender.recv(65536)
        sender.settimeout(20)
        sender.sendall(b"x")
        assert status(sender.recv(65536)) == 431


def test_the_head_of_each_request_on_a_connection_is_counted_by_itself(port):
    request = GET + HOST + b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sender:
        for _ in range(4):
            sender.sendall(request)
            received = b""
            while not received.endswith(b'{"live":true}'):
                received += sender.recv(65536)
            assert status(received) == 200


def test_a_sender_of_very_many_requests_at_once_is_refused_after_as_many_answers(port):
    answers = statuses(read_all(port, (GET + HOST + b"\r\n") * 20_000))
    assert answers[-1] == 429
    assert set(answers[:-1]) == {200}
    assert len(answers) >= connection.PIPELINED


def test_so_many_requests_wait_for_the_answer_to_one_and_not_one_more(port, monkeypatch):
    monkeypatch.setattr(connection, "PIPELINED", 3)
    assert statuses(read_all(port, (GET + HOST + b"\r\n") * 10)) == [200] * 4 + [429]


def test_of_a_sender_who_reads_no_answers_few_requests_are_kept(server, port):
    with socket.create_connection(("127.0.0.1", port), timeout=0.5) as sender:
        with contextlib.suppress(OSError):  # no room is left
            for _ in range(10_000):
                sender.sendall((GET + HOST + b"\r\n") * 500)
        (end,) = accepted(server, sender)
        assert len(end.pipeline) <= connection.PIPELINED


def test_bodies_behind_an_unread_answer_are_not_read_either(server, port):
    with socket.create_connection(("127.0.0.1", port), timeout=0.5) as sender:
        with contextlib.suppress(OSError):
            for _ in range(10_000):
                sender.sendall(b"GET /docs HTTP/1.1\r\n" + HOST + b"\r\n" + PREDICT * 10)
        (end,) = accepted(server, sender)
        assert len(end.pipeline) <= connection.PIPELINED
        assert end.flow.read_paused


ANSWERED_EARLY = {
    "a head without end": GET + HOST + b"X-Long: " + b"x" * 40_000,
    "a body that says it is too large": POST + b"Content-Length: 99999999999\r\n\r\n",
    "a body that nobody reads": GET + HOST + b"Content-Length: 99999999999\r\n\r\n",
}


@pytest.mark.parametrize("request_", ANSWERED_EARLY.values(), ids=ANSWERED_EARLY)
def test_of_a_sender_who_goes_on_after_its_answer_little_is_read(port, request_):
    with socket.create_connection(("127.0.0.1", port), timeout=2) as sender:
        sender.sendall(request_)
        answer = sender.recv(65536)
        assert status(answer) in (200, 413, 431)
        with pytest.raises(OSError):  # it waits for room that does not come, or is cut off
            for _ in range(1_000):
                sender.sendall(b"x" * 100_000)


def test_such_a_sender_is_cut_off_soon(server, port):
    with socket.create_connection(("127.0.0.1", port), timeout=2) as sender:
        sender.sendall(GET + HOST + b"Content-Length: 99999999999\r\n\r\n")
        assert status(sender.recv(65536)) == 200
        tick(server, connection.LINGER_SECONDS + 1)
        assert accepted(server, sender)  # it may be about to end the body
        with contextlib.suppress(OSError):
            sender.sendall(b"x" * 2 * connection.LINGER_BYTES)

        def is_cut_off() -> bool:
            tick(server, connection.LINGER_SECONDS + 1)
            return not accepted(server, sender)

        wait_for(is_cut_off, 5)


@pytest.mark.parametrize("size", [5, 200_000])
def test_a_short_rest_after_each_answer_costs_no_connection(port, size):
    assert size < connection.LINGER_BYTES < 2 * 200_000
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sender:
        for _ in range(3):
            sender.sendall(GET + HOST + b"Content-Length: %d\r\n\r\n" % size)
            received = b""
            while not received.endswith(b'{"live":true}'):
                received += sender.recv(65536)
            assert status(received) == 200
            sender.sendall(b"x" * size)


def test_a_flood_of_headers_leaves_others_their_answers(port):
    flooders = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(20)]
    for flooder in flooders:
        flooder.sendall(GET + HOST + b"X-Long: ")
    stop = threading.Event()

    def flood(flooder: socket.socket) -> None:
        try:
            for _ in range(400):
                flooder.sendall(b"x" * 100_000)
                if stop.is_set():
                    return
        except OSError:
            pass  # it was refused

    threads = [threading.Thread(target=flood, args=(flooder,)) for flooder in flooders]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            assert status(say(port, GET + HOST + b"\r\n")) == 200
    finally:
        stop.set()
        for flooder in flooders:
            with contextlib.suppress(OSError):
                flooder.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        for flooder in flooders:
            flooder.close()


def test_an_answer_that_nobody_reads_is_not_kept(server, port):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sender:
        sender.sendall((b"GET /docs HTTP/1.1\r\n" + HOST + b"\r\n") * 500)
        wait_for(lambda: accepted(server, sender), 20)
        wait_for(lambda: accepted(server, sender)[0].flow.write_paused, 20)
        for later in (0, connection.REQUEST_SECONDS - 15):
            tick(server, later)
            assert accepted(server, sender)
        tick(server, connection.REQUEST_SECONDS + 1)
        wait_for(lambda: not accepted(server, sender), 5)


@pytest.mark.parametrize("request_", [GET + HOST + b"\r\n", GET + HOST + OFFER + b"\r\n"])
def test_a_blank_line_after_an_answer_keeps_no_connection(server, port, request_):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sender:
        sender.sendall(request_)
        received = b""
        while not received.endswith(b'{"live":true}'):
            received += sender.recv(65536)
        sender.sendall(b"\r\n")
        (end,) = accepted(server, sender)
        wait_for(lambda: end.timeout_keep_alive_task is None, 20)
        tick(server, connection.REQUEST_SECONDS - 15)
        assert accepted(server, sender)
        tick(server, connection.REQUEST_SECONDS + 1)
        wait_for(lambda: not accepted(server, sender), 5)
