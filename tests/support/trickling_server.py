"""A server whose answer never ends: a byte every tenth of a second."""

import socket
import threading
from contextlib import suppress

HEADER, BODY = b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


class TricklingServer:
    """Answers each connection with a beginning, and then with spaces."""

    def __init__(self, beginning: bytes) -> None:
        self._beginning = beginning
        self._ended = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "TricklingServer":
        return self

    def __exit__(self, *_) -> None:
        self._ended.set()
        self._socket.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sender = self._socket.accept()[0]
                threading.Thread(target=self._answer, args=(sender,), daemon=True).start()

    def _answer(self, sender: socket.socket) -> None:
        with suppress(OSError), sender:
            sender.sendall(self._beginning)
            while not self._ended.wait(0.1):
                sender.sendall(b" ")
