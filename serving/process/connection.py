"""A connection on which what precedes the body is bounded, and well formed."""

from __future__ import annotations

import sys
import time
from collections.abc import Sized
from typing import Any

from httptools import HttpParserCallbackError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

REQUEST_SECONDS = 30  # from the first byte of a request, or the connection, to its last
HEAD_BYTES = 32 * 1024  # of the request line and the headers together
LINE_BYTES = 8 * 1024  # of the request line
HEADERS = 100
PIPELINED = 1_000  # requests that wait for the answer to one before them
LINGER_SECONDS = 2  # a refused sender is listened to, or it never reads why …
LINGER_BYTES = 256 * 1024  # … up to this; reading more would keep others waiting
CONTINUE = b"HTTP/1.1 100 "


class ResponseWriter:
    """What uvicorn writes responses to: the head is sent with the body, in one system call."""

    def __init__(self, transport: Any) -> None:
        """Take the connection's transport."""
        self._transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        """Keep a head until the body is there, and send both; the interim 100 is sent at once."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data))
        elif data.startswith(CONTINUE):
            self._transport.write(data)
        else:
            self._head = data

    def flush(self) -> None:
        """Send a head that no body follows."""
        if self._head:
            self.write(b"")

    def is_closing(self) -> bool:
        """Whether the connection is closed, or is being closed."""
        return bool(self._transport.is_closing())

    def close(self) -> None:
        """Send what is left, and close the connection."""
        self.flush()
        self._transport.close()


class Flow(FlowControl):
    """Reads on only when no request waits: each would be read into memory, and kept there."""

    def __init__(self, transport: Any, waiting: Sized) -> None:
        """Take the connection's transport, and its requests that wait for an earlier answer."""
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        """Read on, unless a request waits."""
        if not self._waiting:
            super().resume_reading()


