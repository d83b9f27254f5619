"""Scripts of a page of another origin, in a real browser, against a service that allows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import tests.support.browser as chromium
from tests.support.running import ONE, Service
from tests.support.small_service import put_copy

pytestmark = [pytest.mark.slow, chromium.needs_a_browser]

KEY = {"X-API-Key": "a key"}
FETCH = """const [url, options, done] = arguments;
fetch(url, options).then(async (answer) => done([answer.status, await answer.text()]),
                         (fault) => done([0, String(fault)]));"""


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The origin of another page."""
    folder = tmp_path_factory.mktemp("other")
    (folder / "index.html").write_text("<p>another page")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def allowing(tmp_path_factory: pytest.TempPathFactory, other: str) -> Iterator[Service]:
    home: Path = tmp_path_factory.mktemp("home")
    put_copy(home, "3", seed=1)
    service = Service(home, ANN_CORS_ORIGINS=other, ANN_API_KEY=KEY["X-API-Key"])
    service.start()
    yield service
    service.kill()


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, 200),
        ({"headers": KEY | {"traceparent": f"00-{1:032x}-{1:016x}-01"}}, 200),  # of OpenTelemetry
        ({"headers": {"Authorization": "Bearer a key"}}, 200),
        ({"body": "{}"}, 422),
        ({"method": "DELETE"}, 0),
        ({"credentials": "include"}, 0),
    ],
    ids=["usual", "traced", "bearer", "fault", "DELETE", "cookies"],
)
def test_a_script_of_an_allowed_origin_is_answered(
    browser: Any, other: str, allowing: Service, more: dict, status: int
) -> None:
    browser.get(other)
    headers = {"Content-Type": "application/json"} | more.get("headers", KEY)
    options = {"method": "POST", "body": ONE} | more | {"headers": headers}
    if options["method"] == "DELETE":
        del options["body"]
    found, text = browser.execute_async_script(FETCH, f"{allowing.url}predict", options)
    assert found == status, text
    if found == 200:
        assert json.loads(text)["version"] == "3"
