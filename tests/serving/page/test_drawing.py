"""Drawing with mouse, finger, pen and keyboard, in a real browser."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

import tests.support.browser as chromium
from ann_models import datasets
from tests.support.person import STROKES, Page, Stroke
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, chromium.needs_a_browser]


def test_digits_drawn_with_the_mouse_are_read(page: Page, data: datasets.Dataset) -> None:
    read = {}
    for digit, strokes in STROKES.items():
        page.draw(strokes)
        read[digit] = page.digit()
        page.clear()
    wrong = {drawn: taken for drawn, taken in read.items() if drawn != taken}
    assert len(wrong) <= {"mnist": 1, "offline-digits": 2}[data.source], wrong  # networks err


@pytest.mark.parametrize("kind", ["touch", "pen"])
def test_a_finger_and_a_pen_draw_too(page: Page, kind: str) -> None:
    page.draw(STROKES[5], kind)
    assert page.digit() == 5


def test_the_answer_comes_while_the_stroke_is_still_drawn(page: Page) -> None:
    page.draw(STROKES[0], lift=False)
    wait_for(lambda: page["sentence"].text != "No digit yet")
    assert page.script("document.getElementById('why').hidden")  # reasons wait for the whole digit


def test_undo_takes_strokes_back_one_by_one_and_clearing_can_be_undone(page: Page) -> None:
    page.draw(STROKES[4])
    digit, whole = page.digit(), page.ink_on_paper()
    page["undo"].click()
    assert 0 < page.ink_on_paper() < whole
    page.draw(STROKES[4][1:])
    page["clear"].click()
    assert page.ink_on_paper() == 0
    page.undo()
    assert page.ink_on_paper() == pytest.approx(whole, abs=1e-3)
    wait_for(lambda: page.digit() == digit)


def test_redo_takes_no_stroke_back(page: Page) -> None:
    page.draw(STROKES[4])
    page.digit()
    page["undo"].click()
    ink = page.ink_on_paper()
    ActionChains(page.browser).key_down(Keys.CONTROL).key_down(Keys.SHIFT).send_keys("z").key_up(
        Keys.SHIFT
    ).key_up(Keys.CONTROL).perform()
    assert page.ink_on_paper() == ink


def test_escape_clears_a_stroke_that_is_still_drawn(page: Page) -> None:
    page.draw(STROKES[7], lift=False)
    wait_for(lambda: page["sentence"].text != "No digit yet")
    page.clear()
    assert page.ink_on_paper() == 0
    page.draw(STROKES[0])
    assert page.digit() == 0


def test_a_sheet_without_ink_has_no_answer(page: Page) -> None:
    page.draw(STROKES[1])
    page.digit()
    page["clear"].click()
    assert page["sentence"].text == "No digit yet"
    assert page["digit"].text == ""
    assert not page["why"].is_displayed()
    assert not page["clear"].is_enabled()


@pytest.mark.parametrize("strokes", [[[(0.5, 0.5)]], [[(0.5, 0.5), (0.52, 0.53), (0.54, 0.5)]]])
def test_a_first_dot_is_not_judged(page: Page, strokes: list[Stroke]) -> None:
    page.requests()
    page.draw(strokes)
    wait_for(lambda: page["second"].text == "Go on drawing: a dot alone is not read.")
    assert page["sentence"].text == "No digit yet"
    assert page.requests("predict") == []  # nothing was asked
    page.draw(STROKES[1])
    page.digit()


def test_a_digit_can_be_drawn_and_taken_back_with_the_keyboard_alone(page: Page) -> None:
    page.press(Keys.TAB, Keys.TAB)  # past the link to the API
    assert page.browser.switch_to.active_element.get_attribute("id") == "paper"
    page.press(Keys.SPACE, *[Keys.ARROW_DOWN] * 14, Keys.SPACE)
    assert page.digit() == 1
    page.undo()
    wait_for(lambda: page["sentence"].text == "No digit yet")
    page.press(Keys.ARROW_UP)  # moves the pen, which is up, and draws nothing
    assert not page["clear"].is_enabled()


def test_keyboard_help_is_folded_away_until_it_is_asked_for(page: Page) -> None:
    assert not page["keys"].is_displayed()
    assert page["paper"].get_attribute("aria-describedby") == "keys"  # read out all the same
    page.browser.find_element("css selector", "summary").click()
    assert page["keys"].is_displayed()


def test_each_example_is_read_when_it_is_tapped(page: Page) -> None:
    examples = page.browser.find_elements("css selector", "#examples button")
    assert len(examples) == 3
    for example in examples:
        example.click()
        expected = int(example.get_attribute("aria-label").removeprefix("Example: "))
        assert page.digit() == expected
        page.clear()
