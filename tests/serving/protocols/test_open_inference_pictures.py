"""The Open Inference Protocol: tensors of pictures as BYTES."""

import base64
import json
import struct

import numpy as np
import pytest

from serving.errors import InvalidDigits, InvalidRequest, TooLarge
from serving.protocols.digits import MAX_PICTURES
from serving.protocols.open_inference import Inference
from tests.support.open_inference_requests import INFER, followed, parsed
from tests.support.refusals import says
from tests.support.small_service import Service, a_one, png_of

PNG = png_of(a_one())
TEXT = base64.b64encode(PNG).decode()
URL_SAFE = base64.urlsafe_b64encode(PNG).decode()


@pytest.fixture(scope="module")
def answered(service: Service) -> np.ndarray:
    headers = {"content-type": "image/png"}
    return service.post("/predict", content=PNG, headers=headers).json()["probabilities"]


def pictures_tensor(data, shape, **parameters) -> dict:
    fields = {"name": "images", "datatype": "BYTES", "shape": shape}
    return fields | ({"data": data} if data is not None else {"parameters": parameters})


@pytest.mark.parametrize(("data", "shape"), [([TEXT] * 2, [2]), ([[TEXT], [URL_SAFE]], [2, 1])])
def test_a_bytes_tensor_in_json_holds_pictures_in_base64(service: Service, answered, data, shape):
    output = service.post(INFER, json={"inputs": [pictures_tensor(data, shape)]}).json()["outputs"][
        0
    ]
    np.testing.assert_allclose(np.reshape(output["data"], (2, 10)), [answered] * 2, atol=1e-6)


def in_binary(elements: list[bytes], cut: int = 0) -> tuple[bytes, dict[str, str]]:
    content = b"".join(struct.pack("<I", len(one)) + one for one in elements)
    content = content[: len(content) - cut]
    inputs = [pictures_tensor(None, [len(elements)], binary_data_size=len(content))]
    head = json.dumps({"inputs": inputs}).encode()
    return head + content, {"inference-header-content-length": str(len(head))}


def test_a_binary_bytes_tensor_holds_the_files_themselves(service: Service, answered):
    content, headers = in_binary([PNG, PNG])
    output = service.post(INFER, content=content, headers=headers).json()["outputs"][0]
    np.testing.assert_allclose(np.reshape(output["data"], (2, 10)), [answered] * 2, atol=1e-6)


@pytest.mark.parametrize(
    ("data", "shape"), [(["*"], [1]), ([TEXT], [2]), ([], [1]), ("seven", [1])]
)
def test_a_bytes_tensor_of_no_pictures_or_another_number_is_refused(service: Service, data, shape):
    answer = service.post(INFER, json={"inputs": [pictures_tensor(data, shape)]})
    assert (answer.status_code, answer.json().keys()) == (400, {"error"})


@pytest.mark.parametrize("cut", [1, len(PNG), len(PNG) + 2])
def test_a_binary_bytes_tensor_that_is_cut_off_is_refused(service: Service, cut):
    content, headers = in_binary([PNG], cut)
    assert service.post(INFER, content=content, headers=headers).status_code == 400


@pytest.mark.parametrize("size", [5, len(PNG), "x", True, 0, float(4 + len(PNG)), None])
def test_a_bytes_tensor_of_another_size_than_the_bytes_that_follow_is_refused(
    service: Service, size
):
    content, _ = in_binary([PNG])
    content = content[-4 - len(PNG) :]
    head = json.dumps({"inputs": [pictures_tensor(None, [1], binary_data_size=size)]}).encode()
    headers = {"inference-header-content-length": str(len(head))}
    answer = service.post(INFER, content=head + content, headers=headers)
    assert (answer.status_code, f"{len(content)} bytes follow" in answer.json()["error"]) == (
        400,
        True,
    )


@pytest.mark.parametrize(
    "one",
    [
        pictures_tensor([TEXT], [1]),
        {"name": "images", "datatype": "FP32", "shape": [784], "data": [0] * 784},
    ],
)
def test_bytes_that_belong_to_no_tensor_are_refused(service: Service, one):
    head = json.dumps({"inputs": [one]}).encode()
    headers = {"inference-header-content-length": str(len(head))}
    assert service.post(INFER, content=head, headers=headers).status_code == 200
    answer = service.post(INFER, content=head + b"rest", headers=headers)
    assert (answer.status_code, "4 bytes follow" in answer.json()["error"]) == (400, True)


# The functions themselves


def in_json(data: list, count: int) -> Inference:
    return parsed(inputs=[pictures_tensor(data, [count])])


@pytest.mark.parametrize(
    "data", [["YQ==", "Yg=="], [["YQ=="], ["Yg=="]], [["YQ==", "Yg=="]], [[["YQ=="], ["Yg=="]]]]
)
def test_pictures_are_read_in_order_however_they_are_nested(data):
    assert in_json(data, 2).images == [b"a", b"b"]


@pytest.mark.parametrize("data", [[["YQ==", "YQ=="], ["Yg=="]], [["YQ=="], "Yg=="], [["YQ=="], []]])
def test_pictures_in_ragged_lists_are_refused(data):
    with says(InvalidRequest, '"data" is nested; expected a list of strings in base64.'):
        in_json(data, 2)


def test_the_number_of_pictures_is_that_of_the_shape():
    for data, count in ((["YQ=="], 2), (["YQ=="] * 2, 1), ([], 1)):
        with says(InvalidDigits, f"has {len(data)} elements; its shape has {count}."):
            in_json(data, count)


@pytest.mark.parametrize("size", [0, 1, 300, 70_000])
def test_a_binary_element_is_as_long_as_it_says(size):
    content = struct.pack("<I", size) + bytes(size) + struct.pack("<I", 1) + b"b"
    fields = pictures_tensor(None, [2], binary_data_size=len(content))
    assert followed(fields, content).images == [bytes(size), b"b"]
    fields = pictures_tensor(None, [2], binary_data_size=len(content) - 1)
    with says(InvalidRequest, "A BYTES element says that it is longer than the tensor."):
        followed(fields, content[:-1])


def test_as_many_binary_pictures_are_taken_as_in_json():
    def sent(count: int) -> Inference:
        content = (struct.pack("<I", 1) + b"a") * count
        return followed(pictures_tensor(None, [count], binary_data_size=len(content)), content)

    assert len(sent(MAX_PICTURES).images) == 32
    with says(TooLarge, "33 pictures were sent; send at most 32."):
        sent(MAX_PICTURES + 1)
