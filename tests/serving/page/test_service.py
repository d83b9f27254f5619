"""The page and its service: what is asked, and what is seen when it is unavailable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

import tests.support.browser as chromium
from tests.support.person import STROKES, Page
from tests.support.prefix_proxy import behind_prefix
from tests.support.running import Service
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, chromium.needs_a_browser]


def test_nothing_but_the_service_is_asked_and_the_content_policy_is_kept(page: Page) -> None:
    for kind in ("browser", "performance"):
        page.browser.get_log(kind)
    page.open()
    page.draw(STROKES[5])
    page.digit()
    assert [entry["message"] for entry in page.browser.get_log("browser")] == []
    asked = page.requests()
    assert f"{page.url}predict?image=1&explain=1" in asked
    assert [url for url in asked if not url.startswith((page.url, "about:", "data:"))] == []


def test_the_page_works_under_a_path_prefix(browser: Any, service: Service) -> None:
    with behind_prefix(service.url, "/digits/") as address:
        page = Page(browser, address).open()
        page.draw(STROKES[5])
        assert page.digit() == 5
        page.correct(5)
        wait_for(lambda: page["thanks"].text == "Kept: the 5 was right.")
        page.browser.find_element("link text", "API").click()
        wait_for(lambda: page.browser.current_url == f"{address}docs")
        assert page.browser.find_elements("css selector", "h2")
        page.open()


def test_the_page_works_where_the_browser_lets_it_store_nothing(
    browser: Any, service: Service
) -> None:
    denied = """Object.defineProperty(window, "sessionStorage", {
        get() { throw new DOMException("Access is denied", "SecurityError"); },
    });"""
    added = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": denied})
    try:
        page = Page(browser, service.url).open()
        page.draw(STROKES[5])
        assert page.digit() == 5
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


def test_a_drawing_outlives_the_service_and_is_answered_when_it_is_back(
    browser: Any, home: Path
) -> None:
    service = Service(home)
    try:
        service.start()
        page = Page(browser, service.url).open()
        page.draw(STROKES[5])
        assert page.digit() == 5
        service.kill()
        page.clear()
        page.draw(STROKES[7])
        wait_for(lambda: page["trouble"].is_displayed())
        assert "The service does not answer. Your drawing is kept." in page["trouble"].text
        ink = page.ink_on_paper()
        assert ink > 0
        assert page["feedback"].get_property("disabled")  # there is no answer to correct
        page.clear()
        wait_for(lambda: not page["trouble"].is_displayed())  # nothing is waited for
        page["undo"].click()
        wait_for(lambda: page["trouble"].is_displayed())
        page["trouble"].find_element("css selector", "button").click()  # in vain as yet
        service.start()
        wait_for(lambda: not page["trouble"].is_displayed())
        assert page.digit() == 7
        assert page.ink_on_paper() == ink
    finally:
        service.kill()


def test_a_service_without_a_network_says_so_to_a_person(browser: Any, tmp_path: Path) -> None:
    service = Service(tmp_path)
    try:
        service.launch()
        wait_for(lambda: service.ask("GET", "/health/live")[0] == 200)
        page = Page(browser, service.url).open()
        wait_for(lambda: page["trouble"].is_displayed())
        assert "The service has no trained network yet." in page["trouble"].text
        page.draw(STROKES[5])
        wait_for(lambda: "Your drawing is kept." in page["trouble"].text)
        assert str(tmp_path) not in page.browser.page_source
    finally:
        service.kill()


def test_a_service_with_a_key_gets_it_from_the_page(browser: Any, home: Path) -> None:
    service = Service(home, ANN_API_KEY="open sesame")
    try:
        service.start()
        page = Page(browser, service.url).open()
        page.draw(STROKES[5])
        wait_for(lambda: page["key"].is_displayed())
        page["key-value"].send_keys("open barley", Keys.ENTER)
        wait_for(lambda: "did not take that key" in page.text("key"))
        page["key-value"].send_keys("open sesame", Keys.ENTER)
        assert page.digit() == 5
        page.open()  # another visit in the same tab
        page.draw(STROKES[5])
        assert page.digit() == 5
        assert not page["key"].is_displayed()
    finally:
        service.kill()


def test_what_is_drawn_is_not_called_nothing_while_a_slow_service_is_waited_for(page: Page) -> None:
    page.script("(window.fetch = () => new Promise(() => {}), true)")
    page.draw(STROKES[3])
    assert page["sentence"].text == "One moment …"
    page.clear()
