"""The page in a real browser, against the real service: what a person draws, sees and says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from PIL import Image
from selenium.webdriver.common.keys import Keys

import tests.support.browser as chromium
from ann_models import datasets
from ann_models.digits.augmentation import Augmentation, augment
from ann_models.errors import DataUnavailable
from tests.support.person import STROKES, Page
from tests.support.promoted import promote
from tests.support.running import Service
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, chromium.needs_a_browser]


@pytest.fixture(scope="module")
def data() -> datasets.Dataset:
    try:
        return datasets.digits("mnist")
    except DataUnavailable:
        return datasets.digits("offline-digits")


@pytest.fixture(scope="module")
def home(data: datasets.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder whose champion is the lecture's network."""
    keras.utils.set_random_seed(1)
    network = [layers.Flatten(), layers.Dense(100, "relu"), layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((28, 28)), *network])
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = data.arrays["x_train"], data.arrays["y_train"]
    askew = Augmentation(shift=1.5, rotation=15)  # so that the few offline digits suffice
    copies = range(max(1, 24_000 // len(x)))
    distorted = [augment(tf.constant(x), askew, tf.constant([1, copy])) for copy in copies]
    model.fit(np.concatenate(distorted), np.tile(y, len(copies)), 64, epochs=5, verbose=0)
    folder = tmp_path_factory.mktemp("home")
    promote(model, data, folder)
    return folder


@pytest.fixture(scope="module")
def service(home: Path) -> Iterator[Service]:
    service = Service(home)
    service.start()
    yield service
    service.kill()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    profile = tmp_path_factory.mktemp("chromium")
    logging = {"goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
    driver = chromium.start(profile, **logging)
    yield driver
    driver.quit()


@pytest.fixture
def page(browser: Any, service: Service) -> Page:
    return Page(browser, service.url).open()


# Drawing


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


def test_the_probabilities_are_ten_stems_of_which_the_answers_is_the_highest(page: Page) -> None:
    page.draw(STROKES[7])
    digit = page.digit()
    heights = page.script(
        "[...document.querySelectorAll('#stems .stem')].map(s => +s.style.getPropertyValue('--p'))"
    )
    assert len(heights) == 10
    assert np.argmax(heights) == digit
    assert sum(heights) == pytest.approx(1, abs=1e-4)
    best = page.script("document.querySelector('#stems .best').textContent")
    assert best.startswith(page["second"].text.partition(" sure")[0])
    assert best.endswith(str(digit))
    assert f"Highest: {digit}:" in page["stems"].get_attribute("aria-label")


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


def test_a_sheet_without_ink_has_no_answer(page: Page) -> None:
    page.draw(STROKES[1])
    page.digit()
    page["clear"].click()
    assert page["sentence"].text == "No digit yet"
    assert page["digit"].text == ""
    assert not page["why"].is_displayed()
    assert not page["clear"].is_enabled()


# Pictures


def picture(path: Path, pixels: np.ndarray, scale: int = 1) -> Path:
    image = Image.fromarray((255 * pixels).astype(np.uint8))
    image.resize((28 * scale, 28 * scale), Image.Resampling.BICUBIC).save(path)
    return path


def test_a_picture_of_a_test_digit_is_read_as_the_service_reads_it(
    page: Page, service: Service, data: datasets.Dataset, tmp_path: Path
) -> None:
    path = picture(tmp_path / "digit.png", data.arrays["x_test"][0])
    expected = service.predict(path.read_bytes())
    page.open_file(path)
    assert page.digit() == expected["digit"] == data.arrays["y_test"][0]
    np.testing.assert_allclose(
        page.colours("seen")[..., 0] / 255, np.array(expected["image"]), atol=1 / 255
    )


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_a_picture_can_be_dropped_and_pasted(
    page: Page, event: str, data: datasets.Dataset, tmp_path: Path
) -> None:
    path = picture(tmp_path / "digit.png", data.arrays["x_test"][0])
    carrier = "clipboardData" if event == "paste" else "dataTransfer"
    kind = "ClipboardEvent" if event == "paste" else "DragEvent"
    page.script(
        "(([bytes]) => { const transfer = new DataTransfer();"
        " transfer.items.add(new File([new Uint8Array(bytes)], 'd.png', {type: 'image/png'}));"
        f" document.body.dispatchEvent(new {kind}('{event}',"
        f" {{bubbles: true, cancelable: true, {carrier}: transfer}})) }})(arguments)",
        list(path.read_bytes()),
    )
    assert page.digit() == data.arrays["y_test"][0]


def test_a_stroke_over_a_picture_begins_a_new_sheet(
    page: Page, data: datasets.Dataset, tmp_path: Path
) -> None:
    page.open_file(picture(tmp_path / "digit.png", data.arrays["x_test"][0]))
    before = page.digit()
    assert page.ink_on_paper() > 0.9  # the picture fills it
    page.draw(STROKES[5])
    assert page.ink_on_paper() < 0.3
    wait_for(lambda: page.digit() == 5)
    page["undo"].click()
    wait_for(lambda: page.digit() == before)


def test_a_file_that_is_no_picture_is_explained_in_the_services_words(
    page: Page, tmp_path: Path
) -> None:
    path = tmp_path / "poem.png"
    path.write_text("no picture")
    page.open_file(path)
    wait_for(lambda: page["sentence"].text == "No digit there")
    assert "cannot be read as a picture" in page["second"].text


def test_an_answer_to_what_is_no_digit_is_marked(
    page: Page, service: Service, tmp_path: Path
) -> None:
    block = np.zeros((28, 28))
    block[8:20, 8:20] = 1
    path = picture(tmp_path / "block.png", block, scale=10)
    assert service.predict(path.read_bytes())["uncertain"]
    page.open_file(path)
    digit = page.digit()
    assert page["sentence"].text.startswith("Not sure: perhaps a")
    assert page["sentence"].text.endswith(str(digit))
    mark = "getComputedStyle(document.getElementById('digit'), '::after').content"
    assert page.script(mark) == '"?"'
    page.clear()
    page.draw(STROKES[5])
    page.digit()
    assert page["sentence"].text == "This is a 5"
    assert page.script(mark) == "none"


# Why


def test_the_reasons_are_shown(page: Page) -> None:
    page.draw(STROKES[5])
    digit = page.digit()
    seen = page.colours("seen")[..., 0] > 0
    assert 40 < seen.sum() < 400
    colours = page.colours("saliency").astype(int)
    coloured = np.abs(colours - colours[0, 0]).max(axis=2) > 4
    assert not coloured[~seen].any()
    assert coloured[seen].mean() > 0.8
    units = page.browser.find_elements("css selector", "#units li")
    assert 1 <= len(units) <= 8
    for unit in units:
        product, name = (line.text for line in unit.find_elements("css selector", "p"))
        fired, weight = (float(n.replace("−", "-")) for n in product.split(" × "))
        added = float(unit.find_element("css selector", "b").text.replace("−", "-"))
        assert added == pytest.approx(fired * weight, abs=0.06 + 0.06 * abs(weight))
        assert name.startswith("unit ")
    assert f"the {digit}" in page["saliency"].get_attribute("aria-label")


def test_the_answer_names_its_version_its_data_and_its_run(
    page: Page, service: Service, data: datasets.Dataset
) -> None:
    page.draw(STROKES[2])
    page.digit()
    with urlopen(f"{service.url}health/ready") as answer:
        standing = json.load(answer)
    source = {"mnist": "MNIST", "offline-digits": "the offline digits"}[data.source]
    line = page["provenance"].text
    assert line.startswith(f"Answered by {standing['model']} version 1, trained on {source}")
    link = page["provenance"].find_element("css selector", "a")
    assert link.get_attribute("href") == standing["run_url"]


# What it really is


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


def test_nothing_can_be_corrected_before_there_is_an_answer(page: Page) -> None:
    assert page["feedback"].get_property("disabled")
    page.draw(STROKES[5])
    page.digit()
    assert not page["feedback"].get_property("disabled")
    page.clear()
    assert page["feedback"].get_property("disabled")


# Without a mouse, on a small screen, by night


def test_a_digit_can_be_drawn_and_taken_back_with_the_keyboard_alone(page: Page) -> None:
    page.press(Keys.TAB, Keys.TAB)  # past the link to the API
    assert page.browser.switch_to.active_element.get_attribute("id") == "paper"
    page.press(Keys.SPACE, *[Keys.ARROW_DOWN] * 14, Keys.SPACE)
    assert page.digit() == 1
    page.undo()
    wait_for(lambda: page["sentence"].text == "No digit yet")
    page.press(Keys.ARROW_UP)  # moves the pen, which is up, and draws nothing
    assert not page["clear"].is_enabled()


def test_the_answer_is_read_out_once_the_hand_rests(page: Page) -> None:
    page.draw(STROKES[0])
    digit = page.digit()
    spoken = wait_for(lambda: page.text("spoken"))
    assert spoken == f"{page['sentence'].text}. {page['second'].text}"
    assert f"a {digit}" in spoken
    assert page["spoken"].get_attribute("role") == "status"


def test_everything_that_can_be_used_or_seen_has_a_name(page: Page) -> None:
    page.draw(STROKES[0])
    page.digit()
    nameless = page.script(
        "[...document.querySelectorAll('button, canvas, svg, input, a, fieldset')].filter(e =>"
        " !(e.ariaLabel || e.textContent.trim() || e.labels?.length || e.hidden))"
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


# When something is the matter


def test_nothing_but_the_service_is_asked_and_the_content_policy_is_kept(page: Page) -> None:
    for kind in ("browser", "performance"):
        page.browser.get_log(kind)
    page.open()
    page.draw(STROKES[5])
    page.digit()
    complaints = [entry["message"] for entry in page.browser.get_log("browser")]
    assert [line for line in complaints if "422" not in line] == []  # a first dot is no digit
    events = [json.loads(e["message"])["message"] for e in page.browser.get_log("performance")]
    asked = {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    assert f"{page.url}predict?image=1&explain=1" in asked
    assert [url for url in asked if not url.startswith((page.url, "about:", "data:"))] == []


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
