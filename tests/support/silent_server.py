"""A server that takes every connection and never answers."""

import socket


class SilentServer:
    """Listens on a port of its own and counts who asked."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> "SilentServer":
        return self

    def __exit__(self, *_) -> None:
        self._socket.close()

    def connections(self) -> int:
        """How many there were since the last call."""
        self._socket.setblocking(False)
        count = 0
        while True:
            try:
                self._socket.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1
