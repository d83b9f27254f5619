"""Content in, one page out: everything is there, escaped, and nothing is fetched."""

from dataclasses import replace

import jinja2
import pytest

from pipelines.flows.report_page import (
    Champion,
    Content,
    Leaderboard,
    Picture,
    Row,
    Section,
    render,
)

ROW = Row(
    "mnist_ann",
    "Digits are learned.",
    3,
    {"test accuracy": "0.974 ± 0.003"},
    (Picture("Mistakes", b"\x89PNG"), Picture("Moves", b"GIF8", "image/gif")),
    "http://mlflow/#/runs/r1",
)
SECTION = Section(
    *("digits", "Which digit is it?", "Look at the mistakes.", ("test accuracy",)),
    (ROW, replace(ROW, name="mnist_cnn", changes="epochs=5")),
    (),
    "http://mlflow/#/experiments/1",
)
CONTENT = Content("2027-01-02", {"Digits": "MNIST"}, "", (SECTION,))


def test_a_picture_is_part_of_its_address():
    assert Picture("x", b"\x00\xff").address == "data:image/png;base64,AP8="
    assert Picture("x", b"", "image/gif").address == "data:image/gif;base64,"


def test_rows_numbers_pictures_and_links_are_on_the_page():
    page = render(CONTENT)
    for text in ("Which digit is it?", "mnist_ann", "0.974 ± 0.003", "Digits are learned."):
        assert text in page
    assert page.index("mnist_ann") < page.index("epochs=5")
    for picture in ROW.pictures:
        assert picture.address in page
    assert 'href="http://mlflow/#/runs/r1"' in page


def test_no_script_style_or_picture_is_fetched():
    page = render(CONTENT)
    assert "<script src" not in page
    assert "<link " not in page
    assert 'src="http' not in page


def test_what_people_name_is_escaped():
    page = render(replace(CONTENT, warning="<b>not MNIST</b>"))
    assert "&lt;b&gt;not MNIST&lt;/b&gt;" in page
    assert "<b>not MNIST" not in page


def test_champions_and_the_leaderboard_are_shown_where_there_are_any():
    champion = Champion("mnist-digits version 3", {"accuracy": "98 %"}, ("It is better.",), "#m")
    board = Leaderboard(("variant", "accuracy"), (("best_cnn", "99.1%"),))
    page = render(replace(CONTENT, champions=(champion,), leaderboard=board))
    for text in ("mnist-digits version 3", "98 %", "It is better.", "best_cnn", "99.1%"):
        assert text in page
        assert text not in render(CONTENT)


def test_a_field_that_the_page_needs_and_the_content_lacks_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        render({"date": "2027-01-02"})
