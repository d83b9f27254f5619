"""A registered version, used as any other MLflow model is."""

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import Model

from ann_models import datasets
from pipelines.registry.pyfunc import to_images
from tests.support.promoted import register

DIGITS = datasets.digits("offline-digits").arrays
IMAGES = DIGITS["x_val"][:5]
BYTES = (IMAGES * 255).round().astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    registry = register(tmp_path_factory.mktemp("store"), 1)
    return registry.client.get_model_version_download_uri("offline-digits", "1")


@pytest.fixture(scope="module")
def model(folder) -> mlflow.pyfunc.PyFuncModel:
    return mlflow.pyfunc.load_model(folder)


@pytest.mark.parametrize(
    "data",
    [
        IMAGES.astype(np.float64),
        IMAGES.astype(np.float16),
        IMAGES.reshape(-1, 784),
        IMAGES.tolist(),
        {"images": IMAGES},
        BYTES,
        BYTES.astype(np.int64).reshape(-1, 784),
        BYTES.astype(np.float64),
        BYTES.tolist(),
    ],
    ids=["float64", "float16", "flat", "lists", "by name", "uint8", "int64", "0 to 255", "ints"],
)
def test_digits_in_any_usual_form_are_classified(model, data):
    expected = model.predict(IMAGES)["probabilities"]
    np.testing.assert_allclose(model.predict(data)["probabilities"], expected, atol=2e-3)


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(IMAGES.reshape(-1, 784)),
        pd.DataFrame(BYTES.reshape(-1, 784)),
        pd.DataFrame({"images": list(IMAGES)}),
        pd.DataFrame({"images": IMAGES.tolist()}),
    ],
    ids=["784 columns", "784 columns of integers", "arrays", "nested lists"],
)
def test_a_table_is_answered_with_the_digit_of_each_row(model, table):
    table.index = list("abcde")
    expected = model.predict(IMAGES)["probabilities"].argmax(axis=1)
    answer = model.predict(table)
    assert answer.tolist() == expected.tolist()
    assert answer.index.tolist() == list("abcde")


def test_the_logged_input_example_is_answered(model, folder):
    assert Model.load(folder).saved_input_example_info["type"] == "ndarray"
    np.testing.assert_allclose(model.input_example["images"], DIGITS["x_val"][:2], atol=1e-6)
    answer = model.predict(model.input_example)["probabilities"]
    np.testing.assert_allclose(answer, model.predict(IMAGES)["probabilities"][:2], atol=1e-6)


def test_mlflow_evaluates_it_as_a_classifier(model, folder, tmp_path):
    table = pd.DataFrame(DIGITS["x_val"].reshape(-1, 784))
    expected = (model.predict(table) == DIGITS["y_val"]).mean()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.create_experiment("evaluation", str(tmp_path / "artifacts"))
    mlflow.set_experiment("evaluation")
    try:
        result = mlflow.models.evaluate(
            folder,
            table.assign(label=DIGITS["y_val"]),
            targets="label",
            model_type="classifier",
            evaluator_config={"log_model_explainability": False, "log_explainer": False},
        )
    finally:
        mlflow.set_tracking_uri(None)
    assert result.metrics["accuracy_score"] == pytest.approx(expected)


def test_nothing_is_unpickled_and_no_code_comes_out_of_the_artifact(folder):
    described = Model.load(folder)
    assert described.flavors["python_function"]["loader_module"] == "pipelines.registry.pyfunc"
    assert not any(flavour.get("code") for flavour in described.flavors.values())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (IMAGES[:, :20], r"the shape is \(5, 20, 28\); expected digits as \(n, 28, 28\)"),
        (IMAGES[0], r"the shape is \(28, 28\)"),
        (IMAGES[..., np.newaxis], r"the shape is \(5, 28, 28, 1\)"),
        (IMAGES - 1, "the pixels are from -1 to 0"),
        (IMAGES * np.nan, "the pixels are from nan to nan"),
        (IMAGES * 1000, "the pixels are from 0 to 1000"),
        (["seven"], "not numbers of one shape"),
        ([[0.0], [0.0, 1.0]], "not numbers of one shape"),
        (None, r"the shape is \(\)"),
        ({"pixels": IMAGES}, "the keys are pixels, without images"),
        (pd.DataFrame(), r"the shape is \(0, 0\)"),
    ],
)
def test_what_is_no_digit_is_refused_in_one_line(model, data, message):
    with pytest.raises(ValueError, match=message) as refusal:
        model.predict(data)
    assert len(str(refusal.value).splitlines()) == 1
    assert len(str(refusal.value)) < 400


def test_pixels_keep_their_meaning():
    assert to_images(np.full((1, 784), 1.0)).max() == 1  # float: ink
    assert to_images(np.full((1, 784), 255, np.uint8)).max() == 1
    assert to_images(np.full((1, 784), 1, np.uint8)).max() == pytest.approx(1 / 255)
    assert to_images(np.zeros((0, 784))).shape == (0, 28, 28)
    assert to_images(np.full((1, 28, 28), True)).max() == 1
