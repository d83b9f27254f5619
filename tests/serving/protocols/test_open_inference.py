"""The Open Inference Protocol: tensors of pixels in JSON and binary form, and what is refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import InvalidDigits, InvalidRequest, TooLarge
from serving.protocols import open_inference
from serving.protocols.open_inference import LONGEST_ID, Inference, parse
from tests.support.a_request import a_request
from tests.support.open_inference_requests import BATCH, V2, expected, followed, parsed, tensor
from tests.support.refusals import says
from tests.support.small_service import NAME, Service

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"data": BATCH.ravel().tolist()},
        {"shape": [2, 784], "datatype": "FP64"},
        {"datatype": "UINT8", "data": (BATCH * 255).astype(int).tolist()},
    ],
)
def test_v2_answers_json_tensors(service: Service, changes):
    answer = service.post(f"{V2}/infer", json={"id": "seven", "inputs": [tensor(**changes)]})
    content = answer.json()
    assert (content["model_name"], content["model_version"], content["id"]) == (NAME, "3", "seven")
    output = content["outputs"][0]
    assert (output["name"], output["datatype"], output["shape"]) == (
        "probabilities",
        "FP32",
        [2, 10],
    )
    got = np.reshape(output["data"], (2, 10))
    np.testing.assert_allclose(got, expected(BATCH), atol=1e-6)


def binary(values: np.ndarray, datatype: str, **more) -> tuple[bytes, dict[str, str]]:
    content = values.tobytes()
    parameters = {"binary_data_size": len(content)}
    header = {"inputs": [tensor(datatype=datatype, data=None, parameters=parameters)], **more}
    text = json.dumps(header).encode()
    return text + content, {"inference-header-content-length": str(len(text))}


@pytest.mark.parametrize(
    ("values", "datatype"),
    [
        (BATCH.astype("<f4"), "FP32"),
        (BATCH.astype("<f2"), "FP16"),
        (BATCH.astype("<f8"), "FP64"),
        ((BATCH * 255).astype("u1"), "UINT8"),
    ],
)
@pytest.mark.parametrize(
    "wish",
    [
        {"parameters": {"binary_data_output": True}},
        {"outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}]},
    ],
)
def test_v2_answers_binary_tensors(service: Service, values, datatype, wish):
    body, headers = binary(values, datatype, **wish)
    answer = service.post(f"{V2}/versions/3/infer", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    length = int(answer.headers["inference-header-content-length"])
    output = json.loads(answer.content[:length])["outputs"][0]
    size = output["parameters"]["binary_data_size"]
    got = np.frombuffer(answer.content[length : length + size], "<f4").reshape(output["shape"])
    np.testing.assert_allclose(got, expected(BATCH), atol=1e-6)


def test_v2_describes_what_the_model_takes(service: Service):
    content = service.get(V2).json()
    assert (content["name"], content["versions"]) == (NAME, ["3"])
    assert content["inputs"] == [{"name": "images", "datatype": "FP32", "shape": [-1, 28, 28]}]
    assert service.get("/v2").json()["extensions"][0] == "binary_tensor_data"
    for path in ("/v2/health/live", "/v2/health/ready", f"{V2}/ready", f"{V2}/versions/3/ready"):
        assert service.get(path).status_code == 200


BAD_V2 = {
    "not JSON": b"{",
    "a list": b"[]",
    "no inputs": b"{}",
    "two inputs": {"inputs": [tensor(), tensor()]},
    "inputs of texts": {"inputs": ["images"]},
    "other name": {"inputs": [tensor(name="pixels")]},
    "other type": {"inputs": [tensor(datatype="BYTES")]},
    "type a list": {"inputs": [tensor(datatype=[])]},
    "no shape": {"inputs": [tensor(shape=None)]},
    "negative shape": {"inputs": [tensor(shape=[-2, 28, 28])]},
    "wrong shape": {"inputs": [tensor(shape=[3, 28, 28])]},
    "endless shape": {"inputs": [tensor(shape=[2] * 10_000)]},
    "no data": {"inputs": [tensor(data=None)]},
    "ragged": {"inputs": [tensor(data=[[1, 2], [3]])]},
    "texts": {"inputs": [tensor(data=["1"] * 1568)]},
    "range": {"inputs": [tensor(data=[2.0] * 1568)]},
    "no UINT8": {"inputs": [tensor(datatype="UINT8", data=[256] * 1568)]},
    "id": {"id": 7, "inputs": [tensor()]},
    "parameters": {"inputs": [tensor()], "parameters": [1]},
    "other output": {"inputs": [tensor()], "outputs": [{"name": "digit"}]},
    "binary size": {"inputs": [tensor(parameters={"binary_data_size": 9})]},
}


@pytest.mark.parametrize("body", BAD_V2.values(), ids=BAD_V2)
def test_v2_refuses_in_its_own_form(service: Service, body):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = service.post(f"{V2}/infer", content=content, headers=JSON)
    assert (answer.status_code, answer.json().keys()) == (400, {"error"})


@pytest.mark.parametrize("length", ["x", "-1", "999999999", "³", "1"])
def test_v2_refuses_a_wrong_header_length(service: Service, length):
    body, _ = binary(BATCH, "FP32")
    headers = {"inference-header-content-length": length.encode("latin-1", "replace")}
    assert service.post(f"{V2}/infer", content=body, headers=headers).status_code == 400


def test_v2_refuses_truncated_binary_tensors(service: Service):
    body, headers = binary(BATCH, "FP32")
    answer = service.post(f"{V2}/infer", content=body[:-1], headers=headers)
    assert answer.status_code == 400
    assert "6271 bytes follow" in answer.json()["error"]


def test_v2_refuses_nan_in_binary_tensors(service: Service):
    body, headers = binary(np.full_like(BATCH, np.nan), "FP32")
    answer = service.post(f"{V2}/infer", content=body, headers=headers)
    assert (answer.status_code, "A pixel is NaN" in answer.json()["error"]) == (400, True)


def test_infinite_pixels_are_refused(service: Service):
    body, headers = binary(np.full_like(BATCH, np.inf), "FP32")
    answer = service.post(f"{V2}/infer", content=body, headers=headers)
    assert (answer.status_code, "range from inf to inf" in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize(
    "more",
    [{"id": None}, {"id": None, "parameters": None, "outputs": None}, {"id": ""}],
)
def test_v2_takes_null_for_what_is_optional(service: Service, more):
    body = {"inputs": [tensor() | {"parameters": None}], **more}
    answer = service.post(f"{V2}/infer", json=body)
    assert answer.status_code == 200
    assert "id" not in answer.json()


# The functions themselves


def test_the_senders_id_may_have_two_hundred_characters():
    assert parsed(id="x" * LONGEST_ID).id == "x" * 200
    assert parsed().id == ""
    for wrong in ("x" * (LONGEST_ID + 1), 7, ["x"]):
        with says(InvalidRequest, '"id" is no text of at most 200 characters.'):
            parsed(id=wrong)


@pytest.mark.parametrize("inputs", [None, {}, [], [tensor(), tensor()], ["images"]])
def test_one_tensor_is_expected_and_named(inputs):
    with says(InvalidRequest, '"inputs" is no list of one tensor named "images".'):
        parsed(inputs=inputs)


def test_what_is_no_object_is_told_what_one_has():
    with says(InvalidRequest, 'Expected an object with "inputs".'):
        parse(a_request([tensor()]))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "pixels"}, "The input is named 'pixels'; expected 'images'."),
        ({"name": None}, "The input is named None; expected 'images'."),
        ({"datatype": "INT8"}, "is 'INT8'; expected one of FP64, FP32, FP16, UINT8, BYTES."),
        ({"datatype": ["FP32"]}, "The datatype is ['FP32']; expected one of"),
        ({"shape": 784}, '"shape" is 784; expected [images, 28, 28] or [images, 784].'),
        ({"shape": [0, 784]}, '"shape" is [0, 784]; expected'),
        ({"shape": [2.0, 784]}, '"shape" is [2.0, 784]; expected'),
        ({"shape": [True, 784]}, '"shape" is [True, 784]; expected'),
        ({"shape": [2**31, 784]}, '"shape" is [2147483648, 784]; expected'),
        ({"shape": [2, 28, 28, 1, 1]}, '"shape" is [2, 28, 28, 1, 1]; expected'),
        ({"data": None}, '"data" is no list, and no binary_data_size is given.'),
        ({"data": 7}, '"data" is no list, and no binary_data_size is given.'),
        ({"parameters": [1]}, '"parameters" is no object.'),
        ({"parameters": {"binary_data_size": 8}}, "is 8, but 0 bytes follow the JSON header."),
        ({"parameters": {"binary_data_size": "0"}}, "is '0', but 0 bytes follow"),
    ],
)
def test_a_wrong_tensor_is_told_what_was_found_and_what_is_expected(changes, reason):
    with says(InvalidRequest, reason):
        parsed(inputs=[tensor(**changes)])


@pytest.mark.parametrize("shape", [[3, 28, 28], [1, 784], [2**31 - 1]])
def test_a_shape_of_other_than_its_values_is_refused(shape):
    with says(InvalidDigits, f"The tensor has 1568 values; its shape is {shape}."):
        parsed(inputs=[tensor(shape=shape)])


def test_bytes_that_follow_without_their_size_are_named():
    with says(InvalidRequest, "binary_data_size is missing, but 4 bytes follow the JSON header."):
        followed(tensor(), b"rest")


@pytest.mark.parametrize(("datatype", "bytes_"), [("FP16", 3), ("FP32", 6), ("FP64", 12)])
def test_bytes_that_are_no_whole_values_are_refused(datatype, bytes_):
    fields = tensor(datatype=datatype, data=None, parameters={"binary_data_size": bytes_})
    with says(InvalidRequest, f"{bytes_} bytes are no whole number of {datatype} values."):
        followed(fields, bytes(bytes_))


@given(st.lists(st.integers(0, 255), min_size=4, max_size=4))
def test_of_eight_bits_255_is_ink(corner):
    pixels = np.zeros((1, 784), np.uint8)
    pixels[0, :4] = corner
    in_json = parsed(inputs=[tensor(shape=[1, 784], datatype="UINT8", data=pixels.tolist())])
    fields = tensor(shape=[1, 784], datatype="UINT8", data=None)
    in_binary = followed(fields | {"parameters": {"binary_data_size": 784}}, pixels.tobytes())
    for inference in (in_json, in_binary):
        assert inference.images.dtype == np.float32
        np.testing.assert_allclose(inference.images[0, 0, :4], np.array(corner) / 255, rtol=1e-6)


@pytest.mark.parametrize("value", [-1, 256, 0.5])
def test_what_is_no_uint8_is_refused(value):
    data = [255] * 783 + [value]
    with says(InvalidDigits, "is no UINT8; expected whole numbers from 0 to 255."):
        parsed(inputs=[tensor(shape=[1, 784], datatype="UINT8", data=data)])


@pytest.mark.parametrize("length", ["3", "9" * 13, "-1", "1.0", "\xb2"])
def test_a_header_length_that_is_none_is_named_with_the_bodys(length):
    request = a_request(b"{}")
    request.headers[open_inference.LENGTH] = length.encode("latin-1")
    with says(InvalidRequest, f"is {length!r}; expected at most the body's 2 bytes."):
        parse(request)


def test_a_header_that_is_the_whole_body_is_none():
    body = json.dumps({"inputs": [tensor()]}).encode()
    whole = parse(a_request(body, inference_header_content_length=str(len(body))))
    np.testing.assert_array_equal(whole.images, BATCH)


# A body without JSON


def raw(content: bytes) -> Inference:
    return parse(a_request(content, inference_header_content_length="0"))


def test_a_body_without_json_is_the_tensor_itself_and_answered_in_binary():
    found = raw(BATCH.astype("<f4").tobytes())
    np.testing.assert_array_equal(found.images, BATCH)
    assert (found.id, found.outputs) == ("", {"probabilities": True, "reasons": True})


@pytest.mark.parametrize("size", [1, 784, 3135, 3137])
def test_a_body_without_json_that_fits_no_images_is_refused(size):
    with says(InvalidRequest, f"of {size} bytes", "expected 3,136 an image, 28×28 of FP32."):
        raw(bytes(size))


def test_a_body_without_json_has_as_many_images_as_any_other_and_pixels_in_range():
    with says(TooLarge, "The batch has 2,001 images"):
        raw(bytes(3136 * 2001))
    with says(InvalidDigits, "The pixels range from 0 to 255"):
        raw((255 * BATCH).astype("<f4").tobytes())
