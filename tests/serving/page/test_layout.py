"""Small screens, both colour schemes, less motion, and names for all that is seen."""

from __future__ import annotations

import pytest

import tests.support.browser as chromium
from tests.support.person import STROKES, Page

pytestmark = [pytest.mark.slow, chromium.needs_a_browser]


def test_everything_that_can_be_used_or_seen_has_a_name(page: Page) -> None:
    page.draw(STROKES[0])
    page.digit()
    nameless = page.script(
        "[...document.querySelectorAll('button, canvas, svg, input, a, fieldset')].filter(e =>"
        " !(e.ariaLabel || e.ariaHidden || e.textContent.trim() || e.labels?.length || e.hidden))"
        ".map(e => e.outerHTML)"
    )
    assert nameless == []


def test_a_small_phone_shows_all_of_it_without_scrolling_sideways(page: Page) -> None:
    page.open(width=320, height=568)
    page.draw(STROKES[5], "touch")
    assert page.digit() == 5
    assert page.script("document.documentElement.scrollWidth") == 320
    small = page.script(
        "[...document.querySelectorAll('button')].filter(b => b.offsetParent &&"
        " b.getBoundingClientRect().height < 44).map(b => b.textContent)"
    )
    assert small == []
    edge = page["paper"].rect["x"] + page["paper"].rect["width"]
    assert page["open"].rect["x"] + page["open"].rect["width"] <= edge + 1
    assert page["digit"].rect["y"] + page["digit"].rect["height"] <= 568  # seen while drawing


def test_a_phone_lying_down_shows_the_whole_sheet_and_the_answer(page: Page) -> None:
    page.open(width=844, height=390)
    page.draw(STROKES[5], "touch")
    assert page.digit() == 5
    for element in ("paper", "digit", "stems", "undo", "clear", "open"):
        box = page[element].rect
        assert box["y"] >= 0, element
        assert box["y"] + box["height"] <= 390, element
        assert box["x"] + box["width"] <= 844, element
    assert page["paper"].rect["width"] >= 300


def test_at_twice_the_size_the_line_that_says_what_this_is_is_not_cut(page: Page) -> None:
    page.open(width=640, height=450)
    about = "document.getElementById('about')"
    assert page.script(f"{about}.scrollWidth <= {about}.clientWidth")
    assert page.script("document.documentElement.scrollWidth <= innerWidth")


def test_one_line_says_what_this_is(page: Page) -> None:
    assert page.browser.find_element("css selector", "header p").text == (
        "A neural network, trained on handwritten digits, reads yours and shows why."
    )


CONTRASTS = """(() => {
  const style = getComputedStyle(document.documentElement);
  const light = name => [1, 3, 5].map(at => {
    const c = parseInt(style.getPropertyValue(name).trim().slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  return ["--ink", "--quiet", "--for", "--against"].map(n => ratio(light(n), light("--plain")));
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_is_readable_in_both_colour_schemes(page: Page, scheme: str) -> None:
    page.open(prefers_color_scheme=scheme)
    assert min(page.script(CONTRASTS)) >= 4.5  # WCAG 2.2, AA
    ground = page.script("getComputedStyle(document.documentElement).backgroundColor")
    brightness = sum(int(part) for part in ground[4:-1].split(",")) / 3
    assert (brightness > 128) == (scheme == "light")
    page.draw(STROKES[5])
    assert page.digit() == 5  # light ink on a dark sheet reads the same


def test_who_wants_no_motion_gets_none(page: Page) -> None:
    moving = "getComputedStyle(document.querySelector('.stalk')).transitionDuration"
    assert page.script(moving) != "0s"
    page.open(prefers_reduced_motion="reduce")
    assert page.script(moving) == "0s"
