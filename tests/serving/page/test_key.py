"""A service that asks for a key: what the page takes as one, and what it shows with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

import tests.support.browser as chromium
from tests.support.person import Page
from tests.support.running import Service
from tests.support.small_service import a_one, png_of, put_copy
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, chromium.needs_a_browser]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """One with two models, that asks for a key."""
    home = tmp_path / "home"
    put_copy(home, "3", seed=1)
    put_copy(home, "1", seed=7, name="letters", labels=("A", "B", "C"))
    service = Service(home, ANN_API_KEY="open sesame")
    service.start()
    yield service
    service.kill()


@pytest.fixture
def page(browser: Any, service: Service, tmp_path: Path) -> Page:
    """The page, once it asks for the key."""
    picture = tmp_path / "one.png"
    picture.write_bytes(png_of(a_one()))
    page = Page(browser, service.url).open()
    page.script("sessionStorage.clear()")
    page.open()
    page.open_file(picture)
    wait_for(page["key"].is_displayed)
    return page


def test_with_the_key_the_models_are_offered(page: Page) -> None:
    assert not page["model"].is_displayed()
    page["key-value"].send_keys("open sesame", Keys.ENTER)
    wait_for(lambda: page["digit"].text)
    wait_for(page["model"].is_displayed)


@pytest.mark.parametrize("wrong", ["ключ", "open sesame…", "ü"])
def test_what_can_be_no_key_is_not_kept(page: Page, wrong: str) -> None:
    page["key-value"].send_keys(wrong, Keys.ENTER)
    wait_for(lambda: "only unaccented letters, digits and signs" in page.text("key"))
    assert page.script("sessionStorage.length") == 0
    page["key-value"].send_keys(" open sesame ", Keys.ENTER)
    wait_for(lambda: page["digit"].text)


def test_what_was_typed_before_esc_is_not_kept(page: Page) -> None:
    page["key-value"].send_keys("open", Keys.ESCAPE)
    wait_for(lambda: page.text("trouble").strip().startswith("Without a key"))
    assert page.script("sessionStorage.length") == 0
    page["trouble"].find_element("css selector", "button").click()
    wait_for(page["key"].is_displayed)
    page["key-value"].send_keys("open sesame", Keys.ENTER)
    wait_for(lambda: page["digit"].text)


def test_a_correction_that_waits_for_the_key_is_of_the_drawing_that_it_was_given_for(
    page: Page, service: Service, tmp_path: Path
) -> None:
    page["key-value"].send_keys("open sesame", Keys.ENTER)
    wait_for(lambda: page["digit"].text)
    page.correct(1)
    wait_for(lambda: page["thanks"].text)
    page.script("sessionStorage.clear()")
    page.correct(3)
    wait_for(page["key"].is_displayed)
    page["key-value"].send_keys(Keys.ESCAPE)
    wait_for(lambda: page.text("trouble").strip().startswith("Without a key"))
    other = tmp_path / "other.png"
    other.write_bytes(png_of(a_one().T))
    page.open_file(other)
    wait_for(page["key"].is_displayed)
    page["key-value"].send_keys("open sesame", Keys.ENTER)
    wait_for(lambda: not page["trouble"].is_displayed())
    page.script("dispatchEvent(new Event('online'))")
    wait_for(lambda: [digit for _, digit in service.corrections()][-1] == 3)
    assert len(service.corrections()) == 1  # of the same answer, changed
