"""A picture of a training folder is read as the service reads it, whatever kind of file it is."""

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ann_models.digits.image_sets import ImageSet, in_form, load
from ann_models.errors import InvalidData
from digit_images.ink import prepare
from serving.errors import InvalidImage, NoInk
from serving.images import to_picture
from tests.support.drawings import drawing, encoded, likeness

SIDES = [28, 280]
MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I", "I;16", "F"]
DEEP = {"I": np.int32, "I;16": np.uint16, "F": np.float32}  # modes of more than 8 bits


@pytest.fixture
def read(tmp_path):
    """The pixels of a file's content, in training."""

    def of(content: bytes) -> np.ndarray:
        (tmp_path / "a.png").write_bytes(content)
        return in_form(tmp_path / "a.png")

    return of


def served(content: bytes) -> np.ndarray:
    return np.rint(to_picture(content) * 255).astype(np.uint8)


def exif(orientation: int) -> Image.Exif:
    data = Image.Exif()
    data[0x0112] = orientation
    return data


def on_nothing(ink: str, mode: str = "RGBA", side: int = 280) -> Image.Image:
    """Strokes without paper."""
    image = Image.new("RGBA", (side, side), ink)
    image.putalpha(drawing(ink=255, paper=0).resize((side, side)))
    return image.quantize(16) if mode == "P" else image.convert(mode)


def deep(white: float, mode: str = "I;16", side: int = 280) -> Image.Image:
    grey = np.asarray(drawing().resize((side, side)), float) / 255
    return Image.fromarray((grey * white).astype(DEEP[mode]))


def film(form: str) -> bytes:
    blank = Image.new("L", (280, 280), 255)
    return encoded(drawing(), form, save_all=True, append_images=[blank])


@pytest.mark.parametrize("size", [(28, 28), (200, 280)])
@pytest.mark.parametrize("form", ["JPEG", "MPO", "PNG", "WEBP", "TIFF"])
def test_a_picture_is_turned_as_its_exif_data_says(read, size, form):
    for orientation in range(1, 9):
        content = encoded(drawing().resize(size), form, exif=exif(orientation))
        np.testing.assert_array_equal(read(content), served(content), str(orientation))


def test_a_photo_of_a_phone_that_was_held_upright_is_upright(read):
    lying = drawing().transpose(Image.Transpose.ROTATE_90)
    upright = read(encoded(drawing()))
    assert likeness(read(encoded(lying, "JPEG", exif=exif(6))), upright) > 0.98
    assert likeness(read(encoded(lying, "JPEG")), upright) < 0.7


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
@pytest.mark.parametrize("ink", ["white", "black", "red", "gold"])
def test_strokes_on_nothing_are_read_whatever_their_colour(read, ink, mode):
    content = encoded(on_nothing(ink, mode))
    assert likeness(read(content), read(encoded(drawing()))) > 0.98
    np.testing.assert_array_equal(read(content), served(content))


@pytest.mark.parametrize(("ink", "canvas"), [("white", 0), ("black", 255)])
def test_strokes_on_nothing_of_28_by_28_pixels_lie_on_what_they_stand_out_from(read, ink, canvas):
    content = encoded(on_nothing(ink, side=28))
    alpha = np.asarray(on_nothing(ink, side=28))[..., 3]
    np.testing.assert_array_equal(read(content), alpha if canvas == 0 else 255 - alpha)
    np.testing.assert_array_equal(read(content), served(content))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("mode", "white"), [("I;16", 4095), ("I;16", 65535), ("I", 65535), ("F", 1), ("F", 2**32 - 1)]
)
def test_more_than_8_bits_are_scaled_and_not_clipped(read, mode, white, side):
    content = encoded(deep(white, mode, side), "TIFF")
    np.testing.assert_allclose(read(content), read(encoded(deep(255, side=side))), atol=2)
    np.testing.assert_array_equal(read(content), served(content))


