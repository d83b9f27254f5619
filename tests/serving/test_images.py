import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from digit_images.ink import prepare
from serving import images
from serving.errors import InvalidImage, NoInk, ServingError, TooLarge
from serving.images import check_together, decode, to_digit, to_picture
from serving.protocols.digits import decoded

SEVEN = [(70, 60), (210, 60), (120, 230)]


def drawing(size=(280, 280), pen=22, stroke=SEVEN, ink=0, paper=255, mode="L") -> Image.Image:
    """A seven, drawn with the mouse."""
    image = Image.new(mode, size, paper)
    canvas = ImageDraw.Draw(image)
    canvas.line(stroke, fill=ink, width=pen, joint="curve")
    for x, y in stroke:
        canvas.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=ink)
    return image.filter(ImageFilter.GaussianBlur(1)) if mode in ("L", "RGB") else image


def encoded(image: Image.Image | np.ndarray, form: str = "PNG", **options) -> bytes:
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    image.save(file := io.BytesIO(), form, **options)
    return file.getvalue()


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two digits; 1 for equal ones, about 0.3 for different ones."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


@pytest.fixture(scope="module")
def seven() -> np.ndarray:
    return to_digit(encoded(drawing()))


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


class TestFiles:
    @pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
    @pytest.mark.parametrize("light_ink", [True, False])
    def test_every_common_format_is_read(self, seven, form, light_ink):
        image = drawing(ink=255, paper=0) if light_ink else drawing()
        assert likeness(to_digit(encoded(image, form)), seven) > 0.99

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
    def test_every_kind_of_pixel_is_read(self, seven, mode):
        assert likeness(to_digit(encoded(drawing().convert(mode))), seven) > 0.9

    def test_cmyk_is_read(self, seven):
        assert likeness(to_digit(encoded(drawing().convert("CMYK"), "JPEG")), seven) > 0.98

    @pytest.mark.parametrize(("dtype", "white"), [(np.uint16, 65535), (np.uint16, 4095)])
    def test_16_bits_are_read(self, seven, dtype, white):
        deep = (np.asarray(drawing(), float) / 255 * white).astype(dtype)
        assert likeness(to_digit(encoded(deep)), seven) > 0.99

    def test_floats_are_read_holes_and_all(self, seven):
        deep = np.asarray(drawing(), np.float32) / 255
        deep[:3, :3] = np.nan
        assert likeness(to_digit(encoded(deep, "TIFF")), seven) > 0.98

    @pytest.mark.parametrize("ink", ["black", "white", "red", "gold"])
    def test_strokes_on_nothing_are_read_whatever_their_colour(self, seven, ink):
        image = Image.new("RGBA", (280, 280), ink)
        image.putalpha(drawing(ink=255, paper=0))
        assert likeness(to_digit(encoded(image)), seven) > 0.99

    @pytest.mark.parametrize("paper", [0, 255])
    def test_transparent_corners_continue_the_paper(self, seven, paper):
        image = drawing(ink=255 - paper, paper=paper).convert("RGBA")
        mask = Image.new("L", image.size, 0)
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, 279, 279), 50, fill=255)
        image.putalpha(mask)
        assert likeness(to_digit(encoded(image)), seven) > 0.98

    def test_a_photo_is_turned_as_its_exif_data_says(self, seven):
        exif = Image.Exif()
        exif[0x0112] = 6  # turn clockwise to see it upright
        lying = drawing().transpose(Image.Transpose.ROTATE_90)
        assert likeness(to_digit(encoded(lying, "JPEG", exif=exif)), seven) > 0.98
        assert likeness(to_digit(encoded(lying, "JPEG")), seven) < 0.7

    def test_the_first_frame_of_an_animation_is_read(self, seven):
        blank = Image.new("L", (280, 280), 255)
        film = encoded(drawing(), "GIF", save_all=True, append_images=[blank])
        assert likeness(to_digit(film), seven) > 0.99


class TestPlainPng:
    """Tiny grey files that hold nothing else take a shorter way, to the same pixels."""

    @settings(deadline=None)
    @given(st.integers(1, 64), st.integers(1, 64), st.integers(0, 2**32))
    def test_they_are_read_as_all_others_are(self, height, width, seed):
        smooth = np.random.default_rng(seed).normal(0, 5, (height, width)).cumsum(1) + 99
        content = encoded(smooth.clip(0, 255).astype(np.uint8))
        np.testing.assert_array_equal(images._plain(content), images.decode(content))

    def test_whatever_else_a_file_holds_goes_the_other_way(self):
        small = drawing().resize((28, 28))
        exif = Image.Exif()
        exif[0x0112] = 6
        files = [
            encoded(small, exif=exif),
            encoded(small, transparency=255),
            encoded(small.convert("1")),
            encoded(small.convert("RGB")),
            encoded(small)[:-1],
            encoded(small) + b"more",
        ]
        assert images._plain(encoded(small)) is not None
        assert [images._plain(content) for content in files] == [None] * len(files)

    def test_a_damaged_one_is_refused_with_pillows_reason(self):
        content = bytearray(encoded(drawing().resize((28, 28))))
        content[60] ^= 255
        with pytest.raises(InvalidImage, match="cannot be read"):
            to_digit(bytes(content))


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


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and delivers nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )


