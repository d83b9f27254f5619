"""Which files are read as pictures, and that tiny plain ones give the same pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from serving import images
from serving.errors import InvalidImage
from serving.images import to_digit
from tests.support.drawings import drawing, encoded, likeness


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

    @pytest.mark.parametrize("white", [1, 255, 4095, 65535, 2**32 - 1, 2**33])
    def test_white_is_the_least_usual_one_that_no_pixel_exceeds(self, white):
        deep = np.array([[-1, white], [0, white / 2]], np.float32)
        seen = images.decode(encoded(deep, "TIFF"))
        np.testing.assert_array_equal(seen, np.float32([[0, 1], [0, 0.5]]))

    @pytest.mark.parametrize(("brightest", "seen"), [(256, 256 / 4095), (4096, 4096 / 65535)])
    def test_above_one_usual_white_the_next_one_is_white(self, brightest, seen):
        deep = np.array([[0, brightest]], np.uint16)
        assert images.decode(encoded(deep)).max() == pytest.approx(seen)

    @pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf, -1])
    def test_floats_are_read_holes_and_all(self, seven, hole):
        deep = np.asarray(drawing(), np.float32) / 255
        deep[:3, :3] = hole
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


def test_a_large_file_of_few_pixels_is_not_read_in_a_moment():
    few = encoded(Image.new("L", (28, 28)))
    assert images.is_tiny(few)
    assert not images.is_tiny(few + bytes(20_000))
