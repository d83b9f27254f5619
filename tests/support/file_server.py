"""A real web server on this machine that sends files, or fails in a chosen way."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Server(http.server.ThreadingHTTPServer):
    """Answers every GET as a test wishes.

    Attributes:
        body: what is sent for a path that `files` does not name.
        files: what is sent for the last part of a path.
        promised: the length that the header says, where it is another than the body's.
        silent: whether no answer comes.
        requests: how many came.
    """

    daemon_threads = True

    def __init__(self, body: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.status = 200
        self.body = body
        self.files: dict[str, bytes] = {}
        self.promised: int | None = None
        self.silent = False
        self.requests = 0
        self.released = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        if self.server.silent:
            self.server.released.wait(30)
            return
        body = self.server.files.get(self.path.rpartition("/")[2], self.server.body)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(self.server.promised or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def file_server(body: bytes = b"") -> Iterator[Server]:
    """A running server; what still waits for an answer is released at the end."""
    server = Server(body)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
