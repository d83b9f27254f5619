"""`ann code`: a script of a variant that stands alone and learns what `fit` learns."""

import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf

from ann_models import datasets, networks
from ann_models.code.script import MAX_LINES, MAX_WIDTH, script
from ann_models.derive import derive
from ann_models.digits import mnist
from ann_models.digits.augmentation import augment
from ann_models.entry import SGD, Adam, CosineDecay, Variant
from ann_models.errors import UnsupportedLayer
from ann_models.recipes import RECIPES
from ann_models.training import optimizers
from ann_models.variants import VARIANTS

TRAINED = [v for v in VARIANTS.values() if v.layers and v not in RECIPES and not v.other_hands]
SEED = 1
ONE_OF_EACH = (
    "relu_regression_4",
    "overfit_batch_norm",
    "overfit_l1_0.01",
    "overfit_early_stopping",
    "mnist_data_size_500_augmented",
)


class Distorted(keras.layers.Layer):
    """What the trainer does to a batch of seed SEED: `augment` with the step as second seed."""

    def __init__(self, settings):
        super().__init__()
        self.settings = settings

    def build(self, shape):
        self.step = self.add_weight(dtype="int32", initializer="zeros", trainable=False)

    def call(self, images, training=False):
        if not training:
            return images
        seed = tf.stack([SEED, self.step.value])
        self.step.assign_add(1)
        return augment(images, self.settings, seed)


