"""What precedes a body: bounded and well formed, or refused before it hurts anybody."""

import asyncio
import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from serving import metrics
from serving.process import connection
from serving.process.connection import Connection, ResponseWriter
from tests.support.small_service import Service, put_copy
from tests.support.waiting import wait_for

GET = b"GET /health/live HTTP/1.1\r\n"
HOST = b"Host: digits\r\n"
POST = b"POST /predict HTTP/1.1\r\n" + HOST


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The application, and what it keeps of requests."""
    home: Path = tmp_path_factory.mktemp("home")
    put_copy(home, "3", seed=1)
    service = Service(home, ANN_CORS_ORIGINS="https://a.example")
    yield service
    service.close()


@pytest.fixture(scope="module")
def server(service: Service) -> Iterator[uvicorn.Server]:
    """The application behind such connections, on a port of this machine."""
    config = uvicorn.Config(
        service.app, http=Connection, ws="none", lifespan="off", log_level="error"
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    yield server
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def port(server: uvicorn.Server) -> int:
    """The port of the application."""
    return server.servers[0].sockets[0].getsockname()[1]


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


def say(port: int, *parts: bytes) -> bytes:
    """Send parts, and read until the connection ends or nothing comes any more."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sender:
        for part in parts:
            sender.sendall(part)
        received = b""
        while b"\r\n\r\n" not in received:
            if not (part := sender.recv(65536)):
                break
            received += part
        return received


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def read_all(port: int, content: bytes) -> bytes:
    """Send while reading, until the connection ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sender:
        sending = threading.Thread(target=send, args=(sender, content))
        sending.start()
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while part := sender.recv(65536):
                received += part
        sending.join(20)
        return received


def send(sender: socket.socket, content: bytes) -> None:
    with contextlib.suppress(OSError):  # the reader has ended the connection
        sender.sendall(content)


def statuses(received: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


def lines_of(service: Service, request_id: str) -> list[dict]:
    """What the access log has of a request."""
    service.records.write()
    time.sleep(0.2)
    lines = map(json.loads, service.lines.getvalue().splitlines())
    return [line for line in lines if line["request_id"] == request_id]


def test_a_usual_request_is_answered(port):
    assert status(say(port, GET + HOST + b"\r\n")) == 200


TOO_LONG = {
    "a long line": [GET + HOST + b"X-Long: " + b"x" * 33_000 + b"\r\n\r\n"],
    "a line without end": [GET + HOST + b"X-Long: ", *[b"x" * 10_000] * 40],
    "a long path": [b"GET /" + b"x" * 9_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"],
    "a path without end": [b"GET /", *[b"x" * 10_000] * 40],
    "many headers": [GET + HOST + b"".join(b"X-%d: 1\r\n" % n for n in range(101)) + b"\r\n"],
    "headers without end": [GET + HOST, *[b"X-Many: 1\r\n" * 1_000] * 40],
}


CHUNKED = POST + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
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


def test_a_body_in_many_small_chunks_is_read(port):
    image = b"[" + b", ".join([b"0.5"] * 784) + b"]"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in image)
    assert status(say(port, CHUNKED, chunks, b"0\r\nX-Sum: 1\r\n\r\n")) == 200


def test_a_chunk_that_is_none_is_400(port):
    answer = say(port, CHUNKED + b"2\r\n[]\r\n", b"no size\r\n")
    assert status(answer) == 400
    assert b"content-type: application/json" in answer


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


IMAGE = b"[" + b",".join([b"0.5"] * 784) + b"]"
PREDICT = (
    POST + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(IMAGE) + IMAGE
)
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


OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
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


def test_what_is_no_http_is_not_the_answer_to_the_request_before_it(port):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sender:
        sender.sendall(GET + HOST + b"\r\n" + b"no HTTP\r\n\r\n")
        assert not sender.recv(65536).startswith(b"HTTP/1.1 4")


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


def accepted(server: uvicorn.Server, sender: socket.socket) -> list[Connection]:
    """The application's end of a connection; empty once it is gone."""
    here = sender.getsockname()[1]
    return [one for one in list(server.server_state.connections) if one.client[1] == here]


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
