"""Files that are no picture, damaged or too large are refused within bounds of memory."""

import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from serving.errors import InvalidImage, NoInk, ServingError, TooLarge
from serving.images import check_together, to_digit
from serving.protocols.digits import decoded
from tests.support.drawings import drawing, encoded, likeness


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


PEAK = """
import re, sys, threading
from pathlib import Path
from serving.images import decode
def peak():  # not ru_maxrss, which survives exec: a small process has the peak of its large parent
    return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
content = sys.stdin.buffer.read()
before = peak()
readers = [threading.Thread(target=decode, args=[content]) for _ in range(2)]
for reader in readers: reader.start()
for reader in readers: reader.join()
print(peak() - before)
"""


@pytest.mark.parametrize("mode", ["F", "I;16", "RGBA"])
def test_two_of_the_largest_pictures_at_once_take_less_than_400_mb(mode):
    large = Image.new(mode, (5000, 5000))
    content = encoded(large, "TIFF", compression="tiff_adobe_deflate")
    grown = subprocess.run([sys.executable, "-c", PEAK], input=content, capture_output=True)
    assert grown.returncode == 0, grown.stderr
    assert float(grown.stdout) < 400  # MB; one takes up to 331


def test_of_the_pixels_of_a_batch_so_many_are_unpacked():
    large = encoded(Image.new("L", (5000, 5000)), "WEBP")
    check_together([large] * 4)
    with pytest.raises(TooLarge, match="125,000,000 pixels"):
        check_together([large] * 5)
    with pytest.raises(TooLarge):
        decoded([large] * 32)
    photograph = encoded(Image.new("RGB", (4000, 3000)), "JPEG")  # of half the width and height
    check_together([photograph] * 32)
    with pytest.raises(TooLarge, match="102,000,000 pixels"):
        check_together([photograph] * 34)
    check_together([b"damaged"] * 3)  # which `decode` says
