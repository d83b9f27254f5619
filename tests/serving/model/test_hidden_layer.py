"""The weights that a version carries besides its ONNX form, to explain its answers."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from ann_models import archives, datasets
from pipelines.registry import model_artifact
from serving.errors import UnverifiedModel
from serving.model.download import fetch
from serving.model.loaded_model import LoadedModel
from tests.support.promoted import promote, store_of

DIGITS = datasets.digits("offline-digits")
IMAGES = DIGITS.arrays["x_test"][:20]


def network(*hidden: keras.Layer) -> keras.Sequential:
    """With biases away from 0, where they could be left out unnoticed."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((28, 28)), *hidden, layers.Dense(10, "softmax")])
    rng = np.random.default_rng(1)
    model.set_weights([w + rng.uniform(0, 0.1, w.shape) for w in model.get_weights()])
    return model


def lecture_network() -> keras.Sequential:
    return network(layers.Flatten(), layers.Dense(30, "relu"))


class Place:
    """A promoted version's files, and a state folder into which serving downloads them."""

    def __init__(self, model: keras.Sequential, home: Path) -> None:
        self.version = promote(model, DIGITS, home)
        self.home = home

    def fetch(self) -> LoadedModel:
        return fetch(store_of(self.home), self.version.name, "champion", self.home)

    @property
    def registered(self) -> Path:
        (card,) = (self.home / "artifacts").rglob("MLmodel")
        return card.with_name("hidden_layer.npz")

    @property
    def copy(self) -> Path:
        return self.home / "served" / self.version.name / "1" / "hidden_layer.npz"


@pytest.fixture
def place(tmp_path) -> Place:
    return Place(lecture_network(), tmp_path)


def test_the_weights_give_the_champions_own_answers(place):
    champion = place.fetch()
    np.testing.assert_allclose(
        champion.hidden_layer.probabilities(IMAGES), champion.predict(IMAGES), atol=1e-5
    )


@pytest.mark.parametrize(
    "build",
    [
        lambda: network(layers.Flatten()),
        lambda: network(layers.Flatten(), layers.Dense(30, "sigmoid")),
        lambda: network(layers.Flatten(), layers.Dense(30, "relu", use_bias=False)),
        lambda: network(layers.Flatten(), *(layers.Dense(30, "relu") for _ in range(2))),
        lambda: network(layers.Flatten(), layers.Dense(30), layers.BatchNormalization()),
        lambda: network(layers.Reshape((28, 28, 1)), layers.Conv2D(2, 3), layers.Flatten()),
    ],
    ids=["no hidden layer", "sigmoid", "no bias", "two hidden layers", "batch norm", "convolution"],
)
def test_another_kind_of_network_carries_none(build: Callable[[], keras.Sequential]):
    assert model_artifact.hidden_layer(build()) == {}


def test_dropout_which_answers_do_not_meet_is_no_obstacle(tmp_path):
    with_dropout = network(layers.Flatten(), layers.Dense(30, "relu"), layers.Dropout(0.2))
    assert Place(with_dropout, tmp_path).fetch().hidden_layer is not None


def test_a_version_from_before_there_were_such_files_is_served_without(place):
    place.registered.unlink()
    assert place.fetch().hidden_layer is None


def test_weights_of_another_network_are_refused(place):
    weights = archives.read(place.registered)
    archives.write(place.registered, weights | {"kernel": -weights["kernel"]})
    with pytest.raises(UnverifiedModel, match="answer to the probe digit is off by"):
        place.fetch()


def test_a_pickle_is_not_opened(place):
    np.savez(place.registered, kernel=np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(UnverifiedModel, match="allow_pickle=False"):
        place.fetch()


def test_a_file_that_another_registrys_version_left_behind_is_not_used(place):
    place.fetch()
    place.registered.unlink()
    (place.copy.parent / "version.json").write_text("{}")  # so that the version is downloaded again
    assert place.copy.exists()
    assert place.fetch().hidden_layer is None
