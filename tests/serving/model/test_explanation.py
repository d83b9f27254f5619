"""What an explanation says, and that it is true of the network that answered."""

import json
import sys
from subprocess import run

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import layers

from ann_models import datasets
from serving.model.download import fetch
from serving.model.explanation import SHOWN_UNITS, explain, saliency
from serving.model.loaded_model import LoadedModel
from tests.support.promoted import promote, store_of

DIGITS = datasets.digits("offline-digits")
IMAGES, LABELS = DIGITS.arrays["x_test"], DIGITS.arrays["y_test"]


def dense() -> list[keras.Layer]:
    return [layers.Flatten(), layers.Dense(64, "relu"), layers.Dense(10, "softmax")]


def convolutional() -> list[keras.Layer]:
    convolution = [layers.Reshape((28, 28, 1)), layers.Conv2D(8, 3, activation="relu")]
    return [*convolution, layers.MaxPooling2D(4), layers.Flatten(), layers.Dense(10, "softmax")]


def trained(network: list[keras.Layer]) -> keras.Sequential:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((28, 28)), *network])
    model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy")
    model.fit(DIGITS.arrays["x_train"], DIGITS.arrays["y_train"], epochs=8, verbose=0)
    return model


def of_equal_ink() -> keras.Sequential:
    """The log-odds of digit 3 are 0.5 for each pixel's ink, less ln 9."""
    model = keras.Sequential([keras.Input((28, 28)), layers.Flatten(), layers.Dense(10, "softmax")])
    kernel = np.zeros((784, 10))
    kernel[:, 3] = 0.5
    model.set_weights([kernel, np.zeros(10)])
    return model


MODELS = {
    "dense": lambda: trained(dense()),
    "convolutional": lambda: trained(convolutional()),
    "of equal ink": of_equal_ink,
}


@pytest.fixture(scope="module")
def models() -> dict[str, keras.Sequential]:
    return {name: make() for name, make in MODELS.items()}


@pytest.fixture(scope="module")
def champions(models, tmp_path_factory) -> dict[str, LoadedModel]:
    """What serving makes of each network, once it is registered and promoted."""

    def served(name: str, model: keras.Sequential) -> LoadedModel:
        home = tmp_path_factory.mktemp(name)
        return fetch(store_of(home), promote(model, DIGITS, home).name, "champion", home)

    return {name: served(name, model) for name, model in models.items()}


@pytest.fixture
def net(champions) -> LoadedModel:
    return champions["dense"]


# Pixels


@pytest.mark.parametrize("name", ["dense", "convolutional"])
def test_erasing_the_pixels_that_spoke_most_for_the_digit_costs_more_than_erasing_other_ink(
    champions, name
):
    champion, rng = champions[name], np.random.default_rng(0)
    probability: dict[str, list[float]] = {"most for": [], "random": [], "most against": []}
    for image in IMAGES[:50]:
        digit = champion.predict(image[None])[0].argmax()
        ink = np.flatnonzero(image)
        order = ink[np.argsort(saliency(champion, image, digit).ravel()[ink])]
        erased = {"most for": order[-20:], "random": rng.permutation(ink), "most against": order}
        for which, pixels in erased.items():
            remaining = image.copy()
            remaining.ravel()[pixels[-20:] if which == "random" else pixels[:20]] = 0
            probability[which].append(champion.predict(remaining[None])[0][digit])
    lost = {which: 1 - np.mean(values) for which, values in probability.items()}
    assert lost["most for"] > 3 * lost["random"]
    assert lost["most against"] < lost["random"]


def test_where_all_ink_counts_alike_each_pixel_gets_what_its_ink_is_worth(champions):
    image = np.random.default_rng(0).uniform(0, 1, (28, 28)).astype(np.float32)
    of_three = saliency(champions["of equal ink"], 0.1 * image, 3)
    np.testing.assert_allclose(of_three, 0.05 * image, atol=1e-4)


def test_ink_that_spoke_for_one_digit_spoke_against_the_others(champions):
    image = 0.1 * IMAGES[0]
    assert saliency(champions["of equal ink"], image, 3).sum() > 0
    assert saliency(champions["of equal ink"], image, 4).sum() < 0


def test_a_sure_answer_is_explained_as_well_as_a_doubtful_one(net):
    """The probability is 1 in float32, with or without a window; its log-odds still differ."""
    answers = net.predict(IMAGES)
    sure = answers.max(axis=1).argmax()
    assert answers[sure].max() > 0.9999
    assert np.ptp(saliency(net, IMAGES[sure], answers[sure].argmax())) > 0.05


@given(
    arrays(np.float32, (28, 28), elements=st.floats(0, 1, width=32), fill=st.just(np.float32(0)))
)
@settings(max_examples=50, deadline=None)
def test_any_image_has_a_finite_saliency_that_is_0_where_nothing_is_drawn(champions, image):
    explanation = json.loads(json.dumps(explain(champions["dense"], image), allow_nan=False))
    values = np.array(explanation["saliency"])
    assert values.shape == (28, 28)
    assert np.isfinite(values).all()
    assert not values[image == 0].any()


# Hidden units


def test_the_hidden_units_are_the_networks_own_strongest_first(net, models):
    first, last = models["dense"].layers[-2:]
    image = IMAGES[3]
    expected = np.maximum(image.reshape(1, 784) @ first.kernel + first.bias, 0)[0]
    explanation = explain(net, image)
    digit = net.predict(image[None])[0].argmax()

    assert [unit["unit"] for unit in explanation["hidden"]] == list(
        np.argsort(-np.asarray(expected), kind="stable")[:SHOWN_UNITS]
    )
    for shown in explanation["hidden"]:
        unit = shown["unit"]
        assert shown["activation"] == pytest.approx(float(expected[unit]), abs=1e-3)
        assert shown["outgoing"] == pytest.approx(float(last.kernel[unit, digit]), abs=1e-3)
        weights = np.asarray(first.kernel)[:, unit].reshape(28, 28)
        np.testing.assert_allclose(shown["weights"], weights, atol=1e-3)


def test_a_unit_that_did_not_fire_is_not_shown(net):
    silent = np.zeros((28, 28), np.float32)
    fired = int((net.hidden_layer.activations(silent[None]) > 0).sum())
    assert len(explain(net, silent)["hidden"]) == min(fired, SHOWN_UNITS)
    assert all(unit["activation"] > 0 for unit in explain(net, silent)["hidden"])


@pytest.mark.parametrize("name", ["convolutional", "of equal ink"])
def test_a_network_without_one_hidden_layer_shows_none(champions, name):
    assert champions[name].hidden_layer is None
    assert explain(champions[name], IMAGES[0])["hidden"] == []


# Its walls


def test_explaining_needs_neither_tensorflow_nor_onnx():
    script = (
        "import sys, serving.model.explanation; "
        "print([m for m in ('tensorflow', 'keras', 'onnx', 'ann_models') if m in sys.modules])"
    )
    outcome = run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "[]"
