"""MNIST's own file format, whole or refused."""

import gzip

import numpy as np
import pytest

from ann_models.digits import idx
from ann_models.errors import InvalidData

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
WHOLE = idx.header(IMAGES.shape) + IMAGES.tobytes()
TRAINING = idx.NAMES["x_train"]


def put(path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_the_head_is_that_of_unsigned_bytes_with_big_endian_sizes():
    assert idx.header((2, 256)) == bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 1, 0])


@pytest.mark.parametrize(
    "place",
    [
        TRAINING,
        f"{TRAINING}.gz",
        "train-images.idx3-ubyte",
        f"raw/{TRAINING}",
        f"MNIST/raw/{TRAINING}.gz",
        f"FashionMNIST/raw/{TRAINING}",
        "train-images.idx3-ubyte/train-images.idx3-ubyte",
    ],
)
def test_a_file_is_found_where_usual_archives_put_it(tmp_path, place):
    assert not idx.is_folder(tmp_path)
    put(tmp_path / place, gzip.compress(WHOLE) if place.endswith(".gz") else WHOLE)
    assert idx.is_folder(tmp_path)
    np.testing.assert_array_equal(idx.read(tmp_path, TRAINING), IMAGES)


def test_a_folder_without_test_digits_is_read_and_one_without_training_labels_is_not(tmp_path):
    put(tmp_path / TRAINING, WHOLE)
    with pytest.raises(InvalidData, match=r"has neither train-labels-idx1-ubyte nor"):
        idx.read_folder(tmp_path)
    put(tmp_path / idx.NAMES["y_train"], idx.header((2,)) + bytes([7, 1]))
    assert idx.read_folder(tmp_path).keys() == {"x_train", "y_train"}
    put(tmp_path / idx.NAMES["y_test"], idx.header((1,)) + bytes([3]))
    found = idx.read_folder(tmp_path)
    assert found.keys() == {"x_train", "y_train", "y_test"}
    assert (found["y_train"].tolist(), found["y_test"].tolist()) == ([7, 1], [3])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        WHOLE[:3],
        WHOLE[:10],
        WHOLE[:-1],
        WHOLE + b"0",
        b"\1" + WHOLE[1:],
        WHOLE[:2] + b"\x0d" + WHOLE[3:],
    ],
    ids=["empty", "3 bytes", "half a head", "short", "long", "no zero", "floats"],
)
def test_a_damaged_file_is_refused_with_its_first_bytes(tmp_path, content):
    put(tmp_path / TRAINING, content)
    with pytest.raises(InvalidData, match=f"{len(content)} bytes that begin with"):
        idx.read(tmp_path, TRAINING)


@pytest.mark.parametrize(
    "content",
    [b"no gzip", gzip.compress(WHOLE)[:-4], b"\x1f\x8b\x08" + b"x" * 30],
    ids=["no gzip", "truncated", "damaged"],  # compressed bytes hold the time of compression
)
def test_a_damaged_gzip_is_refused(tmp_path, content):
    put(tmp_path / f"{TRAINING}.gz", content)
    with pytest.raises(InvalidData, match=r"cannot be read: .* Replace it with a whole copy"):
        idx.read(tmp_path, TRAINING)
