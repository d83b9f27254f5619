"""A picture becomes a digit in MNIST's form, whatever its paper, ink and light."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from digit_images.ink import prepare
from serving.errors import NoInk
from serving.images import decode, to_digit, to_picture
from tests.support.drawings import drawing, encoded, likeness


class TestForm:
    """What MNIST's authors did to their digits."""

    def test_the_digit_fills_a_box_of_20_and_is_centred_on_pixel_14(self, seven):
        assert (seven.shape, seven.dtype) == ((28, 28), np.float32)
        assert seven.min() == 0
        assert seven.max() == pytest.approx(1, abs=0.01)
        assert np.ptp(np.flatnonzero(seven.any(axis=1))) + 1 == 20
        for axis in (0, 1):
            centre = seven.sum(axis=axis) @ np.arange(28) / seven.sum()
            assert abs(centre - 14) <= 0.5

    def test_it_is_upright_ink_on_zero(self, seven):
        row, column = (np.flatnonzero(seven.any(axis=axis)) for axis in (1, 0))
        top, bottom = seven[row[0] + 1], seven[row[-1] - 1]
        assert (top > 0.5).sum() > 2 * (bottom > 0.5).sum()
        assert np.flatnonzero(bottom > 0.5).mean() < column.mean()
        assert seven[0, 0] == 0

    @settings(deadline=None, max_examples=25)
    @given(st.integers(0, 320), st.integers(0, 220), st.booleans())
    def test_where_on_the_page_it_is_drawn_does_not_matter(self, x, y, light_ink):
        page = Image.new("L", (600, 500), 0 if light_ink else 255)
        page.paste(drawing(ink=255, paper=0) if light_ink else drawing(), (x, y))
        reference = Image.new("L", (600, 500), 255)
        reference.paste(drawing(), (100, 100))
        assert likeness(to_digit(encoded(page)), to_digit(encoded(reference))) > 0.97

    @pytest.mark.parametrize("side", [28, 40, 64, 150, 280, 700, 2000])
    def test_its_size_does_not_matter(self, seven, side):
        resized = drawing().resize((side, side), Image.Resampling.LANCZOS)
        assert likeness(to_digit(encoded(resized)), seven) > 0.95

    @pytest.mark.parametrize("pen", [2, 5, 10, 22, 34])
    def test_the_pens_width_hardly_matters(self, seven, pen):
        digit = to_digit(encoded(drawing(pen=pen)))
        assert likeness(digit, seven) > 0.8
        assert 0.5 < digit.sum() / seven.sum() < 1.6


class TestMnist:
    @pytest.fixture(scope="class")
    def test_digits(self, mnist):
        return mnist.arrays["x_test"][:1000], mnist.arrays["y_test"][:1000]

    @pytest.fixture(scope="class")
    def nearest_mean(self, mnist):
        x, y = mnist.arrays["x_train"], mnist.arrays["y_train"]
        means = np.stack([x[y == digit].mean(axis=0).ravel() for digit in range(10)])

        def classify(digits: np.ndarray) -> np.ndarray:
            return (digits.reshape(-1, 784) @ means.T - (means**2).sum(axis=1) / 2).argmax(axis=1)

        return classify

    def test_its_digits_come_through_unchanged(self, test_digits):
        for digit in test_digits[0]:
            content = encoded(np.uint8(np.round(digit * 255)))
            np.testing.assert_allclose(to_digit(content), digit, atol=1e-6)

    def test_its_digits_come_through_inverted(self, test_digits):
        for digit in test_digits[0]:
            content = encoded(np.uint8(255 - np.round(digit * 255)))
            np.testing.assert_allclose(to_digit(content), digit, atol=1e-6)

    @pytest.mark.parametrize("light_ink", [True, False])
    def test_ten_times_enlarged_they_are_classified_as_well(
        self, test_digits, nearest_mean, light_ink
    ):
        pixels, labels = np.uint8(np.round(test_digits[0] * 255)), test_digits[1]
        large = [Image.fromarray(p if light_ink else 255 - p).resize((280, 280), 0) for p in pixels]
        read = np.stack([to_digit(encoded(image, compress_level=1)) for image in large])
        before, after = (
            np.mean(nearest_mean(digits) == labels) for digits in (test_digits[0], read)
        )
        assert before > 0.75
        assert after == pytest.approx(before, abs=0.002)


