"""Where several models are served, a person chooses one; the page then speaks of its classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

import tests.support.browser as chromium
from tests.support.person import STROKES, Page
from tests.support.running import Service
from tests.support.small_service import a_one, png_of, put_copy
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, chromium.needs_a_browser]

LONG = ("Great spotted woodpecker of Siberia", "A_name_of_34_characters_and_no_blank", "Owl")
CLOTHES = ("T-shirt", "Trouser", "Coat", "Dress", "Sandal", "Bag")


SLOW = """(window.fetch = ((fetch) => async (path, options) => {
    const answer = await fetch(path, options);
    if (String(path).includes(arguments[0])) await new Promise((go) => (window.letGo = go));
    return answer;
})(window.fetch), true)"""


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Iterator[Page]:
    """The page of a service with five models."""
    home = tmp_path / "home"
    put_copy(home, "3", seed=1)
    put_copy(home, "1", seed=7, name="clothes", labels=CLOTHES)
    put_copy(home, "1", seed=8, name="letters", labels=("A", "B", "C"))
    put_copy(home, "1", seed=9, name="birds", labels=LONG)
    put_copy(home, "1", seed=8, name="many", labels=[f"class {n}" for n in range(200)])
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


def ask(page: Page, model: str, picture: Path) -> str:
    """Choose a model and open a picture; the answer."""
    Select(page["model"]).select_by_visible_text(model)
    wait_for(lambda: page.text("title") == "Draw or open a picture")
    page.open_file(picture)
    wait_for(lambda: page.script("!document.getElementById('why').hidden"))
    return page.text("digit")


def shown_labels(page: Page) -> list[str]:
    """The names below the stems; laid out again, as each live answer does."""
    page.browser.set_window_size(900, 1000)
    return page.script(
        "[...document.querySelectorAll('#stems .tick')].filter(tick =>"
        " getComputedStyle(tick).visibility === 'visible' && tick.getBBox().width)"
        ".map(tick => tick.textContent)"
    )


@pytest.mark.parametrize("width", [320, 1000])
def test_long_names_stay_in_their_buttons_and_on_the_page(
    page: Page, tmp_path: Path, width: int
) -> None:
    page.open(width=width)
    wait_for(page["model"].is_displayed)
    ask(page, "birds", tmp_path / "one.png")
    assert page.script("document.documentElement.scrollWidth <= innerWidth")
    assert page.script(
        "[...document.querySelectorAll('#digits button, #digit')]"
        ".every(each => each.scrollWidth <= each.clientWidth)"
    )


def test_of_names_that_do_not_fit_below_their_stems_only_the_likeliests_is_shown(
    page: Page, tmp_path: Path
) -> None:
    assert shown_labels(page) == list("0123456789")
    for model in ("birds", "many"):
        answer = ask(page, model, tmp_path / "one.png")
        (label,) = shown_labels(page)
        assert answer.startswith(label.removesuffix("…"))


def test_of_many_classes_the_right_one_is_chosen_from_a_list(page: Page, tmp_path: Path) -> None:
    ask(page, "many", tmp_path / "one.png")
    assert names(page) == ["Keep"]
    right = Select(page["digits"].find_element(By.TAG_NAME, "select"))
    assert len(right.options) == 201
    page["digits"].find_element(By.TAG_NAME, "button").click()
    assert page.text("thanks") == ""  # nothing is chosen yet
    right.select_by_visible_text("class 7")
    page["digits"].find_element(By.TAG_NAME, "button").click()
    wait_for(lambda: page.text("thanks") == "Kept as “class 7”. Thank you.")
    Select(page["model"]).select_by_visible_text("mnist-digits")
    wait_for(lambda: names(page) == list("0123456789"))


def test_a_key_corrects_to_the_class_of_that_name_and_not_of_that_number(
    page: Page, tmp_path: Path
) -> None:
    ask(page, "letters", tmp_path / "one.png")
    page.script("document.querySelector('#digits button').focus()")
    page.press("1")  # nothing on the page says which class that is
    page.press("C")
    wait_for(lambda: page.text("thanks").startswith("Kept"))
    assert [digit for _, digit in Service(tmp_path / "home").corrections()] == [2]


def test_other_pictures_are_not_called_digits(page: Page, tmp_path: Path) -> None:
    assert page.text("history-title") == "Your digits, until you leave"
    Select(page["model"]).select_by_visible_text("clothes")
    wait_for(lambda: page["sentence"].text == "No picture yet")
    ask(page, "clothes", tmp_path / "one.png")
    assert page.text("history-title") == "Your pictures, until you leave"
    assert "digit" not in page.browser.find_element(By.TAG_NAME, "main").text.lower()


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


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"name": "letters", "labels": ("A", "B", "C")}, {}),
        (
            {"name": "letters", "labels": ("A", "B", "C")},
            {"name": "letters", "labels": ("A", "B", "D", "E")},
        ),
    ],
    ids=["a digit model becomes the default", "other classes"],
)
def test_between_two_strokes_another_version_with_other_classes_may_begin_to_serve(
    browser: Any, tmp_path: Path, before: dict[str, Any], after: dict[str, Any]
) -> None:
    home = tmp_path / "home"
    put_copy(home, "1", seed=7, **before)
    service = Service(home)
    service.start()
    try:
        page = Page(browser, service.url).open()
        page.draw(STROKES[3])
        wait_for(lambda: page.script("!document.getElementById('why').hidden"))
        service.kill()
        put_copy(home, "2", seed=8, **after)
        service.start()
        page.draw([[(0.2, 0.9), (0.8, 0.9)]])
        wait_for(lambda: "version 2" in page.text("provenance"))
        wait_for(lambda: page["feedback"].get_property("disabled") is False)
        labels = list(after.get("labels", "0123456789"))
        assert names(page) == labels
        assert page.text("digit") in labels
        page.correct(2)
        wait_for(lambda: page.text("thanks").startswith("Kept"))
        assert [digit for _, digit in service.corrections()] == [2]
        assert page.text("title") == (
            "Draw or open a picture" if "labels" in after else "Draw a digit"
        )
    finally:
        service.kill()