@pytest.mark.parametrize(
    "content",
    [
        encoded(deep(65535), transparency=65535),
        encoded(drawing(), transparency=255),
        encoded(drawing().convert("CMYK"), "JPEG"),
        encoded(drawing().convert("CMYK"), "TIFF"),
        encoded(on_nothing("white", "PA"), "TIFF"),
        *(film(form) for form in ("GIF", "TIFF", "WEBP", "PNG", "MPO")),
        encoded(drawing().resize((3000, 2900)), "JPEG"),
    ],
    ids=[
        *("deep-tRNS", "grey-tRNS", "CMYK", "CMYK-TIFF", "PA"),
        *("GIF", "TIFF", "WEBP", "APNG", "MPO", "large-JPEG"),
    ],
)
def test_colours_for_printing_palettes_and_several_frames_are_read(read, content):
    assert likeness(read(content), read(encoded(drawing()))) > 0.95
    np.testing.assert_array_equal(read(content), served(content))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(MODES),
    st.sampled_from([(28, 28), (1, 9), (60, 80), (500, 30)]),
    st.sampled_from([None, *range(1, 9)]),
    st.sampled_from([2, 256, 65536]),
    st.integers(0, 2**32),
)
def test_training_and_service_read_the_same_pixels_from_any_file(
    tmp_path, mode, size, turned, levels, seed
):
    rng = np.random.default_rng(seed)
    if mode in DEEP:
        image = Image.fromarray(rng.integers(0, levels, size).astype(DEEP[mode]))
    else:
        noise = Image.fromarray(rng.integers(0, min(levels, 256), (*size, 4), np.uint8))
        image = noise.convert("RGB").convert(mode) if mode in ("CMYK", "P") else noise.convert(mode)
    content = encoded(image, "TIFF", **({"exif": exif(turned)} if turned else {}))
    (tmp_path / "a.tif").write_bytes(content)
    try:
        expected = served(content)
    except NoInk as refusal:
        with pytest.raises(ValueError, match=re.escape(str(refusal))):
            in_form(tmp_path / "a.tif")
        return
    if expected.min() == expected.max():  # of other pictures than digits, the service answers it
        with pytest.raises(ValueError, match="nothing is drawn on it"):
            in_form(tmp_path / "a.tif")
    else:
        np.testing.assert_array_equal(in_form(tmp_path / "a.tif"), expected)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(28, 28), (60, 80), (900, 500)])
def test_pictures_of_opaque_8_bits_keep_the_pixels_that_trained_models_have_learned(
    read, mode, size
):
    """So that their sets keep their digest: grey by Pillow, reduced, prepared."""
    noise = np.random.default_rng(0).integers(0, 40, (*size[::-1], 3), np.uint8)
    seven = np.asarray(drawing(mode="RGB", ink="black", paper="white").resize(size))
    image = Image.fromarray(np.maximum(seven, noise)).convert(mode)
    grey = image.convert("L")
    grey.thumbnail((400, 400), Image.Resampling.BOX)
    expected = np.asarray(grey)
    if size != (28, 28):
        expected = np.rint(prepare(np.float32(grey) / np.float32(255)) * 255)
    np.testing.assert_array_equal(read(encoded(image)), expected)


@pytest.mark.parametrize("ink", [(9, 9, 9, 0), (200, 100, 50, 77), (255, 255, 255, 255)])
def test_an_empty_picture_without_paper_is_refused(read, ink):
    for side in SIDES:
        with pytest.raises(ValueError, match="othing is drawn"):
            read(encoded(Image.new("RGBA", (side, side), ink)))


class TestDamagedExifData:
    @pytest.fixture
    def add(self, tmp_path):
        """Add a photo to a set; its EXIF data says a maker and an orientation, with one change."""
        for number in range(12):
            (tmp_path / "AB"[number % 2]).mkdir(exist_ok=True)
            noise = np.random.default_rng(number).integers(0, 256, (28, 28), np.uint8)
            Image.fromarray(noise).save(tmp_path / "AB"[number % 2] / f"{number}.png")

        def of(before: bytes, after: bytes) -> bytes:
            said = exif(6)
            said[0x010F] = "Maker"
            content = encoded(drawing(), "JPEG", exif=said)
            assert content.count(before) == 1
            (tmp_path / "A/photo.jpg").write_bytes(content.replace(before, after))
            return content.replace(before, after)

        return of

    def test_a_photo_that_the_service_refuses_for_it_is_named(self, tmp_path, add):
        content = add(b"\x01\x0f\0\2", b"\x01\x00\0\2")  # a text as width
        with pytest.raises(InvalidImage, match="not an integer"):
            to_picture(content)
        with pytest.raises(InvalidData, match=r"1 of 13 .* A/photo\.jpg: .*not an integer\. Repl"):
            load(ImageSet("mine", str(tmp_path)))

    @pytest.mark.filterwarnings("error")
    def test_a_photo_that_can_be_read_nevertheless_is_read_without_pillows_warning(
        self, tmp_path, add
    ):
        add(b"MM\0*\0\0\0\x08\0\2", b"MM\0*\0\0\0\x08\0\xff")  # more entries than there are
        assert len(load(ImageSet("mine", str(tmp_path))).train[0]) == 13
