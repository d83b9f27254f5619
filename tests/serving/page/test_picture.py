"""Opening, dropping and pasting pictures, in a real browser."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tests.support.browser as chromium
from ann_models import datasets
from tests.support.person import STROKES, Page
from tests.support.running import Service
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, chromium.needs_a_browser]


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


def on_paper(digit: np.ndarray, width: int, height: int) -> Image.Image:
    """A digit (28, 28) in the middle of a large white picture."""
    ink = Image.fromarray((255 * digit).astype(np.uint8)).resize((1400, 1400))
    sheet = Image.new("L", (width, height), 255)
    sheet.paste(0, ((width - 1400) // 2, (height - 1400) // 2), ink)
    return sheet.convert("RGB")


@pytest.mark.parametrize(
    ("name", "size"),
    [("many-bytes.bmp", (2200, 2000)), ("many-pixels.jpg", (6000, 4500))],
)
def test_a_picture_too_large_for_the_service_is_shrunk_before_it_is_sent(
    page: Page, name: str, size: tuple[int, int], data: datasets.Dataset, tmp_path: Path
) -> None:
    on_paper(data.arrays["x_test"][0], *size).save(tmp_path / name)
    page.open_file(tmp_path / name)
    assert page.digit() == data.arrays["y_test"][0]


@pytest.mark.parametrize("name", ["digit.avif", "named-wrongly.png", "digit.svg", "unsized.svg"])
def test_a_picture_that_only_the_browser_can_read_is_sent_in_another_form(
    page: Page, name: str, data: datasets.Dataset, tmp_path: Path
) -> None:
    digit = on_paper(data.arrays["x_test"][0], 1600, 1600).resize((400, 400))
    if name.endswith(".svg"):
        digit.save(buffer := io.BytesIO(), "PNG")
        source = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
        size = "" if name == "unsized.svg" else 'width="400" height="400"'
        (tmp_path / name).write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" {size}>'
            f'<image href="{source}" width="400" height="400"/></svg>'
        )
    else:
        digit.save(tmp_path / name, "AVIF")
    page.open_file(tmp_path / name)
    assert page.digit() == data.arrays["y_test"][0]


def test_a_file_that_is_no_picture_is_explained_to_a_person(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "poem.png"
    path.write_text("no picture")
    page.open_file(path)
    wait_for(lambda: page["sentence"].text == "Not a picture")
    assert page["second"].text == (
        "This file cannot be opened as a picture. PNG and JPEG always work."
    )


def test_a_dropped_file_of_numbers_is_no_request(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    path.write_text(json.dumps({"image": np.eye(28).tolist()}))
    page.open_file(path)
    wait_for(lambda: page["sentence"].text == "Not a picture")


SLOW = """(window.createImageBitmap = ((decode) => async (content) => {
    const picture = await decode(content);
    if (picture.width < 1000) return picture;
    await new Promise((resolve) => { window.decoded = resolve; });
    return picture;
})(window.createImageBitmap), true)"""


def test_what_is_done_while_a_picture_is_decoded_comes_after_it(
    page: Page, data: datasets.Dataset, tmp_path: Path
) -> None:
    x, y = data.arrays["x_test"], data.arrays["y_test"]
    slow, quick = tmp_path / "slow.png", tmp_path / "quick.png"
    on_paper(x[0], 1600, 1600).save(slow)
    picture(quick, x[1])
    page.script(SLOW)

    page.open_file(slow)
    wait_for(lambda: page.script("Boolean(window.decoded)"))
    page.open_file(quick)
    assert page.digit() == y[1]
    page.script("(window.decoded(), true)")
    assert page.digit() == y[1]

    page.script("(window.decoded = null, true)")
    page.open_file(slow)
    wait_for(lambda: page.script("Boolean(window.decoded)"))
    page["clear"].click()
    page.script("(window.decoded(), true)")
    wait_for(lambda: page["sentence"].text == "No digit yet")
    assert page.ink_on_paper() == 0


def test_a_picture_that_is_open_may_change_on_disk(
    page: Page, data: datasets.Dataset, tmp_path: Path
) -> None:
    path = picture(tmp_path / "digit.png", data.arrays["x_test"][0])
    page.open_file(path)
    digit = page.digit()
    path.write_bytes(b"something else")
    page["clear"].click()
    wait_for(lambda: page["sentence"].text == "No digit yet")
    page.undo()
    assert page.digit() == digit


def test_black_strokes_on_nothing_are_seen_in_the_dark(page: Page, tmp_path: Path) -> None:
    page.open(prefers_color_scheme="dark")
    strokes = Image.new("RGBA", (280, 280))
    strokes.paste((0, 0, 0, 255), (120, 40, 160, 240))
    strokes.save(tmp_path / "strokes.png")
    page.open_file(tmp_path / "strokes.png")
    wait_for(lambda: page["digit"].text)
    assert page.colours("paper").min() > 120  # of the corner, where nothing is drawn


def test_a_picture_without_a_digit_is_explained_to_a_person(page: Page, tmp_path: Path) -> None:
    page.open_file(picture(tmp_path / "blank.png", np.ones((28, 28)), scale=10))
    wait_for(lambda: page["sentence"].text == "No digit there")
    assert page["second"].text.startswith("Nothing in this picture stands out.")


def test_nothing_of_the_last_answer_is_left_when_a_picture_is_refused(
    page: Page, tmp_path: Path
) -> None:
    page.draw(STROKES[7])
    page.digit()
    page.correct(1)
    wait_for(lambda: page["thanks"].text)
    page.open_file(picture(tmp_path / "blank.png", np.ones((28, 28)), scale=10))
    wait_for(lambda: page["sentence"].text == "No digit there")
    assert page.chosen() == []
    assert not page["feedback"].is_displayed()
    assert page["digit"].text == ""
