"""Where several models are served, a person chooses one; the page then speaks of its classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

import tests.support.browser as chromium
from tests.support.person import Page
from tests.support.running import Service
from tests.support.small_service import a_one, png_of, put_copy
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, chromium.needs_a_browser]

CLOTHES = ("T-shirt", "Trouser", "Coat", "Dress", "Sandal", "Bag")


SLOW = """(window.fetch = ((fetch) => async (path, options) => {
    const answer = await fetch(path, options);
    if (String(path).includes(arguments[0])) await new Promise((go) => (window.letGo = go));
    return answer;
})(window.fetch), true)"""


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Iterator[Page]:
    """The page of a service with three models."""
    home = tmp_path / "home"
    put_copy(home, "3", seed=1)
    put_copy(home, "1", seed=7, name="clothes", labels=CLOTHES)
    put_copy(home, "1", seed=8, name="letters", labels=("A", "B", "C"))
    (tmp_path / "one.png").write_bytes(png_of(a_one()))
    service = Service(home)
    service.start()
    try:
        page = Page(browser, service.url).open()
        wait_for(page["model"].is_displayed)
        yield page
    finally:
        service.kill()


def names(page: Page) -> list[str]:
    return page.script("[...document.querySelectorAll('#digits button')].map(b => b.textContent)")


def test_an_answer_of_the_model_before_is_not_shown(page: Page, tmp_path: Path) -> None:
    page.script(SLOW, "predict?image=1&explain=1")
    page.open_file(tmp_path / "one.png")
    wait_for(lambda: page.script("window.letGo !== undefined"))
    page.script(
        "(window.seen = [], new MutationObserver(() => window.seen.push("
        "document.getElementById('digit').textContent)).observe("
        "document.getElementById('digit'), {childList: true, characterData: true, subtree: true}))"
    )
    Select(page["model"]).select_by_visible_text("clothes")
    wait_for(lambda: names(page) == list(CLOTHES))
    page.script("window.letGo()")
    wait_for(lambda: page.script("window.letGo !== undefined"))
    wait_for(lambda: page.script("(window.letGo(), true)") and "clothes" in page.text("provenance"))
    shown = [name for name in page.script("window.seen") if name]
    assert len(set(shown)) == 1 and shown[0] == page["digit"].text


def test_of_two_models_that_are_chosen_in_a_row_the_last_is_asked(page: Page) -> None:
    page.script(SLOW, "v2/models/clothes/config")
    Select(page["model"]).select_by_visible_text("clothes")
    wait_for(lambda: page.script("window.letGo !== undefined"))
    Select(page["model"]).select_by_visible_text("letters")
    wait_for(lambda: names(page) == ["A", "B", "C"])
    page.script("(window.letGo(), true)")
    page.browser.execute_async_script("setTimeout(arguments[0], 300)")
    assert names(page) == ["A", "B", "C"]


def test_a_model_that_cannot_be_asked_is_not_selected(page: Page) -> None:
    page.script("(window.fetch = () => Promise.reject(new TypeError()), true)")
    Select(page["model"]).select_by_visible_text("clothes")
    wait_for(page["trouble"].is_displayed)
    assert Select(page["model"]).first_selected_option.text == "mnist-digits"


def test_the_chosen_model_names_and_is_corrected_in_its_own_classes(
    browser: Any, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    put_copy(home, "3", seed=1)
    put_copy(home, "1", seed=7, name="clothes", labels=CLOTHES)
    picture = tmp_path / "one.png"
    picture.write_bytes(png_of(a_one()))
    service = Service(home)
    service.start()
    try:
        page = Page(browser, service.url).open()
        choice = browser.find_element(By.ID, "model")
        wait_for(choice.is_displayed)
        assert [option.text for option in Select(choice).options] == ["mnist-digits", "clothes"]
        Select(choice).select_by_visible_text("clothes")
        page.open_file(picture)
        shown = browser.find_element(By.ID, "digit")
        wait_for(lambda: shown.text in CLOTHES)
        buttons = browser.find_elements(By.CSS_SELECTOR, "#digits button")
        assert [button.text for button in buttons] == list(CLOTHES)
        assert "clothes version 1" in browser.find_element(By.ID, "provenance").text
        Select(choice).select_by_visible_text("mnist-digits")
        wait_for(lambda: shown.text.isdigit())
    finally:
        service.kill()
