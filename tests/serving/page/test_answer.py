"""What the page says of an answer: digit, probabilities, reasons, origin."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

import tests.support.browser as chromium
from ann_models import datasets
from tests.serving.page.test_picture import picture
from tests.support.person import STROKES, Page
from tests.support.running import Service
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, chromium.needs_a_browser]


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


OVERLAPS = """(svg => {
  const shown = [...svg.querySelectorAll("text")].filter(text => text.textContent)
    .map(text => ({ text: text.textContent, box: text.getBoundingClientRect() }));
  const over = (a, b) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  return shown.flatMap((a, i) => shown.slice(i + 1)
    .filter(b => over(a.box, b.box)).map(b => `${a.text} over ${b.text}`));
})(document.getElementById("stems"))"""


@pytest.mark.parametrize("width", [320, 844, 1280])
@pytest.mark.parametrize(
    "probabilities",
    [{0: 0.9999}, {9: 0.9999}, {3: 0.33, 4: 0.33, 5: 0.34}, {0: 0.5, 1: 0.5}, {8: 0.052, 9: 0.948}],
)
def test_axis_and_labels_are_in_per_cent_and_never_over_each_other(
    page: Page, width: int, probabilities: dict[int, float]
) -> None:
    page.open(width=width, height=800, prefers_reduced_motion="reduce")
    page.module(
        "stems.js",
        "{ const old = document.getElementById('stems'), svg = old.cloneNode(false);"
        " old.replaceWith(svg); module.stemPlot(svg, [...'0123456789'])(arguments[0]) }",
        [probabilities.get(digit, 0.0) for digit in range(10)],
    )
    wait_for(lambda: page.script("document.querySelector('#stems .level').getAttribute('x')"))
    labels = page.script(
        "[...document.querySelectorAll('#stems .level, #stems .value')].map(t => t.textContent)"
    )
    assert labels[:3] == ["0 %", "50 %", "100 %"]
    assert all(label.endswith("%") for label in labels if label)
    assert page.script(OVERLAPS) == []
    assert page.script("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(
    ("reason", "title", "detail"),
    [
        ("not one digit", "Is that one digit?", "It does not look like one. The nearest is an 8."),
        (
            "not sure between 3 and 8",
            "3 or 8?",
            "It could be either: 60 % sure; otherwise 3 (40 %)",
        ),
        ("faint", "Not sure: perhaps an 8", "The ink is faint. Darker or thicker strokes help."),
        (None, "Not sure: perhaps an 8", "60 % sure; otherwise 3 (40 %)"),
        ("a new one", "Not sure: perhaps an 8", "60 % sure; otherwise 3 (40 %)"),
    ],
)
def test_why_an_answer_is_uncertain_is_said_in_a_persons_words(
    page: Page, reason: str | None, title: str, detail: str
) -> None:
    answer = {
        "digit": 8,
        "probabilities": [0, 0, 0, 0.4, 0, 0, 0, 0, 0.6, 0],
        "confidence": 0.6,
        "uncertain": True,
        "reason": reason,
    }
    found = page.module("sentences.js", "module.reading(arguments[0])", answer)
    assert found == {"title": title, "detail": detail}


def test_classes_whose_names_hold_an_and_are_named_whole_where_two_are_likely(page: Page) -> None:
    answer = {
        "digit": 1,
        "probabilities": [0.4, 0.6],
        "confidence": 0.6,
        "uncertain": True,
        "reason": "not sure between salt and pepper and black and white",
    }
    found = page.browser.execute_async_script(
        "const [answer, done] = arguments;"
        "const load = (name) => import(new URL(`page/${name}`, document.baseURI));"
        "Promise.all([load('classes.js'), load('sentences.js')]).then(([classes, sentences]) => {"
        " classes.choose('patterns', ['salt and pepper', 'black and white']);"
        " done(sentences.reading(answer).title) })",
        answer,
    )
    assert found == "salt and pepper or black and white?"


def test_no_answer_is_a_hundred_per_cent_sure_nor_another_impossible(page: Page) -> None:
    code = "arguments[0].map(module.percent)"
    said = page.module("sentences.js", code, [1, 0.9995, 0.9994, 0.0005, 0.0004, 0])
    assert said == ["> 99.9 %", "> 99.9 %", "99.9 %", "0.1 %", "< 0.1 %", "< 0.1 %"]


def test_an_answer_to_what_is_no_digit_is_marked(
    page: Page, service: Service, tmp_path: Path
) -> None:
    block = np.zeros((28, 28))
    block[8:20, 8:20] = 1
    path = picture(tmp_path / "block.png", block, scale=10)
    assert service.predict(path.read_bytes())["reason"] == "not one digit"
    page.open_file(path)
    page.digit()
    assert page["sentence"].text == "Is that one digit?"
    mark = "getComputedStyle(document.getElementById('digit'), '::after').content"
    assert page.script(mark) == '"?"'
    page.clear()
    page.draw(STROKES[5])
    page.digit()
    assert page["sentence"].text == "This is a 5"
    assert page.script(mark) == "none"


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
        status = json.load(answer)
    source = {"mnist": "MNIST", "offline-digits": "the offline digits"}[data.source]
    line = page["provenance"].text
    assert line.startswith(f"Network: {status['model']} version 1, trained on {source}")
    link = page["provenance"].find_element("css selector", "a")
    assert link.get_attribute("href") == status["run_url"]
    assert link.get_attribute("target") == "_blank"
    assert "noopener" in link.get_attribute("rel")
    assert link.get_property("textContent").endswith("(opens in a new tab)")


@pytest.mark.parametrize(
    ("address", "leads"),
    [
        ("https://mlflow.example.org/#/experiments/5/runs/b87", True),
        (
            "http://127.0.0.1:5000/#/experiments/5/runs/b87",
            True,
        ),  # the page is on that machine, too
        ("http://mlflow:5000/#/experiments/5/runs/b87", False),  # a container's name
        ("https://admin:secret@mlflow.example.org/#/runs/b87", False),
        ("javascript:alert(1)", False),
        ("runs/b87", False),
        (None, False),
    ],
)
def test_the_run_is_a_link_only_where_it_leads_somewhere(
    page: Page, address: str | None, leads: bool
) -> None:
    version = {"model": "mnist-digits", "version": "2", "data": "mnist", "run_id": "b8741131dc3d"}
    wait_for(lambda: page.text("provenance"))  # of the version that serves: it is written once
    page.module("answer.js", "module.showOrigin(arguments[0])", version | {"run_url": address})
    assert "run b874113" in page["provenance"].text
    assert bool(page["provenance"].find_elements("css selector", "a")) == leads


def test_the_answer_is_read_out_once_the_hand_rests(page: Page) -> None:
    page.draw(STROKES[0])
    digit = page.digit()
    spoken = wait_for(lambda: page.text("spoken"))
    assert spoken == f"{page['sentence'].text}. {page['second'].text}"
    assert f"a {digit}" in spoken
    assert page["spoken"].get_attribute("role") == "status"
