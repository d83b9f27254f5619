import gzip
import hashlib
import io
import pwd
import socket
import struct
from pathlib import Path

import numpy as np
import pytest

from ann_models.digits import download, image_sets, mnist
from ann_models.errors import DataUnavailable, InvalidData, InvalidSetting
from tests.support.file_server import file_server
from tests.support.tiny_mnist import TINY


def idx(array: np.ndarray) -> bytes:
    magic = {1: 0x801, 3: 0x803}[array.ndim]
    return struct.pack(f">{array.ndim + 1}i", magic, *array.shape) + array.tobytes()


def npz(**arrays: np.ndarray) -> bytes:
    np.savez_compressed(file := io.BytesIO(), **arrays)
    return file.getvalue()


ORIGINALS = mnist.ORIGINALS  # before `home` replaces it


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path) -> Path:
    """A machine without MNIST, for which a ten-digit MNIST is the original."""
    monkeypatch.delenv("ANN_MNIST_PATH", raising=False)
    monkeypatch.setenv("ANN_OFFLINE", "1")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    tiny = {
        name: mnist.Original(
            original.idx_name, TINY[name].shape, hashlib.sha256(idx(TINY[name])).hexdigest()
        )
        for name, original in mnist.ORIGINALS.items()
    }
    monkeypatch.setattr(mnist, "ORIGINALS", tiny)
    return tmp_path


def write_folder(folder: Path, suffix: str = "", **changed: bytes) -> Path:
    folder.mkdir()
    for name, original in mnist.ORIGINALS.items():
        content = idx(TINY[name])
        content = changed.get(name, gzip.compress(content) if suffix else content)
        (folder / (original.idx_name + suffix)).write_bytes(content)
    return folder


def fill_cache(home: Path, content: bytes) -> Path:
    path = home / "keras/datasets/mnist.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def assert_is_tiny(found: mnist.Found) -> None:
    assert set(found.arrays) == set(TINY)
    for name, array in TINY.items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == np.uint8


def test_the_original_has_60_000_digits_for_training_and_10_000_for_the_test():
    assert {name: original.shape for name, original in ORIGINALS.items()} == {
        "x_train": (60_000, 28, 28),
        "y_train": (60_000,),
        "x_test": (10_000, 28, 28),
        "y_test": (10_000,),
    }


class TestPath:
    def test_an_npz_in_kerass_layout_is_found(self, home, monkeypatch):
        (home / "mine.npz").write_bytes(npz(**TINY))
        monkeypatch.setenv("ANN_MNIST_PATH", str(home / "mine.npz"))
        assert_is_tiny(found := mnist.find())
        assert found.origin == str(home / "mine.npz")

    @pytest.mark.parametrize("suffix", ["", ".gz"])
    def test_a_folder_of_idx_files_is_found_zipped_or_not(self, home, monkeypatch, suffix):
        monkeypatch.setenv("ANN_MNIST_PATH", str(write_folder(home / "idx", suffix)))
        assert_is_tiny(mnist.find())

    def test_the_archives_own_form_does_not_matter(self, home, monkeypatch):
        arrays = {name: np.asfortranarray(array) for name, array in TINY.items()}
        np.savez(home / "mine.npz", **arrays, note=np.array("rebuilt"))
        monkeypatch.setenv("ANN_MNIST_PATH", str(home / "mine.npz"))
        assert_is_tiny(mnist.find())

    def test_it_comes_before_the_cache(self, home, monkeypatch):
        fill_cache(home, npz(**TINY))
        (home / "mine.npz").write_bytes(npz(**TINY))
        monkeypatch.setenv("ANN_MNIST_PATH", str(home / "mine.npz"))
        assert mnist.find().origin == str(home / "mine.npz")

    def test_a_tilde_is_the_home_folder(self, home, monkeypatch):
        (home / "mine.npz").write_bytes(npz(**TINY))
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("ANN_MNIST_PATH", "~/mine.npz")
        assert_is_tiny(mnist.find())

    def test_the_home_of_nobody_is_refused(self, monkeypatch):
        monkeypatch.setenv("ANN_MNIST_PATH", "~nosuchuser/mine.npz")
        with pytest.raises(InvalidData, match="ANN_MNIST_PATH does not lead to MNIST"):
            mnist.find()

    def test_an_empty_value_counts_as_not_set(self, monkeypatch):
        monkeypatch.setenv("ANN_MNIST_PATH", "")
        with pytest.raises(DataUnavailable, match="ANN_MNIST_PATH is not set"):
            mnist.find()


