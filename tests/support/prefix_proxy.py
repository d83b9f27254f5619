"""A reverse proxy that serves another server under a path prefix, as nginx's `location` does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import Request, urlopen

FORWARDED = ("Content-Type", "Accept", "X-API-Key", "If-None-Match", "Origin", "Sec-Fetch-Site")
RETURNED = ("Content-Type", "Content-Security-Policy", "ETag", "Cache-Control", "Location")


@contextmanager
def behind_prefix(upstream: str, prefix: str) -> Iterator[str]:
    """Yield the address under which `upstream` ("http://…/") is reached; prefix as "/digits/"."""

    class Handler(BaseHTTPRequestHandler):
        def forward(self) -> None:
            if not self.path.startswith(prefix):
                return self.send_error(404, f"not below {prefix}")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
            headers = {name: self.headers[name] for name in FORWARDED if name in self.headers}
            headers |= {"Host": self.headers["Host"], "X-Forwarded-Prefix": prefix.rstrip("/")}
            target = upstream + self.path.removeprefix(prefix)
            request = Request(target, body, headers, method=self.command)
            try:
                answer = urlopen(request, timeout=60)
            except HTTPError as error:
                answer = error
            with answer:
                content = answer.read()
                self.send_response(answer.status)
                for name in RETURNED:
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = forward

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{prefix}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
