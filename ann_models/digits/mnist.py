"""MNIST: found on this machine or downloaded, and verified to be the original, bit by bit."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ann_models import archives
from ann_models.digits import idx
from ann_models.digits.download import downloaded, keras_data_sets
from ann_models.errors import DataUnavailable, InvalidData
from ann_models.switches import is_on

DOWNLOAD_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"


class Original(NamedTuple):
    """What one of the four files of LeCun, Cortes and Burges holds."""

    idx_name: str
    shape: tuple[int, ...]
    sha256: str  # of the uncompressed IDX file: big-endian header, then the bytes in C order


ORIGINALS = {
    "x_train": Original(
        "train-images-idx3-ubyte",
        (60_000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "y_train": Original(
        "train-labels-idx1-ubyte",
        (60_000,),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "x_test": Original(
        "t10k-images-idx3-ubyte",
        (10_000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "y_test": Original(
        "t10k-labels-idx1-ubyte",
        (10_000,),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}


@dataclass(frozen=True)
class Found:
    """The original MNIST and where it came from.

    Attributes:
        arrays: uint8 `x_train` (60000, 28, 28), `y_train` (60000,), `x_test` (10000, 28, 28) and
            `y_test` (10000,); ink is 255.
        origin: the path or address, for people.
    """

    arrays: dict[str, np.ndarray]
    origin: str


def find() -> Found:
    """Return MNIST from `ANN_MNIST_PATH`, else from Keras's cache, else from Keras's download.

    `ANN_MNIST_PATH` names an .npz in Keras's layout or a folder of IDX files, gzipped or not. With
    `ANN_OFFLINE=1` nothing is downloaded.

    Raises:
        InvalidData: `ANN_MNIST_PATH` is set, but the original MNIST is not there.
        DataUnavailable: `ANN_MNIST_PATH` is not set and MNIST cannot be had from elsewhere.
        InvalidSetting: `ANN_OFFLINE` is neither 1 nor 0.
    """
    if chosen := os.environ.get("ANN_MNIST_PATH"):
        try:
            path = Path(chosen).expanduser()
            return Found(read(path), str(path))
        except (InvalidData, RuntimeError) as error:  # of no home folder, too
            raise InvalidData(f"ANN_MNIST_PATH does not lead to MNIST. {error}") from error

    cached = keras_data_sets() / "mnist.npz"
    tried = ["ANN_MNIST_PATH is not set", f"there is no {cached}"]
    if cached.exists():
        try:
            return Found(read(cached), str(cached))
        except InvalidData as error:
            tried[1] = f"Keras's cached copy is unusable ({error})"
    if is_on("ANN_OFFLINE"):
        tried.append("downloads are switched off by ANN_OFFLINE")
    else:
        try:
            return Found(_download(cached), DOWNLOAD_URL)
        except DataUnavailable as error:
            tried.append(str(error))
    raise DataUnavailable(
        f"MNIST cannot be had: {'; '.join(tried)}. Set ANN_MNIST_PATH to an mnist.npz or to a "
        "folder with the four IDX files, or connect this machine to the internet."
    )


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the four uint8 arrays of an .npz or of a folder of IDX files, verified by hash.

    Raises:
        InvalidData: something is missing, unreadable or not bit-identical to the original.
    """
    arrays = _read_idx_folder(path) if path.is_dir() else archives.read(path)
    for name, original in ORIGINALS.items():
        if fault := _fault(original, arrays.get(name)):
            raise InvalidData(f"In {path}, {name} {fault}. Replace it with MNIST's original.")
    return {name: arrays[name] for name in ORIGINALS}


def _fault(original: Original, array: np.ndarray | None) -> str | None:
    """Return in what the array differs from the original, cheapest check first."""
    if array is None:
        return "is missing"
    if array.dtype != np.uint8 or array.shape != original.shape:
        return f"is {array.dtype} {array.shape}; expected uint8 {original.shape}"
    if array.ndim == 1 and array.max() > 9:
        return f"holds the label {array.max()}; expected digits 0 to 9"
    digest = hashlib.sha256(idx.header(array.shape))
    digest.update(np.ascontiguousarray(array).data)
    if digest.hexdigest() != original.sha256:
        return f"has SHA-256 {digest.hexdigest()} as an IDX file; expected {original.sha256}"
    return None


def _read_idx_folder(folder: Path) -> dict[str, np.ndarray]:
    return {name: idx.read(folder, original.idx_name) for name, original in ORIGINALS.items()}


def _download(target: Path) -> dict[str, np.ndarray]:
    """Download, verify, and only then put the file in place."""
    with downloaded(DOWNLOAD_URL, target) as path:
        try:
            return read(path)
        except InvalidData as error:
            raise DataUnavailable(f"{DOWNLOAD_URL} sent something else. {error}") from error
