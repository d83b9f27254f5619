"""The Open Inference Protocol: JSON and binary tensors, its extensions, its errors."""

import base64
import json
import struct

import numpy as np
import pytest

from tests.support.small_service import NAME, Service, a_one, answers_of, png_of

ONE = a_one()
BATCH = np.stack([ONE, ONE.T])
V2 = f"/v2/models/{NAME}"
INFER = f"{V2}/infer"
JSON = {"content-type": "application/json"}


def expected(images: np.ndarray) -> np.ndarray:
    return answers_of(1, images)


def tensor(**changes) -> dict:
    fields = {"name": "images", "shape": [2, 28, 28], "datatype": "FP32", "data": BATCH.tolist()}
    return {name: value for name, value in (fields | changes).items() if value is not None}


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


@pytest.mark.parametrize("binary", [False, True])
def test_v2_names_the_best_classes_where_that_is_wanted(service: Service, binary):
    parameters = {"classification": 3, "binary_data": binary}
    outputs = [{"name": "probabilities", "parameters": parameters}]
    answer = service.post(f"{V2}/infer", json={"inputs": [tensor()], "outputs": outputs})
    assert answer.status_code == 200, answer.text
    content = answer.content
    if binary:
        length = int(answer.headers["inference-header-content-length"])
        output, tail, texts = json.loads(content[:length])["outputs"][0], content[length:], []
        while tail:
            size = int.from_bytes(tail[:4], "little")
            texts.append(tail[4 : 4 + size].decode())
            tail = tail[4 + size :]
    else:
        output = answer.json()["outputs"][0]
        texts = output["data"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [2, 3])
    for row, start in zip(expected(BATCH), (0, 3), strict=True):
        best = np.argsort(-row)[:3]
        assert texts[start : start + 3] == [f"{row[digit]:f}:{digit}" for digit in best]


@pytest.mark.parametrize("classes", [-1, "3", 1.5, [3]])
def test_v2_refuses_a_number_of_classes_that_is_none(service: Service, classes):
    outputs = [{"name": "probabilities", "parameters": {"classification": classes}}]
    answer = service.post(f"{V2}/infer", json={"inputs": [tensor()], "outputs": outputs})
    assert (answer.status_code, "1 to 10" in answer.json()["error"]) == (400, True)


# Pictures as BYTES

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


# Outputs: probabilities and reasons

BLANK, NOISE = np.zeros((28, 28)), np.random.default_rng(0).random((28, 28))
DOUBTFUL = {"name": "images", "shape": [2, 28, 28], "datatype": "FP32"} | {
    "data": np.stack([BLANK, NOISE]).tolist()
}
REASONS = ["faint", "not one digit"]


def outputs(*names: str, **parameters: object) -> list[dict]:
    return [{"name": name, "parameters": parameters} for name in names]


def test_open_inference_answers_all_outputs_where_none_is_named(service: Service):
    content = service.post(INFER, json={"inputs": [DOUBTFUL]}).json()
    assert [output["name"] for output in content["outputs"]] == ["probabilities", "reasons"]
    assert content["outputs"][1] == {
        "name": "reasons",
        "shape": [2],
        "datatype": "BYTES",
        "data": REASONS,
    }


def test_open_inference_answers_the_outputs_that_are_named(service: Service):
    for name in ("probabilities", "reasons"):
        answer = service.post(INFER, json={"inputs": [DOUBTFUL], "outputs": outputs(name)})
        assert [output["name"] for output in answer.json()["outputs"]] == [name]


def test_open_inference_describes_both_outputs(service: Service):
    content = service.get(f"/v2/models/{NAME}").json()
    assert content["outputs"] == [
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]},
        {"name": "reasons", "datatype": "BYTES", "shape": [-1]},
    ]


def test_binary_reasons_follow_the_probabilities(service: Service):
    asked = {"inputs": [DOUBTFUL], "parameters": {"binary_data_output": True}}
    answer = service.post(INFER, json=asked)
    length = int(answer.headers["inference-header-content-length"])
    described = json.loads(answer.content[:length])["outputs"]
    sizes = [output["parameters"]["binary_data_size"] for output in described]
    tail = answer.content[length:]
    assert sum(sizes) == len(tail)
    texts, rest = [], tail[sizes[0] :]
    while rest:
        size = int.from_bytes(rest[:4], "little")
        texts.append(rest[4 : 4 + size].decode())
        rest = rest[4 + size :]
    assert texts == REASONS


def test_one_output_may_be_binary_and_the_other_not(service: Service):
    wanted = [*outputs("reasons"), *outputs("probabilities", binary_data=True)]
    answer = service.post(INFER, json={"inputs": [DOUBTFUL], "outputs": wanted})
    length = int(answer.headers["inference-header-content-length"])
    first, second = json.loads(answer.content[:length])["outputs"]
    assert (first["data"], second["parameters"]) == (REASONS, {"binary_data_size": 80})
    assert np.frombuffer(answer.content[length:], "<f4").reshape(2, 10).sum() == pytest.approx(2)


@pytest.mark.parametrize(
    "wanted",
    [outputs("reasons", "reasons"), outputs("digit"), [{"name": ["reasons"]}], ["reasons"]],
)
def test_outputs_that_there_are_not_are_refused(service: Service, wanted):
    answer = service.post(INFER, json={"inputs": [DOUBTFUL], "outputs": wanted})
    assert (answer.status_code, "reasons" in answer.json()["error"]) == (400, True)
