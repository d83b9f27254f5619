"""TensorFlow Serving's REST form: rows and columns, state and signature."""

import json

import numpy as np
import pytest

from tests.support.small_service import NAME, Service, a_one, answers_of

ONE = a_one()
BATCH = np.stack([ONE, ONE.T])
V1 = f"/v1/models/{NAME}"


def expected(images: np.ndarray) -> np.ndarray:
    return answers_of(1, images)


@pytest.mark.parametrize("place", ["", "/versions/3", "/labels/champion"])
def test_v1_answers_rows_and_columns(service: Service, place):
    rows = service.post(f"{V1}{place}:predict", json={"instances": BATCH.tolist()}).json()
    named = {"instances": [{"images": image.tolist()} for image in BATCH]}
    column = {"inputs": {"images": BATCH.tolist()}, "signature_name": "serving_default"}
    np.testing.assert_allclose(rows["predictions"], expected(BATCH), atol=1e-6)
    assert service.post(f"{V1}{place}:predict", json=named).json() == rows
    assert service.post(f"{V1}{place}:predict", json=column).json() == {
        "outputs": rows["predictions"]
    }


def test_v1_reports_state_and_signature(service: Service):
    state = service.get(V1).json()["model_version_status"]
    assert [(s["version"], s["state"]) for s in state] == [("3", "AVAILABLE")]
    metadata = service.get(f"{V1}/metadata").json()
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["images"]["dtype"] == "DT_FLOAT"


BAD_V1 = {
    "not JSON": b"{",
    "neither": {},
    "both": {"instances": [[0]], "inputs": [[0]]},
    "no list": {"instances": 7},
    "empty": {"instances": []},
    "other name": {"instances": [{"pixels": ONE.tolist()}]},
    "other signature": {"instances": [ONE.tolist()], "signature_name": "classify"},
    "wrong shape": {"instances": [[1, 2, 3]]},
    "mixed": {"instances": [ONE.tolist(), 7]},
}


@pytest.mark.parametrize("body", BAD_V1.values(), ids=BAD_V1)
def test_v1_refuses_in_its_own_form(service: Service, body):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = service.post(f"{V1}:predict", content=content)
    assert (answer.status_code, answer.json().keys()) == (400, {"error"})


@pytest.mark.parametrize("signature", ["serving_default", "", None])
def test_v1_takes_the_names_of_the_one_signature(service: Service, signature):
    body = {"instances": [ONE.tolist()], "signature_name": signature}
    assert service.post(f"{V1}:predict", json=body).status_code == 200
