"""What holds for all wire formats."""

import json
import time

import numpy as np
import pytest

from tests.support.small_service import NAME, Service, a_one, answers_of

BATCH = np.stack([a_one(), a_one().T])
V1, V2 = f"/v1/models/{NAME}", f"/v2/models/{NAME}"
JSON = {"content-type": "application/json"}
TENSOR = {"name": "images", "datatype": "FP32", "data": BATCH.tolist()}


def expected(images: np.ndarray) -> np.ndarray:
    return answers_of(1, images)


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/predict", JSON, json.dumps({"image": [0.5] * 9_999 + ["x" * 5_000_000]}).encode(), 422),
        (f"{V2}/infer", JSON | {"inference-header-content-length": "9" * 5_000}, b"{}", 400),
        (
            f"{V2}/infer",
            JSON,
            json.dumps(
                {
                    "inputs": [
                        {"name": "images", "datatype": "FP32", "shape": [9] * 100_000, "data": []}
                    ]
                }
            ).encode(),
            400,
        ),
        (f"{V1}:predict", JSON, json.dumps({"inputs": {"x" * 3_000_000: []}}).encode(), 400),
        ("/invocations", {"content-type": "text/csv"}, b"x\n" * 3_000_000, 413),
        (f"{V2}/infer", JSON, json.dumps({"inputs": [{}], "id": "x" * 5_000_000}).encode(), 400),
    ],
    ids=[
        "a long text in a list",
        "a long length",
        "a shape of many sizes",
        "a long name",
        "a table of many lines",
        "a long id",
    ],
)
def test_a_body_that_would_cost_much_is_refused_in_a_moment_and_a_few_words(
    service: Service, path, headers, body, status
):
    started = time.perf_counter()
    answer = service.request("POST", path, headers=headers, content=body)
    assert time.perf_counter() - started < 2
    assert answer.status_code == status
    assert len(answer.content) < 2_000


@pytest.mark.parametrize("shape", [[2, 1, 28, 28], [2, 28, 28, 1]], ids=["NCHW", "NHWC"])
def test_a_channel_may_stand_where_pytorch_or_tensorflow_has_it(service: Service, shape):
    answer = service.post(f"{V2}/infer", json={"inputs": [TENSOR | {"shape": shape}]})
    got = np.reshape(answer.json()["outputs"][0]["data"], (2, 10))
    np.testing.assert_allclose(got, expected(BATCH), atol=1e-6)
    images = BATCH.reshape(shape).tolist()
    rows = service.post("/predict", json={"images": images}).json()["predictions"]
    np.testing.assert_allclose([row["probabilities"] for row in rows], expected(BATCH), atol=1e-6)
