"""Requests as bytes on a connection of their own, and what comes back."""

import contextlib
import re
import socket
import threading

import uvicorn

from serving.process.connection import Connection

GET = b"GET /health/live HTTP/1.1\r\n"
HOST = b"Host: digits\r\n"
POST = b"POST /predict HTTP/1.1\r\n" + HOST


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


CHUNKED = POST + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
IMAGE = b"[" + b",".join([b"0.5"] * 784) + b"]"
PREDICT = (
    POST + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(IMAGE) + IMAGE
)
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"


def accepted(server: uvicorn.Server, sender: socket.socket) -> list[Connection]:
    """The application's end of a connection; empty once it is gone."""
    here = sender.getsockname()[1]
    return [one for one in list(server.server_state.connections) if one.client[1] == here]