class TestPaperAndInk:
    @settings(deadline=None, max_examples=40)
    @given(st.integers(0, 255), st.integers(0, 255))
    def test_any_two_greys_that_can_be_distinguished_will_do(self, ink, paper):
        content = encoded(drawing(ink=ink, paper=paper))
        if abs(ink - paper) >= 20:
            assert likeness(to_digit(content), to_digit(encoded(drawing()))) > 0.95
        elif abs(ink - paper) <= 10:
            with pytest.raises(NoInk):
                to_digit(content)

    @pytest.mark.parametrize(
        ("ink", "paper"), [("gold", "white"), ("red", "navy"), ("white", "green")]
    )
    def test_colours_are_read(self, seven, ink, paper):
        image = drawing(ink=ink, paper=paper, mode="RGB")
        assert likeness(to_digit(encoded(image)), seven) > 0.98

    @pytest.mark.parametrize("pencil", [0.4, 0.7])
    def test_a_photo_in_a_shadow_is_levelled(self, seven, pencil):
        y, x = np.mgrid[-1:1:280j, -1:1:280j]
        light = 0.7 + 0.2 * x - 0.1 * y - 0.1 * (x**2 + y**2)
        ink = 1 - np.asarray(drawing()) / 255
        grain = np.random.default_rng(0).normal(0, 0.02, ink.shape)
        photo = np.uint8(255 * (light * (1 - (1 - pencil) * ink) + grain).clip(0, 1))
        assert likeness(to_digit(encoded(photo, "JPEG", quality=70)), seven) > 0.8

    def test_specks_of_dust_are_ignored(self, seven):
        image = drawing()
        for x, y in np.random.default_rng(0).integers(0, 278, (30, 2)):
            image.paste(0, (x, y, x + 2, y + 2))
        assert likeness(to_digit(encoded(image)), seven) > 0.98

    @pytest.mark.parametrize("margin", [0, 6])
    def test_a_frame_is_not_the_digit(self, seven, margin):
        image = drawing()
        ImageDraw.Draw(image).rectangle((margin, margin, 279 - margin, 279 - margin), outline=0)
        assert likeness(to_digit(encoded(image)), seven) > 0.98

    def test_a_dark_table_around_the_sheet_is_not_the_digit(self, seven):
        table = Image.new("L", (310, 300), 30)
        table.paste(drawing(), (15, 10))
        assert likeness(to_digit(encoded(table)), seven) > 0.98

    def test_a_digit_that_fills_the_picture_is_read(self, seven):
        tight = drawing().crop((58, 48, 222, 242))
        assert likeness(to_digit(encoded(tight)), seven) > 0.97

    def test_two_parts_are_both_kept(self):
        image = drawing(stroke=[(110, 120), (190, 150), (180, 220), (100, 230)])
        whole = image.copy()
        ImageDraw.Draw(whole).line([(115, 60), (200, 60)], fill=0, width=22)
        body, five = to_digit(encoded(image)), to_digit(encoded(whole))
        assert likeness(body, five) < 0.8
        columns = np.flatnonzero(five.any(axis=1))
        assert (five[columns[0] + 1] > 0.5).sum() >= 5  # the bar

    @pytest.mark.parametrize(
        "blank",
        [
            Image.new("L", (28, 28), 0),
            Image.new("L", (300, 200), 255),
            Image.new("RGB", (300, 200), "gold"),
            Image.new("RGBA", (300, 200), (0, 0, 0, 0)),
            Image.new("RGBA", (300, 200), (255, 0, 0, 255)),
            Image.new("I;16", (30, 20), 4000),
            Image.new("1", (1, 1)),
            Image.linear_gradient("L"),
            Image.fromarray(np.random.default_rng(0).normal(128, 8, (300, 300)).astype(np.uint8)),
        ],
        ids=["black", "white", "gold", "transparent", "red", "deep", "tiny", "shadow", "grain"],
    )
    def test_a_blank_picture_has_no_ink(self, blank):
        with pytest.raises(NoInk, match="Nothing is drawn"):
            to_digit(encoded(blank))

    def test_dust_alone_is_not_a_digit(self):
        image = Image.new("L", (400, 400), 255)
        image.putpixel((200, 200), 0)
        with pytest.raises(NoInk, match="specks"):
            to_digit(encoded(image))


def test_a_digit_on_a_tilted_sheet_on_a_table_is_found_and_other_pictures_stay_as_learned():
    table = Image.new("L", (700, 700), 80)
    sheet = drawing(size=(420, 460), pen=20, paper=230)
    turned = sheet.rotate(12, Image.Resampling.BICUBIC, expand=True, fillcolor=230)
    where = Image.new("L", sheet.size, 255).rotate(12, expand=True)
    table.paste(turned, (80, 80), where)
    photo = encoded(table)
    assert likeness(to_digit(photo), to_digit(encoded(turned))) > 0.9
    np.testing.assert_array_equal(to_picture(photo), prepare(decode(photo)))


def test_the_small_container_suffices():
    code = (
        "import sys, serving.images;"
        "print(*{'tensorflow', 'keras', 'scipy', 'sklearn', 'ann_models'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == ""