one_pixel_off = TINY["x_test"].copy()
one_pixel_off[2, 3, 4] ^= 1
BAD_NPZ = {
    "one pixel": (npz(**TINY | {"x_test": one_pixel_off}), "x_test has SHA-256 .*; expected"),
    "shape": (npz(**TINY | {"x_train": TINY["x_train"][:5]}), r"\(5, 28, 28\); .*\(6, 28, 28\)"),
    "flat": (npz(**TINY | {"x_train": TINY["x_train"].reshape(6, -1)}), r"\(6, 784\)"),
    "type": (npz(**TINY | {"x_train": TINY["x_train"] / 255}), "float64 .* expected uint8"),
    "label": (npz(**TINY | {"y_test": TINY["y_test"] + np.uint8(7)}), "label 10; .* 0 to 9"),
    "missing array": (npz(x_train=TINY["x_train"], y_train=TINY["y_train"]), "x_test is missing"),
    "pickled": (npz(**TINY | {"y_test": np.array([[1], [2, 3]], dtype=object)}), "Object arrays"),
    "truncated": (npz(**TINY)[:3000], r"3000 bytes.*whole copy"),
    "empty": (b"", "0 bytes"),
    "web page": (b"<html>Please sign in</html>", "whole copy"),
}
IMAGES = idx(TINY["x_train"])
BAD_IDX = {
    "truncated": ("", IMAGES[:-1], "whole IDX file"),
    "too long": ("", IMAGES + b"\0", "whole IDX file"),
    "empty": ("", b"", "0 bytes that begin with nothing"),
    "magic": ("", b"\0\0\x0b\x03" + IMAGES[4:], "begin with 00000b03"),
    "immense": ("", IMAGES[:4] + b"\xff" * 12 + IMAGES[16:], "whole IDX file"),
    "zipped without .gz": ("", gzip.compress(IMAGES), "begin with 1f8b"),
    "truncated zip": (".gz", gzip.compress(IMAGES)[:-50], "cannot be read"),
    "not zipped": (".gz", IMAGES, "cannot be read: Not a gzipped file"),
    "one pixel": ("", IMAGES[:-1] + bytes([IMAGES[-1] ^ 1]), "x_train has SHA-256"),
}


class TestBadPath:
    """A path that was chosen and is wrong is an error, however good the cache."""

    @pytest.fixture(autouse=True)
    def good_cache(self, home):
        fill_cache(home, npz(**TINY))

    @pytest.mark.parametrize(("content", "message"), BAD_NPZ.values(), ids=BAD_NPZ)
    def test_a_bad_npz_is_refused(self, home, monkeypatch, content, message):
        (home / "bad.npz").write_bytes(content)
        self.assert_refused(monkeypatch, home / "bad.npz", message)

    @pytest.mark.parametrize(("suffix", "content", "message"), BAD_IDX.values(), ids=BAD_IDX)
    def test_a_bad_idx_file_is_refused(self, home, monkeypatch, suffix, content, message):
        folder = write_folder(home / "idx", suffix, x_train=content)
        self.assert_refused(monkeypatch, folder, message)

    def test_a_missing_idx_file_is_named(self, home, monkeypatch):
        folder = write_folder(home / "idx")
        (folder / "t10k-labels-idx1-ubyte").unlink()
        self.assert_refused(monkeypatch, folder, "neither t10k-labels-idx1-ubyte nor .*gz")

    def test_a_missing_file_is_refused(self, home, monkeypatch):
        self.assert_refused(monkeypatch, home / "nowhere.npz", "is not a file")

    def assert_refused(self, monkeypatch, path, message):
        monkeypatch.setenv("ANN_MNIST_PATH", str(path))
        with pytest.raises(InvalidData, match=message) as refusal:
            mnist.find()
        assert "ANN_MNIST_PATH" in str(refusal.value)
        assert str(path) in str(refusal.value)


class TestCacheAndNothing:
    def test_kerass_cache_is_used(self, home):
        path = fill_cache(home, npz(**TINY))
        assert_is_tiny(found := mnist.find())
        assert found.origin == str(path)

    def test_the_cache_lies_in_the_home_folder_by_default(self, home, monkeypatch):
        monkeypatch.delenv("KERAS_HOME")
        monkeypatch.setenv("HOME", str(home))
        (home / ".keras/datasets").mkdir(parents=True)
        (home / ".keras/datasets/mnist.npz").write_bytes(npz(**TINY))
        assert_is_tiny(mnist.find())

    def test_without_anything_the_message_says_what_was_tried_and_what_to_do(self, home):
        with pytest.raises(DataUnavailable) as error:
            mnist.find()
        for part in (
            "ANN_MNIST_PATH is not set",
            f"there is no {home}/keras/datasets/mnist.npz",
            "switched off by ANN_OFFLINE",
            "Set ANN_MNIST_PATH to",
        ):
            assert part in str(error.value)

    def test_a_bad_cache_is_named_when_nothing_better_can_be_had(self, home):
        fill_cache(home, npz(**TINY)[:1000])
        with pytest.raises(DataUnavailable, match=r"cached copy is unusable .*1000 bytes"):
            mnist.find()


