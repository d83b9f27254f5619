"""Where several models are served, a person chooses one; the page then speaks of its classes."""

from __future__ import annotations

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
