"""On a photo of a sheet, tables and hard shadows are not ink; other pictures stay as they are."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from digit_images.ink import NoInk, prepare
from digit_images.normalization import normalize
from digit_images.photos import _extreme, prepare_photo

SHEET = [(60, 30), (330, 70), (290, 350), (20, 310)]  # a tilted one
SEVEN = [(150, 150), (230, 150), (180, 250)]


def drawn(paper: int = 235, pen: int = 50, table: int | None = None, width: int = 14) -> np.ndarray:
    """A 7 on a paper that fills the picture, or on a tilted sheet on a table."""
    image = Image.new("L", (360, 400), paper if table is None else table)
    draw = ImageDraw.Draw(image)
    if table is not None:
        draw.polygon(SHEET, fill=paper)
    draw.line(SEVEN, fill=pen, width=width, joint="curve")
    return np.asarray(image, np.float32) / 255


def is_the_seven(prepared: np.ndarray) -> bool:
    expected = prepare(drawn())
    return bool(np.corrcoef(prepared.ravel(), expected.ravel())[0, 1] > 0.95)


@pytest.mark.parametrize("table", [30, 90, 185])
def test_a_tilted_sheet_on_a_table_is_no_ink(table):
    photo = drawn(table=table)
    assert not is_the_seven(prepare(photo))
    assert is_the_seven(prepare_photo(photo))


@pytest.mark.parametrize("turns", range(4))
def test_a_hard_shadow_at_any_side_is_no_ink(turns):
    photo = drawn()
    np.rot90(photo, turns)[:, :70] *= 0.5
    assert not is_the_seven(prepare(photo))
    assert is_the_seven(prepare_photo(photo))


def test_a_table_in_a_corner_is_no_ink():
    photo = drawn()
    photo[:45] = photo[:, 320:] = 0.2
    assert not is_the_seven(prepare(photo))
    assert is_the_seven(prepare_photo(photo))


def test_the_grain_of_a_black_table_is_no_ink():
    photo = drawn(table=0)
    grain = np.random.default_rng(0).choice([0, 4], photo.shape)
    photo = np.where(photo == 0, grain / 255, photo).astype(np.float32)
    assert is_the_seven(prepare_photo(photo))


def test_a_line_that_reaches_the_border_is_no_ink_and_the_digit_next_to_it_is_whole():
    photo = drawn()
    photo[:45] = photo[:, 320:] = 0.2  # a table
    photo[125:133, :320] = 0.2  # ten pixels above the digit
    assert is_the_seven(prepare_photo(photo))


@pytest.mark.parametrize("width", [4, 14, 40])
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("margin", [0, 20, 100])
def test_a_picture_without_a_table_is_prepared_as_ever(width, invert, margin):
    picture = abs(invert - drawn(width=width))
    picture = picture[130 - margin : 270 + margin, 130 - margin : 250 + margin]
    assert prepare_photo(picture).tobytes() == prepare(picture).tobytes()


def test_a_smooth_shadow_leaves_a_picture_as_ever():
    picture = drawn() * np.linspace(0.5, 1, 360, dtype=np.float32)
    assert prepare_photo(picture).tobytes() == prepare(picture).tobytes()


def test_a_shape_with_nothing_drawn_on_it_is_prepared_as_ever():
    picture = drawn(table=30, pen=235)
    assert prepare_photo(picture).tobytes() == prepare(picture).tobytes()


def test_a_sheet_with_a_dot_on_it_is_prepared_as_ever():
    picture = drawn(table=30, pen=235)
    picture[170:190, 180:200] = 0.2
    assert prepare_photo(picture).tobytes() == prepare(picture).tobytes()


def test_a_picture_in_mnists_form_is_not_changed():
    digit = normalize((drawn() < 0.5).astype(np.float32))
    assert prepare_photo(digit) is digit
    enlarged = np.kron(digit, np.ones((3, 3), np.float32))
    np.testing.assert_allclose(prepare_photo(enlarged), digit, atol=1e-6)


def test_blank_paper_has_no_ink():
    with pytest.raises(NoInk, match="Nothing is drawn"):
        prepare_photo(np.ones((100, 100), np.float32))


@pytest.mark.parametrize("reach", [0, 1, 2, 5, 13])
def test_the_extreme_of_a_square_is_that_of_all_its_pixels(reach):
    pixels = np.random.default_rng(0).random((20, 30))
    expected = [
        [pixels[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1].max()
         for x in range(30)] for y in range(20)
    ]  # fmt: skip
    before = pixels.copy()
    np.testing.assert_array_equal(_extreme(np.maximum, pixels, reach), expected)
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("turned", [False, True])
def test_a_sheet_on_a_patterned_table_is_refused_with_the_advice_to_crop_the_photo(turned):
    stripes = np.where(np.arange(200) // 6 % 2, 140, 80)[:, np.newaxis] * np.ones(200)
    table = stripes.T if turned else stripes
    table[50:150, 50:150] = 230
    table[70:130, 96:104] = 40
    with pytest.raises(NoInk, match="or crop a photo to its paper"):
        prepare_photo((table / 255).astype(np.float32))
