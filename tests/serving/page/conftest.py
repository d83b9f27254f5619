"""The page in a real browser, against the real service with the lecture's network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tests.support.browser as chromium
from ann_models import datasets
from ann_models.errors import DataUnavailable
from tests.support.person import Page
from tests.support.promoted import promote
from tests.support.running import Service


@pytest.fixture(scope="session")
def data() -> datasets.Dataset:
    try:
        return datasets.digits("mnist")
    except DataUnavailable:
        return datasets.digits("offline-digits")


@pytest.fixture(scope="session")
def home(data: datasets.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder whose champion is the lecture's network."""
    import keras
    import tensorflow as tf
    from keras import layers

    from ann_models.digits.augmentation import Augmentation, augment

    keras.utils.set_random_seed(1)
    network = [layers.Flatten(), layers.Dense(100, "relu"), layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((28, 28)), *network])
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = data.arrays["x_train"], data.arrays["y_train"]
    askew = Augmentation(shift=1.5, rotation=15)  # so that the few offline digits suffice
    copies = range(max(1, 24_000 // len(x)))
    distorted = [augment(tf.constant(x), askew, tf.constant([1, copy])) for copy in copies]
    model.fit(np.concatenate(distorted), np.tile(y, len(copies)), 64, epochs=5, verbose=0)
    folder = tmp_path_factory.mktemp("home")
    promote(model, data, folder)
    return folder


@pytest.fixture(scope="session")
def service(home: Path) -> Iterator[Service]:
    service = Service(home)
    service.start()
    yield service
    service.kill()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    profile = tmp_path_factory.mktemp("chromium")
    logging = {"goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
    driver = chromium.start(profile, **logging)
    yield driver
    driver.quit()


@pytest.fixture
def page(browser: Any, service: Service) -> Page:
    return Page(browser, service.url).open()
