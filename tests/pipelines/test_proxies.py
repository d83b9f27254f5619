"""Where companies set a proxy, requests to this machine bypass it, in every client library."""

import os
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from unittest import mock

import httpx
import pytest
import requests

from pipelines.settings import bypass_proxy

PROXY = "http://127.0.0.1:9"  # where nobody listens


@pytest.fixture
def local():
    """A server of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(params=["http_proxy", "https_proxy", "HTTP_PROXY", "all_proxy"])
def behind_a_proxy(request):
    kept = {n: v for n, v in os.environ.items() if not n.lower().endswith("_proxy")}
    with mock.patch.dict(os.environ, kept | {request.param: PROXY}, clear=True):
        yield


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_every_library_reaches_this_machine_directly(behind_a_proxy, local, host):
    bypass_proxy()
    url = f"http://{host}:{local}"
    assert requests.get(url, timeout=10).status_code == 204
    assert httpx.get(url, timeout=10).status_code == 204
    with urllib.request.urlopen(url, timeout=10) as response:
        assert response.status == 204
