"""An answer that breaks off, or is another program's, is no answer: the page tries again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import tests.support.browser as chromium
from tests.support.person import STROKES, Page
from tests.support.running import Service
from tests.support.small_service import a_one, png_of, put_copy
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, chromium.needs_a_browser]

BROKEN = """(window.fetch = ((fetch) => async (path, options) => {
    if (!String(path).startsWith("predict") || window.repaired) return fetch(path, options);
    return new Response(arguments[0], { status: arguments[1] });
})(window.fetch), true)"""


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("<html>Sign in</html>", 200, "The service does not answer."),
        ('{"digit": 7, "probab', 200, "The service does not answer."),
        ("<html>Bad gateway</html>", 502, "The service cannot read digits at the moment."),
    ],
)
def test_what_is_no_json_is_no_answer(
    browser: Any, tmp_path: Path, body: str, status: int, said: str
) -> None:
    home = tmp_path / "home"
    put_copy(home, "3", seed=1)
    picture = tmp_path / "one.png"
    picture.write_bytes(png_of(a_one()))
    service = Service(home)
    service.start()
    try:
        page = Page(browser, service.url).open()
        wait_for(lambda: "version 3" in page.text("provenance"))
        page.script(BROKEN, body, status)
        page.open_file(picture)
        wait_for(lambda: said in page.text("trouble"))
        page.script("(window.repaired = true)")
        wait_for(lambda: page["digit"].text)
    finally:
        service.kill()


def test_a_proxy_that_hides_the_pages_address_is_named(page: Page) -> None:
    page.script(BROKEN, '{"error": "A page of …"}', 403)
    page.draw(STROKES[5])
    wait_for(lambda: page["sentence"].text == "Not read")
    assert "a proxy between them hides the page's address" in page["second"].text
