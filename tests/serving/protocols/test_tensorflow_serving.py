"""TensorFlow Serving's REST form: rows and columns, state and signature."""

import json
import re

import numpy as np
import pytest

from serving.errors import InvalidDigits, InvalidRequest
from serving.http import Response
from serving.protocols import tensorflow_serving
from tests.support.a_request import a_request
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


# The functions themselves

PICTURES = [{"b64": "YQ=="}, {"b64": "Yg=="}]  # of the bytes a and b


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ({"instances": PICTURES}, True),
        ({"instances": [{"images": picture} for picture in PICTURES]}, True),
        ({"inputs": PICTURES}, False),
        ({"inputs": {"images": PICTURES}}, False),
        ({"inputs": [{"images": picture} for picture in PICTURES]}, False),
        ({"inputs": PICTURES, "instances": None}, False),
    ],
)
def test_rows_and_columns_are_told_apart_and_read_in_order(content, rows):
    assert tensorflow_serving.parse(a_request(content)) == ([b"a", b"b"], rows)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], 'Expected an object with either "instances" or "inputs".'),
        ({"instances": []}, '"instances" is no list with at least one image.'),
        ({"instances": {"images": []}}, '"instances" is no list with at least one image.'),
        ({"inputs": {"pixels": 1, "a": 2}}, "named ['a', 'pixels']; expected \"images\" alone."),
        ({"inputs": [{"pixels": [0] * 784}]}, "named ['pixels']; expected \"images\" alone."),
        ({"inputs": {"images": [], "more": 1}}, "named ['images', 'more']; expected"),
        ({"instances": [{"b64": "YQ==", "more": 1}]}, "named ['b64', 'more']; expected"),
        (
            {"inputs": PICTURES, "signature_name": "classify"},
            "The model has no signature 'classify'; expected 'serving_default'.",
        ),
        ({"inputs": PICTURES, "signature_name": 0}, "no signature 0; expected"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_expected(content, reason):
    with pytest.raises(InvalidRequest, match=re.escape(reason)):
        tensorflow_serving.parse(a_request(content))


def test_fields_that_exclude_each_other_are_named():
    with pytest.raises(InvalidDigits, match="expected one of instances, inputs"):
        tensorflow_serving.parse(a_request({}))


def content_of(response: Response) -> dict:
    return json.loads(response.body)


def test_probabilities_are_predictions_of_rows_and_outputs_of_columns():
    shares = np.array([[0.25, 0.75]], np.float32)
    assert content_of(tensorflow_serving.answer(shares, True)) == {"predictions": [[0.25, 0.75]]}
    assert content_of(tensorflow_serving.answer(shares, False)) == {"outputs": [[0.25, 0.75]]}


def test_the_state_is_ready_without_an_error(service: Service):
    content = content_of(tensorflow_serving.status(service.models.champion()))
    assert (content["name"], content["ready"]) == (NAME, True)
    (state,) = content["model_version_status"]
    assert state == {
        "version": "3",
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }


def test_the_signature_has_a_size_for_every_axis(service: Service):
    content = content_of(tensorflow_serving.metadata(service.models.champion()))
    assert content["model_spec"] == {"name": NAME, "signature_name": "", "version": "3"}
    signature = content["metadata"]["signature_def"]["signature_def"]["serving_default"]
    tensors = signature["inputs"]["images"], signature["outputs"]["probabilities"]
    shapes = [tensor["tensor_shape"] for tensor in tensors]
    sizes = [[axis["size"] for axis in shape["dim"]] for shape in shapes]
    assert sizes == [["-1", "28", "28"], ["-1", "10"]]
    assert [shape["unknown_rank"] for shape in shapes] == [False, False]


@pytest.mark.parametrize(("status", "said"), [(422, 400), (400, 400), (413, 413), (503, 503)])
def test_an_error_that_the_protocol_does_not_know_is_400(status, said):
    response = tensorflow_serving.failure("why", status, a_request())
    assert (response.status, content_of(response)) == (said, {"error": "why"})
