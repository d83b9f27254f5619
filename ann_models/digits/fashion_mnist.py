"""Fashion-MNIST: from Keras's folder of data sets or downloaded there, verified by hash.

Xiao, Rasul, Vollgraf 2017: Fashion-MNIST, a novel image dataset for benchmarking machine learning
algorithms (arXiv:1708.07747).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from ann_models.digits import idx
from ann_models.digits.download import downloaded, keras_data_sets
from ann_models.errors import DataUnavailable, InvalidData
from ann_models.switches import is_on

DOWNLOAD_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
# fmt: off
SHA256 = {  # of the files of github.com/zalandoresearch/fashion-mnist
    "train-images-idx3-ubyte.gz":
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz":
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz":
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz":
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)
# fmt: on


def find() -> dict[str, np.ndarray]:
    """The four uint8 arrays: pictures (n, 28, 28) and labels (n,) of training and test.

    Raises:
        InvalidData: a file that is there is another one.
        DataUnavailable: a file is missing, and cannot or must not be downloaded.
        InvalidSetting: `ANN_OFFLINE` is neither 1 nor 0.
    """
    folder = keras_data_sets() / "fashion-mnist"
    return {key: _array(folder / f"{name}.gz") for key, name in idx.NAMES.items()}


def _array(path: Path) -> np.ndarray:
    if path.is_file():
        if fault := _fault(path):
            raise InvalidData(f"{path} {fault}. Delete the file; it is then downloaded again.")
        return idx.read_file(path, zipped=True)
    if is_on("ANN_OFFLINE"):
        raise DataUnavailable(
            f"Fashion-MNIST's {path.name} is not in {path.parent}, and ANN_OFFLINE forbids to "
            "download it. Put the four files there, or unset ANN_OFFLINE."
        )
    url = DOWNLOAD_URL + path.name
    try:
        with downloaded(url, path) as file:
            if fault := _fault(file):
                raise DataUnavailable(f"what {url} sent {fault}")
            return idx.read_file(file, zipped=True)
    except DataUnavailable as error:
        raise DataUnavailable(
            f"Fashion-MNIST cannot be had: {error}. Put its four files in {path.parent}, or "
            "connect this machine to the internet."
        ) from error


def _fault(path: Path) -> str:
    """What is wrong with a file; "" if nothing is."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found == SHA256[path.name]:
        return ""
    return f"has SHA-256 {found}, Fashion-MNIST's has {SHA256[path.name]}"
