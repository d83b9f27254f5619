"""The field's own clients against a running `ann serve`: Triton's, MLflow's, and plain REST."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
import tritonclient.http as triton
from fastapi.testclient import TestClient
from mlflow.deployments import PredictionsResponse
from mlflow.pyfunc import scoring_server
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from tritonclient.utils import InferenceServerException

from ann_models import datasets
from tests.support.promoted import store_of
from tests.support.running import Service

pytestmark = pytest.mark.slow

IMAGES = datasets.digits("offline-digits").arrays["x_val"][:5]
NAME = "offline-digits"


@pytest.fixture(scope="module")
def expected(tiny_champion: Path) -> np.ndarray:
    """What MLflow itself says of the same version, (5, 10)."""
    mlflow.set_tracking_uri(store_of(tiny_champion))
    return mlflow.pyfunc.load_model(f"models:/{NAME}/1").predict(IMAGES)["probabilities"]


@pytest.fixture
def client(running: Service) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(running.url.split("://")[1].rstrip("/")) as client:
        yield client


def tensor(images: np.ndarray, binary: bool = True) -> list[triton.InferInput]:
    given = triton.InferInput("images", list(images.shape), "FP32")
    given.set_data_from_numpy(images, binary_data=binary)
    return [given]


# Triton's


@pytest.mark.parametrize("sent", [True, False], ids=["binary in", "JSON in"])
@pytest.mark.parametrize("wanted", [True, False], ids=["binary out", "JSON out"])
def test_tritons_client_infers(client, expected, sent, wanted):
    outputs = [triton.InferRequestedOutput("probabilities", binary_data=wanted)]
    answer = client.infer(NAME, tensor(IMAGES, sent), outputs=outputs, request_id="seven")
    np.testing.assert_allclose(answer.as_numpy("probabilities"), expected, atol=1e-5)
    assert answer.get_response()["id"] == "seven"
    assert answer.get_response()["model_version"] == "1"


def test_tritons_client_needs_to_name_no_output(client, expected):
    answer = client.infer(NAME, tensor(IMAGES), model_version="1")
    np.testing.assert_allclose(answer.as_numpy("probabilities"), expected, atol=1e-5)


def test_tritons_client_asks_for_health_and_metadata(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(NAME)
    assert not client.is_model_ready("no-such-model")
    assert client.get_server_metadata()["name"]
    (given,) = client.get_model_metadata(NAME)["inputs"]
    assert (given["name"], given["datatype"], given["shape"]) == ("images", "FP32", [-1, 28, 28])


@pytest.mark.parametrize(
    ("name", "images", "reason"),
    [
        ("no-such-model", IMAGES, "no-such-model"),
        (NAME, IMAGES[:, :20], r"shape .*20, 28"),
        (NAME, IMAGES * 255, r"0 to 255; expected numbers in \[0, 1\]"),
    ],
)
def test_tritons_client_is_reported_what_was_wrong(client, name, images, reason):
    with pytest.raises(InferenceServerException, match=reason):
        client.infer(name, tensor(images))


# MLflow's


def digits_of(answer: PredictionsResponse) -> list[int]:
    """A table is answered in records, everything else by the output's name."""
    found = json.loads(answer.to_json())["predictions"]
    if isinstance(found, dict):
        return [int(np.argmax(row)) for row in found["probabilities"]]
    return [int(np.argmax(record["probabilities"])) for record in found]


@pytest.mark.parametrize(
    "data",
    [IMAGES, pd.DataFrame(IMAGES.reshape(5, 784))],
    ids=["array", "table"],
)
def test_mlflows_client_is_answered_as_mlflow_answers(running, expected, data):
    client = ScoringServerClient("127.0.0.1", int(running.url.rstrip("/").rpartition(":")[2]))
    client.wait_server_ready(timeout=10)
    assert digits_of(client.invoke(data)) == expected.argmax(axis=1).tolist()


@pytest.fixture(scope="module")
def yardstick(tiny_champion: Path) -> TestClient:
    """MLflow's own scoring server, with the same version and its logged signature."""
    mlflow.set_tracking_uri(store_of(tiny_champion))
    return TestClient(scoring_server.init(mlflow.pyfunc.load_model(f"models:/{NAME}/1")))


NAMES = [f"pixel{pixel}" for pixel in range(784)]
FLAT = IMAGES.reshape(5, 784).tolist()
INVOCATIONS = {
    "tensor": {"inputs": IMAGES.tolist()},
    "flat tensor": {"inputs": FLAT},
    "named tensor": {"inputs": {"images": IMAGES.tolist()}},
    "tensor with parameters": {"inputs": IMAGES.tolist(), "params": {"unknown": 1}},
    "wrongly named tensor": {"inputs": {"pictures": IMAGES.tolist()}},
    "rows": {"instances": IMAGES.tolist()},
    "table by name": {"dataframe_split": {"columns": ["images"], "data": [[x] for x in FLAT]}},
    "wrongly named table": {"dataframe_split": {"columns": ["x"], "data": [[x] for x in FLAT]}},
    "pixels in another order": {
        "dataframe_split": {"columns": NAMES[::-1], "data": [row[::-1] for row in FLAT]}
    },
    "sorted records": {
        "dataframe_records": [dict(sorted(zip(NAMES, row, strict=True))) for row in FLAT]
    },
    "three names": {"dataframe_split": {"columns": NAMES[:3], "data": FLAT}},
}


@pytest.mark.parametrize("body", INVOCATIONS.values(), ids=INVOCATIONS)
def test_where_mlflows_own_scoring_server_answers_the_numbers_are_the_same(
    running, yardstick, expected, body
):
    theirs = yardstick.post("/invocations", json=body)
    ours = httpx.post(f"{running.url}invocations", json=body)
    if theirs.status_code == 200:
        assert ours.status_code == 200, ours.text
    if ours.status_code == 200:  # MLflow reads no table for this signature; here it is read by name
        assert digits_of(PredictionsResponse.from_json(ours.text)) == list(expected.argmax(axis=1))
    if theirs.status_code == ours.status_code == 200:
        found = [np.array(a.json()["predictions"]["probabilities"]) for a in (theirs, ours)]
        np.testing.assert_allclose(*found, atol=1e-5)


# TensorFlow Serving's REST, as its documentation writes it


@pytest.mark.parametrize("place", ["", "/versions/1", "/labels/champion"])
def test_tensorflow_servings_row_and_column_forms(running, expected, place):
    url = f"{running.url.rstrip('/')}/v1/models/{NAME}{place}"
    rows = httpx.post(f"{url}:predict", json={"instances": IMAGES.tolist()})
    np.testing.assert_allclose(rows.json()["predictions"], expected, atol=1e-5)
    columns = httpx.post(f"{url}:predict", json={"inputs": {"images": IMAGES.tolist()}})
    np.testing.assert_allclose(columns.json()["outputs"], expected, atol=1e-5)
    (status,) = httpx.get(url).json()["model_version_status"]
    assert (status["version"], status["state"]) == ("1", "AVAILABLE")


def test_tensorflow_servings_errors_are_of_its_form(running):
    url = f"{running.url.rstrip('/')}/v1/models/{NAME}/versions/99:predict"
    answer = httpx.post(url, json={"instances": IMAGES.tolist()})
    assert answer.status_code == 404
    assert "99" in answer.json()["error"]
