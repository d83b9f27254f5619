"""MNIST's own file format: IDX files of unsigned bytes, gzipped or not."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from ann_models.errors import InvalidData

NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
FOLDERS = ("", "raw", "MNIST/raw", "FashionMNIST/raw")  # the files themselves; torchvision's


def header(shape: tuple[int, ...]) -> bytes:
    """Return the head of an IDX file of unsigned bytes: 0, 0, type 8, rank, big-endian sizes."""
    return struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape)


def is_folder(folder: Path) -> bool:
    """Whether it holds the training images as an IDX file."""
    return _find(folder, NAMES["x_train"]) is not None


def read_folder(folder: Path) -> dict[str, np.ndarray]:
    """The training arrays of a folder, and those of the test if they are there.

    Raises:
        InvalidData: a file of the training is missing, or one is damaged.
    """
    wanted = {k: n for k, n in NAMES.items() if k.endswith("_train") or _find(folder, n)}
    return {key: read(folder, name) for key, name in wanted.items()}


def read(folder: Path, name: str) -> np.ndarray:
    """One array of unsigned bytes.

    Args:
        folder: the folder of the files, or torchvision's above it.
        name: such as train-images-idx3-ubyte; also found with a dot before idx3, as Kaggle has it.

    Raises:
        InvalidData: the file is missing or damaged.
    """
    path = _find(folder, name)
    if path is None:
        raise InvalidData(
            f"{folder} has neither {name} nor {name}.gz; expected the four IDX files of MNIST."
        )
    return read_file(path, zipped=path.suffix == ".gz")


def read_file(path: Path, zipped: bool) -> np.ndarray:
    """The array of unsigned bytes in one file.

    Raises:
        InvalidData: it cannot be read, or is damaged.
    """
    try:
        content = path.read_bytes()
        if zipped:
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidData(
            f"{path} cannot be read: {error}. Replace it with a whole copy."
        ) from error
    rank = content[3] if len(content) > 3 else 0
    head, body = content[: 4 + 4 * rank], content[4 + 4 * rank :]
    shape = struct.unpack(f">{rank}I", head[4:]) if len(head) == 4 + 4 * rank else ()
    if head != header(shape) or len(body) != np.prod(shape, dtype=object):
        raise InvalidData(
            f"{path} is no whole IDX file of unsigned bytes: {len(content)} bytes that begin with "
            f"{content[:4].hex() or 'nothing'}. Replace it with a whole copy."
        )
    return np.frombuffer(body, np.uint8).reshape(shape)


def _find(folder: Path, name: str) -> Path | None:
    """The file under one of its names; Kaggle's archive unpacks to folders of the file's name."""
    dotted = name.replace("-idx", ".idx")
    for place in FOLDERS:
        for variant in (name, dotted):
            for path in (folder / place / variant, folder / place / f"{variant}.gz"):
                if path.is_file():
                    return path
                if (path / variant).is_file():
                    return path / variant
    return None
