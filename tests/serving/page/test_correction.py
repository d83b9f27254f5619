"""Saying which digit it really is, and the strip of what was drawn."""

from __future__ import annotations

import pytest

import tests.support.browser as chromium
from tests.support.person import STROKES, Page
from tests.support.running import Service
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, chromium.needs_a_browser]


def test_a_correction_is_stored_with_what_the_network_said(page: Page, service: Service) -> None:
    page.draw(STROKES[7])
    said = page.digit()
    page["digits"].find_elements("css selector", "button")[1].click()
    wait_for(lambda: page["thanks"].text == "Kept as a 1. Thank you.")
    assert service.corrections()[-1] == (said, 1)


def test_a_digit_key_corrects_when_the_focus_is_there(page: Page, service: Service) -> None:
    page.draw(STROKES[5])
    said = page.digit()
    page.press("6", on="paper")  # not there
    assert page["thanks"].text == ""
    page.script("document.querySelector('#digits button').focus()")
    page.press("8")
    wait_for(lambda: page["thanks"].text == "Kept as an 8. Thank you.")
    assert service.corrections()[-1] == (said, 8)
    pressed = page.browser.find_elements("css selector", "#digits [aria-pressed=true]")
    assert [button.text for button in pressed] == ["8"]


def test_the_question_is_asked_only_after_an_answer(page: Page) -> None:
    assert not page["feedback"].is_displayed()
    page.draw(STROKES[5])
    digit = page.digit()
    assert page["feedback"].text.startswith(f"Not a {digit}? It is …")
    assert not page["feedback"].get_property("disabled")
    page.clear()
    assert not page["feedback"].is_displayed()


def test_nothing_of_the_last_answer_is_left_after_clear(page: Page) -> None:
    page.draw(STROKES[7])
    page.digit()
    page.correct(1)
    wait_for(lambda: page["thanks"].text)
    assert len(page.chosen()) == 2
    page["clear"].click()
    assert page.chosen() == []
    page.draw(STROKES[7])
    digit = page.digit()
    assert page.chosen() == [str(digit)]  # the answer, and no correction
    assert page["thanks"].text == ""


def test_a_small_picture_that_was_replaced_is_given_back(page: Page) -> None:
    page.draw(STROKES[1])
    page.digit()
    wait_for(lambda: len(strip(page)) == 1)
    page.script("window.first = new WeakRef(document.querySelector('#drawn canvas'))")
    page.clear()
    page.draw(STROKES[5])
    page.digit()
    wait_for(lambda: len(strip(page)) == 2)

    def is_gone() -> bool:
        page.browser.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
        return page.script("window.first.deref() === undefined")

    wait_for(is_gone, 30)


def strip(page: Page) -> list[str]:
    return page.script("[...document.querySelectorAll('#drawn li')].map(item => item.innerText)")


def test_what_was_drawn_stays_in_view_and_can_be_shown_again(page: Page) -> None:
    assert not page["history"].is_displayed()
    page.draw(STROKES[1])
    first, ink = page.digit(), page.ink_on_paper()
    page.clear()
    page.draw(STROKES[5])
    second = page.digit()
    wait_for(lambda: strip(page) == [str(second), str(first)])
    page["drawn"].find_elements("css selector", "button")[1].click()
    assert page.digit() == first
    assert page.ink_on_paper() == pytest.approx(ink, abs=1e-3)
    assert strip(page) == [str(second), str(first)]  # each once
    focused = "[...document.querySelectorAll('#drawn button')].indexOf(document.activeElement)"
    assert page.script(focused) == 1  # for those who go on with the keyboard
    page.open()
    assert strip(page) == []  # it was of that visit only


def test_a_correction_shows_on_what_was_drawn(page: Page) -> None:
    page.draw(STROKES[5])
    digit = page.digit()
    page.correct(3)
    wait_for(lambda: strip(page) == [f"{digit} 3"])
    button = page["drawn"].find_element("css selector", "button")
    assert f"Read as a {digit}, corrected to a 3." in button.get_attribute("aria-label")


def test_what_was_taken_back_and_what_is_an_example_are_not_kept(page: Page) -> None:
    page.draw(STROKES[1])
    page.digit()
    page.undo()
    assert strip(page) == []
    page.browser.find_element("css selector", "#examples button").click()
    page.digit()
    assert strip(page) == []
    page.draw(STROKES[1])  # over the example: now it is one's own
    wait_for(lambda: len(strip(page)) == 1)
