"""Pictures inside JSON and tensors: data: URLs, base64 in both alphabets, BYTES."""

import base64
import json
import struct

import numpy as np
import pytest

from serving.protocols.digits import MAX_PICTURES
from tests.support.small_service import NAME, Service, a_one, png_of

PNG = png_of(a_one())
TEXT = base64.b64encode(PNG).decode()
URL_SAFE = base64.urlsafe_b64encode(PNG).decode()
PREDICT, V1, V2 = "/predict", f"/v1/models/{NAME}:predict", f"/v2/models/{NAME}/infer"


@pytest.fixture(scope="module")
def expected(service: Service) -> np.ndarray:
    headers = {"content-type": "image/png"}
    return service.post(PREDICT, content=PNG, headers=headers).json()["probabilities"]


@pytest.mark.parametrize(
    "picture",
    [
        f"data:image/png;base64,{TEXT}",
        TEXT,
        URL_SAFE,
        URL_SAFE.rstrip("="),
        "\n".join(TEXT[start : start + 76] for start in range(0, len(TEXT), 76)),
        {"b64": TEXT},
        {"b64": URL_SAFE},
    ],
    ids=["data URL", "base64", "URL-safe", "unpadded", "in lines", "b64", "b64 URL-safe"],
)
def test_a_picture_in_base64_is_read_by_every_protocol(service: Service, expected, picture):
    one = service.post(PREDICT, json={"image": picture}).json()
    assert one["probabilities"] == expected
    two = service.post(PREDICT, json={"images": [picture, picture]}).json()["predictions"]
    assert [each["probabilities"] for each in two] == [expected] * 2
    rows = service.post(V1, json={"instances": [picture]}).json()["predictions"]
    np.testing.assert_allclose(rows, [expected], atol=1e-6)
    named = service.post(V1, json={"instances": [{"images": picture}]}).json()["predictions"]
    np.testing.assert_allclose(named, [expected], atol=1e-6)
    scored = service.post("/invocations", json={"inputs": [picture]}).json()["predictions"]
    np.testing.assert_allclose(scored["probabilities"], [expected], atol=1e-6)


def tensor(data, shape, **parameters) -> dict:
    fields = {"name": "images", "datatype": "BYTES", "shape": shape}
    return fields | ({"data": data} if data is not None else {"parameters": parameters})


@pytest.mark.parametrize(("data", "shape"), [([TEXT] * 2, [2]), ([[TEXT], [URL_SAFE]], [2, 1])])
def test_a_bytes_tensor_in_json_holds_pictures_in_base64(service: Service, expected, data, shape):
    output = service.post(V2, json={"inputs": [tensor(data, shape)]}).json()["outputs"][0]
    np.testing.assert_allclose(np.reshape(output["data"], (2, 10)), [expected] * 2, atol=1e-6)


def in_binary(elements: list[bytes], cut: int = 0) -> tuple[bytes, dict[str, str]]:
    content = b"".join(struct.pack("<I", len(one)) + one for one in elements)
    content = content[: len(content) - cut]
    inputs = [tensor(None, [len(elements)], binary_data_size=len(content))]
    head = json.dumps({"inputs": inputs}).encode()
    return head + content, {"inference-header-content-length": str(len(head))}


def test_a_binary_bytes_tensor_holds_the_files_themselves(service: Service, expected):
    content, headers = in_binary([PNG, PNG])
    output = service.post(V2, content=content, headers=headers).json()["outputs"][0]
    np.testing.assert_allclose(np.reshape(output["data"], (2, 10)), [expected] * 2, atol=1e-6)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PREDICT, {"image": "seven"}),
        (PREDICT, {"image": "data:image/png,seven"}),
        (PREDICT, {"image": base64.b64encode(b"no picture").decode()}),
        (PREDICT, {"image": {"b64": 7}}),
        (PREDICT, {"images": [TEXT, 7]}),
        (PREDICT, {"images": [TEXT] * (MAX_PICTURES + 1)}),
        (V1, {"instances": [{"b64": "*"}]}),
        (V2, {"inputs": [tensor(["*"], [1])]}),
        (V2, {"inputs": [tensor([TEXT], [2])]}),
        (V2, {"inputs": [tensor([], [1])]}),
        (V2, {"inputs": [tensor("seven", [1])]}),
    ],
)
def test_what_is_no_picture_is_refused(service: Service, path, body):
    assert service.post(path, json=body).status_code in (400, 413, 422)


@pytest.mark.parametrize("cut", [1, len(PNG), len(PNG) + 2])
def test_a_binary_bytes_tensor_that_is_cut_off_is_refused(service: Service, cut):
    content, headers = in_binary([PNG], cut)
    assert service.post(V2, content=content, headers=headers).status_code == 400


@pytest.mark.parametrize("size", [5, len(PNG), "x", True, 0, float(4 + len(PNG)), None])
def test_a_bytes_tensor_of_another_size_than_the_bytes_that_follow_is_refused(
    service: Service, size
):
    content, _ = in_binary([PNG])
    content = content[-4 - len(PNG) :]
    head = json.dumps({"inputs": [tensor(None, [1], binary_data_size=size)]}).encode()
    headers = {"inference-header-content-length": str(len(head))}
    answer = service.post(V2, content=head + content, headers=headers)
    assert (answer.status_code, f"{len(content)} bytes follow" in answer.json()["error"]) == (
        400,
        True,
    )


@pytest.mark.parametrize(
    "one",
    [
        tensor([TEXT], [1]),
        {"name": "images", "datatype": "FP32", "shape": [784], "data": [0] * 784},
    ],
)
def test_bytes_that_belong_to_no_tensor_are_refused(service: Service, one):
    head = json.dumps({"inputs": [one]}).encode()
    headers = {"inference-header-content-length": str(len(head))}
    assert service.post(V2, content=head, headers=headers).status_code == 200
    answer = service.post(V2, content=head + b"rest", headers=headers)
    assert (answer.status_code, "4 bytes follow" in answer.json()["error"]) == (400, True)