def fit(variant: Variant, data: datasets.Dataset) -> dict[str, list[float]]:
    """Keras's `fit` on the entry's network: the reference."""
    keras.utils.set_random_seed(SEED)
    x, y = data.arrays["x_train"], data.arrays["y_train"]
    model = networks.build(variant, x.shape[1:], SEED)
    if variant.augmentation:
        distorted = Distorted(variant.augmentation)
        model = keras.Sequential([keras.Input((28, 28)), distorted, *model.layers])
    steps = variant.epochs * -(-len(x) // variant.batch_size)
    model.compile(
        optimizers.build(variant.optimizer, steps),
        variant.loss,
        metrics=[] if variant.loss == "mse" else ["accuracy"],
    )
    stopping = variant.early_stopping
    return model.fit(
        x,
        y,
        epochs=variant.epochs,
        batch_size=variant.batch_size,
        validation_data=(data.arrays["x_val"], data.arrays["y_val"])
        if "x_val" in data.arrays
        else None,
        callbacks=[keras.callbacks.EarlyStopping(patience=stopping.patience)] if stopping else [],
        verbose=0,
    ).history


def shortened(variant: Variant) -> Variant:
    size = min(variant.train_size or 640, 640) if variant.data == "digits" else None
    return replace(variant, epochs=2 if size else min(variant.epochs, 5), train_size=size)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A folder outside of this project, where Keras finds MNIST."""
    monkeypatch.setattr(tf.keras.datasets.mnist, "load_data", _as_keras_loads_it)
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    plt.close("all")


def _as_keras_loads_it():
    arrays = mnist.find().arrays
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


def run(source: str, folder: Path) -> dict[str, object]:
    path = folder / "lecture.py"
    path.write_text(source)
    return runpy.run_path(str(path))


def data_of(variant: Variant, request: pytest.FixtureRequest) -> datasets.Dataset:
    if variant.data != "digits":
        return datasets.generate(variant.data, 0)
    mnist = request.getfixturevalue("mnist")
    return datasets.digits_subset(mnist, variant.train_size) if variant.train_size else mnist


def ids(variants: list[Variant]) -> list[object]:
    """One of each kind in the default run, all of them in the slow one."""
    return [
        pytest.param(v, id=v.name, marks=[] if v.name in ONE_OF_EACH else pytest.mark.slow)
        for v in variants
    ]


@pytest.mark.parametrize("variant", ids(TRAINED))
def test_the_script_of_every_trained_row_gives_the_losses_of_fit(variant, elsewhere, request):
    variant = shortened(variant)
    found = run(script(variant, SEED), elsewhere)["loss"].history
    expected = fit(variant, data_of(variant, request))
    assert found.keys() == expected.keys()
    for measure, values in expected.items():
        np.testing.assert_allclose(found[measure], values, rtol=1e-5, err_msg=measure)


@pytest.mark.parametrize("optimizer", [SGD(0.05, 0.9), Adam(CosineDecay(0.01, 0.2), 0.1)])
def test_other_optimisers_and_schedules_are_written_out(optimizer, elsewhere):
    variant = replace(VARIANTS["linear_classification"], optimizer=optimizer, epochs=3)
    found = run(script(variant, SEED), elsewhere)["loss"].history
    expected = fit(variant, datasets.generate("linear", 0))
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-5)


def lines_of_code(source: str) -> list[str]:
    return [line for line in source.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("variant", TRAINED, ids=lambda variant: variant.name)
def test_a_script_is_short_and_imports_nothing_of_this_project(variant):
    source = script(variant, SEED, weights="trained.keras")
    assert len(lines_of_code(source)) <= MAX_LINES
    assert max(map(len, lines_of_code(source))) <= MAX_WIDTH
    for package in ("ann_models", "pipelines", "serving"):
        assert package not in source


@pytest.mark.slow
def test_a_momentum_of_the_moving_statistics_is_written_out():
    assert "BatchNormalization(momentum = 0.9)" in script(VARIANTS["fast_cnn"])
    assert "BatchNormalization()" in script(VARIANTS["overfit_batch_norm"])


def test_a_script_runs_by_itself_and_prints_its_loss(tmp_path):
    path = tmp_path / "lecture.py"
    path.write_text(script(replace(VARIANTS["relu_regression_1"], epochs=2)))
    run = subprocess.run(
        [sys.executable, path],
        cwd=tmp_path,
        env={"MPLBACKEND": "agg", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("training loss: ")


def test_a_trained_network_is_compared_in_the_script(elsewhere):
    variant = replace(VARIANTS["relu_regression_2"], epochs=2)
    model = networks.build(variant, (1,), SEED)
    model.save(elsewhere / "relu.keras")
    found = run(script(variant, SEED, weights="relu.keras"), elsewhere)
    weights = zip(found["trained"].get_weights(), model.get_weights(), strict=True)
    assert all(np.array_equal(loaded, saved) for loaded, saved in weights)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("perceptron", "trains nothing with Keras"),
        ("teachers", "answers with other networks"),
        ("best_cnn", "learns from the networks of teachers"),
        ("strided_cnn", "scale, shear, thickness, blur, noise"),
        ("upright_cnn", "Deslant"),
    ],
)
def test_what_no_short_script_can_say_is_refused_with_the_reason(name, why):
    with pytest.raises(UnsupportedLayer, match=why):
        script(VARIANTS[name])


def slow(*values: object):
    return pytest.param(*values, marks=pytest.mark.slow)


POINTS = {
    "classes.csv": "# mine\nx1;x2;class\n"
    + "".join(f"{i % 5};{i * i % 7};{'red' if i % 3 else 'blue'}\n" for i in range(24)),
    "curve.csv": "".join(f"{i / 4},{i * i / 9}\n" for i in range(20)),
}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("relu_regression_4", {"layers.0.activation": "tanh", "data.size": "60"}),
        slow("relu_regression_4", {"data.noise": "0.1", "optimizer": "sgd"}),
        slow("nonlinear_classification", {"data.noise": "0.2", "layers.0+": "dense 3 tanh"}),
        slow("overfit_early_stopping", {"data.noise": "0.3", "epochs": "4"}),
        ("nonlinear_classification", {"data": "classes.csv"}),
        slow("relu_regression_4", {"data": "curve.csv", "penalty.norm": "l2"}),
        ("overfit_early_stopping", {"data": "curve.csv", "epochs": "4"}),
    ],
)
def test_a_changed_row_is_written_as_it_is_trained(elsewhere, name, changes):
    for file, content in POINTS.items():
        (elsewhere / file).write_text(content)
    variant = shortened(derive(VARIANTS[name], changes))
    learned = run(script(variant, SEED), elsewhere)["loss"].history
    data = datasets.generate(variant.data, 0)
    expected = fit(variant, data)
    for key, losses in expected.items():
        np.testing.assert_allclose(learned[key], losses, rtol=1e-4, err_msg=key)


def test_pictures_of_ones_own_have_no_short_script(tmp_path):
    for name in "AB":
        (tmp_path / name).mkdir()
    variant = derive(VARIANTS["mnist_ann"], {"data": f"images:letters={tmp_path}"})
    with pytest.raises(UnsupportedLayer, match="take more than a short script to read"):
        script(variant)


def test_what_a_row_shows_is_one_comment_however_many_lines_it_has():
    row = replace(VARIANTS["relu_regression_4"], look_at="Two lines\nof text")
    compile(text := script(row), "script", "exec")
    assert text.startswith("# relu_regression_4: Two lines of text\n")