class Connection(HttpToolsProtocol):
    """A connection that is ended when its sender is endlessly slow or says too much."""

    waiting_since = 0.0  # since when a request is awaited or incomplete; 0: none is
    _head_bytes = 0  # of the request under way; −1: its head is complete
    _trailing_bytes = 0  # after the head or the last part of the body: chunk extensions, trailers
    _ignored_bytes = 0  # that came after an answer to what is not complete
    _under_way = False  # a request whose end is not there
    _refused = False
    _refusal = b""  # said after earlier answers
    _left_off: int | None = None  # where in the data the parser stopped at an offered protocol
    _length = b""  # the header with the length of a body that the parser skipped
    _repeating = False  # the parser reads a second head for that body
    _unsent: tuple[Any, float] = (None, 0.0)  # with which request bytes were left, and since when

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._writer = ResponseWriter(transport)
        self.flow = Flow(transport, self.pipeline)
        self.waiting_since = time.monotonic()

    def data_received(self, data: bytes) -> None:
        """Take what came, unless the head is too long before it is complete."""
        if self._refused:
            self._ignore(data)
            return
        if self._head_bytes >= 0:
            self._head_bytes += len(data)
        else:
            self._trailing_bytes += len(data)
            if self.cycle.response_complete:  # such as 413, long before the body ends
                self._ignore(data)
        super().data_received(data)
        while self._left_off is not None and not self._refused:
            data = self._read_on(data)
        if self._refused:
            return
        if not self.waiting_since and self.cycle.response_complete:
            self.waiting_since = time.monotonic()  # blank lines begin no request
        if self._trailing_bytes > HEAD_BYTES:
            self._refuse(431, f"More than {HEAD_BYTES:,} bytes follow the body; send fewer.")
        elif self._head_bytes > HEAD_BYTES:
            self._refuse(
                431,
                "The request line and the headers have more than "
                f"{HEAD_BYTES:,} bytes; send fewer.",
            )

    def _unsupported_upgrade_warning(self) -> None:
        """Stay with HTTP/1.1, whatever else the sender offers."""
        upgrade = sys.exception()
        assert isinstance(upgrade, HttpParserUpgrade)
        (self._left_off,) = upgrade.args

    def _read_on(self, data: bytes) -> bytes:
        """Read what follows an offer of another protocol, and return it."""
        data, self._left_off = data[self._left_off :], None
        if self._length:  # the parser took the request for complete: it needs another head
            data = b"POST / HTTP/1.1\r\n%s\r\n\r\n" % self._length + data
            self._length, self._repeating = b"", True
            if not self.cycle.keep_alive:  # the parser would ignore all that follows
                self.parser = HttpRequestParser(self)
        super().data_received(data)
        return data

    def _ignore(self, data: bytes) -> None:
        """Read no more of a sender who goes on after its answer."""
        self._ignored_bytes += len(data)
        if self._ignored_bytes > LINGER_BYTES:
            self.transport.pause_reading()
            if not self._refused:
                self._refused = True
                self._end_soon()

    def _end_soon(self) -> None:
        self.waiting_since = time.monotonic() - REQUEST_SECONDS + LINGER_SECONDS

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a request."""
        super().on_message_begin()
        self._under_way = True
        if not self._refused:
            self._ignored_bytes = 0
            self.waiting_since = time.monotonic()

    def on_headers_complete(self) -> None:
        """Check the head; the request begins here."""
        self._head_bytes = -1
        if self._refused:
            return
        if self._repeating:
            self._repeating = False
            return
        if fault := self._fault():
            self._refuse(*fault)
        elif len(self.pipeline) >= PIPELINED:
            self._refuse(429, f"{PIPELINED:,} requests wait on this connection; read the answers.")
        else:
            super().on_headers_complete()
            self.cycle.transport = self._writer  # type: ignore[assignment]

    def on_response_complete(self) -> None:
        """Have the response sent, and the next request begin; or the refusal of the next."""
        self._writer.flush()
        was_last = not self.pipeline
        super().on_response_complete()
        if was_last and self._refusal and not self.transport.is_closing():
            self._send_refusal()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._trailing_bytes = 0
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait no more, unless the parser skipped the body."""
        if self.parser.should_upgrade() and not self._refused:
            framing = (b"content-length", b"transfer-encoding")
            lines = [b"%s: %s" % header for header in self.headers if header[0] in framing]
            if lines:
                self._length = lines[0]
                return
        self._head_bytes = self._trailing_bytes = 0
        self._under_way = False
        if self._refused:
            return
        super().on_message_complete()
        self.waiting_since = 0.0

    def _fault(self) -> tuple[int, str] | None:
        """What is wrong with the head, as a status and a message."""
        names = [name for name, _ in self.headers]
        size = len(self.url) + sum([len(name) + len(value) + 4 for name, value in self.headers])
        if size > HEAD_BYTES or len(self.url) > LINE_BYTES or len(names) > HEADERS:
            return 431, (
                f"The request line has {len(self.url):,} bytes and {len(names):,} headers "
                f"follow, {size:,} bytes in all; send at most {LINE_BYTES:,}, {HEADERS} and "
                f"{HEAD_BYTES:,}."
            )
        version = self.parser.get_http_version()
        if version not in ("1.0", "1.1"):
            return 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here."
        hosts, codings = names.count(b"host"), names.count(b"transfer-encoding")
        if hosts > 1 or (not hosts and version == "1.1"):
            return 400, f"The request has {hosts} Host headers; expected one."
        if codings + names.count(b"content-length") > 1:
            return 400, "The request has several lengths or transfer codings; expected one."
        if codings and dict(self.headers)[b"transfer-encoding"].strip().lower() != b"chunked":
            return 501, "The only transfer coding that is read here is chunked."
        return None

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the parser's words."""
        fault = sys.exception()
        known = fault is not None and not isinstance(fault, HttpParserCallbackError)
        self._refuse(400, f"This is no HTTP/1.1 request{f': {fault}' if known else ''}.")

    def _refuse(self, status: int, message: str) -> None:
        """Say why once what came before is answered, and read no more."""
        if self._refused:
            return
        self._refused = True
        self._refusal = self._counted_refusal(status, message)
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body or self.pipeline:
                if cycle.more_body:  # what is refused is the body of the request that came last
                    self.pipeline.popleft()
                self.waiting_since = 0.0
                return
            if cycle.response_started:
                self.transport.close()  # this would be taken for a part of its answer
                return
            cycle.disconnected = True  # its sender reads this answer and no other
            cycle.message_event.set()
        self._send_refusal()

    def _counted_refusal(self, status: int, message: str) -> bytes:
        """The answer that says why; counted and logged, though it may come too late to be sent."""
        url, headers = (self.url, self.headers) if self._under_way else (b"", [])
        method = self.parser.get_method().decode() if url else ""  # it precedes the URL
        path = url[:LINE_BYTES].partition(b"?")[0].decode("latin-1")
        app: Any = self.config.app
        client = self.client[0] if self.client else ""
        lines, body = app.refusal(status, message, method, path, headers, client)
        head = b"".join([b"%s: %s\r\n" % line for line in lines])
        return STATUS_LINE[status] + head + b"connection: close\r\n\r\n" + body

    def _send_refusal(self) -> None:
        """Say why, and end the connection once the sender has had time to read it."""
        self.transport.write(self._refusal)
        self._end_soon()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def eof_received(self) -> None:
        """A refused sender that has said all is done with."""
        if self._refused:
            self.transport.close()

    def end_if_slow(self, now: float) -> None:
        """End the connection if its request takes too long to come, or its answer to be read."""
        if self.waiting_since and now - self.waiting_since > REQUEST_SECONDS:
            self.transport.close()
        if not self.transport.get_write_buffer_size():
            self._unsent = None, now
        elif self._unsent[0] is not self.cycle or not self._unsent[1]:
            self._unsent = self.cycle, now
        elif now - self._unsent[1] > REQUEST_SECONDS:
            self.transport.abort()  # to close it would be to wait for the reader