@pytest.fixture
def server(monkeypatch):
    with file_server(npz(**TINY)) as server:
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("ANN_OFFLINE", "0")
        monkeypatch.setattr(mnist, "DOWNLOAD_URL", f"{server.url}/data/mnist.npz")
        yield server


@pytest.mark.parametrize("keras_home", ["", "~nosuchuser/keras"])
def test_without_a_home_folder_the_cache_is_where_keras_then_has_it(
    tmp_path, monkeypatch, keras_home
):
    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.delenv("HOME")
    monkeypatch.setenv("KERAS_HOME", keras_home)
    monkeypatch.setattr(download, "KERAS_WITHOUT_HOME", str(tmp_path / "keras"))
    fill_cache(tmp_path, npz(**TINY))
    assert_is_tiny(mnist.find())
    with pytest.raises(DataUnavailable, match=f"is not in {tmp_path / 'keras/datasets'}"):
        image_sets.load(image_sets.parse("fashion-mnist"))


class TestDownload:
    """Keras's own download, from a real server."""

    def test_comes_last_and_fills_the_cache_for_the_next_time(self, server, home):
        assert_is_tiny(found := mnist.find())
        assert found.origin == mnist.DOWNLOAD_URL
        assert self.cache(home) == ["mnist.npz"]
        assert mnist.find().origin == str(home / "keras/datasets/mnist.npz")
        assert server.requests == 1

    def test_shows_its_progress_beside_the_results(self, server, capsys):
        mnist.find()
        shown = capsys.readouterr()
        assert mnist.DOWNLOAD_URL in shown.err
        assert shown.out == ""

    def test_replaces_a_bad_cache(self, server, home):
        fill_cache(home, npz(**TINY)[:1000])
        assert_is_tiny(mnist.find())
        assert_is_tiny(mnist.Found(mnist.read(home / "keras/datasets/mnist.npz"), ""))

    def test_goes_on_without_a_cache_where_none_can_be_written(self, server, home, monkeypatch):
        (home / "file").write_text("")
        monkeypatch.setenv("KERAS_HOME", str(home / "file"))
        assert_is_tiny(mnist.find())

    def test_is_not_tried_when_switched_off(self, server, monkeypatch):
        monkeypatch.setenv("ANN_OFFLINE", "1")
        with pytest.raises(DataUnavailable):
            mnist.find()
        assert server.requests == 0

    def test_is_not_tried_where_the_switch_cannot_be_meant(self, server, monkeypatch):
        monkeypatch.setenv("ANN_OFFLINE", "false")
        for find in (mnist.find, lambda: image_sets.load(image_sets.parse("fashion-mnist"))):
            with pytest.raises(InvalidSetting, match="ANN_OFFLINE is 'false'; set it to 1"):
                find()
        assert server.requests == 0

    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            ({"status": 404}, "download failed .*404"),
            ({"body": b"<html>Please sign in</html>"}, "sent something else"),
            ({"body": npz(**TINY | {"x_test": one_pixel_off})}, "something else.*SHA-256"),
            ({"promised": 10**6}, "download failed"),
        ],
        ids=["refused", "web page", "other digits", "broken off"],
    )
    def test_a_bad_answer_leaves_no_file(self, server, home, answer, message):
        vars(server).update(answer)
        with pytest.raises(DataUnavailable, match=message):
            mnist.find()
        assert self.cache(home) == []

    def test_a_server_that_never_answers_is_given_up(self, server, home, monkeypatch):
        server.silent = True
        monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.3)
        with pytest.raises(DataUnavailable, match="timed out"):
            mnist.find()
        assert self.cache(home) == []
        assert socket.getdefaulttimeout() is None

    def test_a_closed_port_is_given_up_at_once(self, server, home):
        server.shutdown()
        server.server_close()
        with pytest.raises(DataUnavailable, match=r"download failed .*refused"):
            mnist.find()
        assert self.cache(home) == []

    def cache(self, home: Path) -> list[str]:
        return [file.name for file in (home / "keras/datasets").iterdir()]
