"""What all tests share: no downloads, and MNIST where this machine has it."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("ANN_OFFLINE", "1")
beside_the_checkout = Path(__file__).parents[2] / "shared/data/mnist.npz"
if "ANN_MNIST_PATH" not in os.environ and beside_the_checkout.exists():
    os.environ["ANN_MNIST_PATH"] = str(beside_the_checkout)

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

from ann_models import datasets  # noqa: E402
from ann_models.errors import DataUnavailable  # noqa: E402

settings.register_profile("no clock", deadline=None)  # a busy machine is no failure
settings.load_profile("no clock")


@pytest.fixture(scope="session")
def mnist() -> datasets.Dataset:
    """MNIST in its fixed split; a wrong ANN_MNIST_PATH fails, none at all skips."""
    try:
        return datasets.digits("mnist")
    except DataUnavailable as error:
        pytest.skip(f"needs MNIST: set ANN_MNIST_PATH ({error})")