class TestRefusals:
    @pytest.mark.parametrize(
        "content",
        [b"7", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n"],
    )
    def test_other_files_are_refused_with_the_formats_that_are_read(self, content):
        with pytest.raises(
            InvalidImage, match=r"\(unknown format\)\. .* PNG, JPEG, .* or TIFF file"
        ):
            to_digit(content)

    @pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "TIFF"])
    def test_files_cut_short_are_refused(self, form):
        content = encoded(drawing(), form)
        with pytest.raises(InvalidImage, match="cannot be read"):
            to_digit(content[: len(content) // 2])

    def test_nothing_is_refused(self):
        with pytest.raises(InvalidImage, match="has 0 bytes; expected 1 to 10,000,000"):
            to_digit(b"")

    def test_too_many_bytes_are_refused_unread(self):
        with pytest.raises(InvalidImage, match="has 10,000,001 bytes"):
            to_digit(bytes(10_000_001))

    @pytest.mark.parametrize(("width", "height"), [(5001, 5000), (20_000, 20_000), (1, 2**31 - 1)])
    def test_a_small_file_that_unpacks_to_an_immense_picture_is_refused(self, width, height):
        with pytest.raises(InvalidImage, match=r"25,000,000.*\. Send a smaller one"):
            to_digit(png_header(width, height))

    def test_pillow_does_not_warn_of_it_on_standard_error(self):
        code = f"from serving.images import *\ncontent = {png_header(10_000, 10_000)!r}\n"
        ask = "try: check_together([content] * 2)\nexcept TooLarge as e: print(e)\ndecode(content)"
        done = subprocess.run([sys.executable, "-c", code + ask], capture_output=True, text=True)
        assert "200,000,000 pixels" in done.stdout
        assert "10000 × 10000 pixels" in done.stderr
        assert "Warning" not in done.stderr

    def test_a_picture_of_the_largest_size_is_read(self, seven):
        immense = drawing().resize((5000, 5000))
        assert likeness(to_digit(encoded(immense, compress_level=1)), seven) > 0.98

    def test_every_refusal_is_the_senders_to_act_on(self):
        assert issubclass(NoInk, InvalidImage)
        assert issubclass(InvalidImage, ServingError)

    @settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
    @given(st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"]), st.data())
    def test_damaged_files_give_a_digit_or_a_refusal(self, form, data):
        content = bytearray(
            encoded(drawing(size=(60, 60), pen=6, stroke=[(15, 9), (40, 50)]), form)
        )
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(content) - 1))
            content[place] = data.draw(st.integers(0, 255))
        try:
            assert_is_a_digit(to_digit(bytes(content)))
        except InvalidImage as refusal:
            assert len(str(refusal)) > 20

    @settings(deadline=None, max_examples=150)
    @given(st.integers(1, 40), st.integers(1, 40), st.data())
    def test_any_picture_gives_a_digit_or_a_refusal(self, width, height, data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
        levels = data.draw(st.sampled_from([(0, 255), (0, 40, 255), range(256)]))
        shares = rng.dirichlet(np.full(len(levels), 0.3))
        blocks = rng.choice(levels, (height, width), p=shares).astype(np.uint8)
        scale = data.draw(st.sampled_from([1, 3, 12]))
        try:
            assert_is_a_digit(to_digit(encoded(blocks.repeat(scale, 0).repeat(scale, 1))))
        except NoInk:
            pass


def assert_is_a_digit(digit: np.ndarray) -> None:
    assert (digit.shape, digit.dtype) == ((28, 28), np.float32)
    assert np.isfinite(digit).all()
    assert digit.min() >= 0
    assert 0.1 < digit.max() <= 1


def test_the_small_container_suffices():
    code = (
        "import sys, serving.images;"
        "print(*{'tensorflow', 'keras', 'scipy', 'sklearn', 'ann_models'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == ""


def test_a_large_file_of_few_pixels_is_not_read_in_a_moment():
    few = encoded(Image.new("L", (28, 28)))
    assert images.is_tiny(few)
    assert not images.is_tiny(few + bytes(20_000))


PEAK = """
import resource, sys, threading
from serving.images import decode
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
content = sys.stdin.buffer.read()
before = peak()
readers = [threading.Thread(target=decode, args=[content]) for _ in range(2)]
for reader in readers: reader.start()
for reader in readers: reader.join()
print(peak() - before)
"""


@pytest.mark.parametrize("mode", ["F", "I;16", "RGBA"])
def test_two_of_the_largest_pictures_at_once_take_400_mb(mode):
    large = Image.new(mode, (5000, 5000))
    content = encoded(large, "TIFF", compression="tiff_adobe_deflate")
    grown = subprocess.run([sys.executable, "-c", PEAK], input=content, capture_output=True)
    assert grown.returncode == 0, grown.stderr
    assert float(grown.stdout) < 400


def test_of_the_pixels_of_a_batch_so_many_are_unpacked():
    large = encoded(Image.new("L", (5000, 5000)), "WEBP")
    check_together([large] * 4)
    with pytest.raises(TooLarge, match="125,000,000 pixels"):
        check_together([large] * 5)
    with pytest.raises(TooLarge):
        decoded([large] * 32)
    photograph = encoded(Image.new("RGB", (4000, 3000)), "JPEG")  # of half the width and height
    check_together([photograph] * 32)
    check_together([b"damaged"] * 3)  # which `decode` says
