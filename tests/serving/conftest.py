"""One service for the tests that leave it as it is, one that runs as a process, and a digit."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ann_models import datasets
from serving.images import to_digit
from tests.support.drawings import drawing, encoded
from tests.support.promoted import promote, register
from tests.support.running import NAME
from tests.support.running import Service as RunningService
from tests.support.small_service import Service, put_copy


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("home")
    put_copy(home, "3", seed=1)
    service = Service(home)
    yield service
    service.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Service]:
    """A service whose store is a test's own."""
    put_copy(tmp_path, "3", seed=1)
    service = Service(tmp_path)
    yield service
    service.close()


@pytest.fixture(scope="session")
def registered(tmp_path_factory) -> Path:
    """Two versions; the first is champion."""
    store = tmp_path_factory.mktemp("store")
    registry = register(store)
    registry.promote(registry.version(NAME, "1"), "for the tests")
    return store


@pytest.fixture(scope="session")
def tiny_champion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder whose champion is a single layer that reads the offline digits."""
    import keras

    home = tmp_path_factory.mktemp("tiny")
    digits = datasets.digits("offline-digits")
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((28, 28)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(digits.arrays["x_train"], digits.arrays["y_train"], epochs=20, verbose=0)
    promote(model, digits, home)
    return home


@pytest.fixture
def running(tiny_champion: Path) -> Iterator[RunningService]:
    """`ann serve` as a process, with that champion."""
    service = RunningService(tiny_champion)
    service.start()
    yield service
    service.kill()


@pytest.fixture(scope="session")
def seven() -> np.ndarray:
    """A seven drawn with the mouse, as the service reads it."""
    return to_digit(encoded(drawing()))
