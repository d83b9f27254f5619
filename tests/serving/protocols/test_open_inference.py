"""The Open Inference Protocol: JSON and binary tensors, its extensions, its errors."""

import base64
import json
import re
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import InvalidDigits, InvalidRequest, ServingError, TooLarge
from serving.metrics import ModelTotals
from serving.model.loaded_model import load
from serving.model.runner import ModelRunner
from serving.protocols import open_inference
from serving.protocols.digits import MAX_PICTURES
from serving.protocols.open_inference import LONGEST_ID, Inference, parse
from tests.support.a_request import a_request
from tests.support.small_service import NAME, Service, a_one, answers_of, png_of, put_copy

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


# The functions themselves


def parsed(**content) -> Inference:
    return parse(a_request({"inputs": [tensor()]} | content))


def followed(fields: dict, binary: bytes) -> Inference:
    """A request whose tensor follows its JSON."""
    head = json.dumps({"inputs": [fields]}).encode()
    length = {open_inference.LENGTH.decode().replace("-", "_"): str(len(head))}
    return parse(a_request(head + binary, **length))


def says(error: type[ServingError], *parts: str):
    return pytest.raises(error, match=".*".join(map(re.escape, parts)))


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


def test_no_model_is_loaded_or_unloaded_by_hand(service: Service):
    for action in ("load", "unload"):
        answer = service.post(f"/v2/repository/models/{NAME}/{action}", json={})
        assert (answer.status_code, answer.json().keys()) == (400, {"error"})
        assert answer.json()["error"].startswith("explicit model load / unload is not allowed: ")


# Pictures


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


# What is asked for


@pytest.mark.parametrize(
    ("asked", "outputs"),
    [
        ({}, {"probabilities": False, "reasons": False}),
        ({"outputs": []}, {"probabilities": False, "reasons": False}),
        (
            {"parameters": {"binary_data_output": True}},
            {"probabilities": True, "reasons": True},
        ),
        (
            {"parameters": {"binary_data_output": 1}},
            {"probabilities": False, "reasons": False},
        ),
        ({"outputs": outputs("reasons", binary_data=True)}, {"reasons": True}),
        (
            {
                "parameters": {"binary_data_output": True},
                "outputs": outputs("probabilities", binary_data=False),
            },
            {"probabilities": False},
        ),
        (
            {
                "parameters": {"binary_data_output": True},
                "outputs": outputs("probabilities", binary_data=None),
            },
            {"probabilities": True},
        ),
    ],
)
def test_each_output_is_binary_where_it_or_the_request_says_so(asked, outputs):
    assert parsed(**asked).outputs == outputs


def test_classes_are_asked_of_the_probabilities():
    assert parsed().classes == 0
    assert parsed(outputs=outputs("probabilities", classification=None)).classes == 0
    assert parsed(outputs=outputs("probabilities", "reasons", classification=3)).classes == 3
    assert parsed(outputs=outputs("reasons", classification=3)).classes == 0


def test_a_wrong_output_is_named_with_those_there_are():
    with says(InvalidRequest, "is named 'digit'; expected 'probabilities' or 'reasons', each once"):
        parsed(outputs=outputs("digit"))
    with says(InvalidRequest, '"outputs" is no list of tensors named "probabilities" or'):
        parsed(outputs={"name": "probabilities"})


# Answers


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> ModelRunner:
    """A model of three named classes."""
    home = tmp_path_factory.mktemp("letters")
    put_copy(home, "2", seed=1, name="letters", labels=["a", "b", "c"])
    return ModelRunner(load(home, "letters", "2", "champion"), "http://mlflow")


SHARES = np.array([[0.25, 0.5, 0.25], [0.125, 0.125, 0.75]], np.float32)


def answered_by(runner: ModelRunner, classes: int = 0, binary: bool = False, id: str = "") -> dict:
    inference = Inference(id, BATCH, {"probabilities": binary}, classes)
    return json.loads(open_inference.answer(runner, inference, SHARES, []).body)


def test_named_classes_are_answered_the_best_first_and_of_equal_ones_the_first(letters):
    (output,) = answered_by(letters, classes=2)["outputs"]
    assert (output["shape"], output["datatype"]) == ([2, 2], "BYTES")
    assert output["data"] == ["0.500000:1:b", "0.250000:0:a", "0.750000:2:c", "0.125000:0:a"]


def test_more_classes_than_there_are_are_all(letters):
    (output,) = answered_by(letters, classes=9)["outputs"]
    assert (output["shape"], len(output["data"])) == ([2, 3], 6)


def test_an_answer_names_its_model_and_repeats_an_id(letters):
    content = answered_by(letters, id="seven")
    assert (content["model_name"], content["model_version"]) == ("letters", "2")
    assert content["id"] == "seven"
    assert "id" not in answered_by(letters)
    assert content["outputs"][0]["shape"] == [2, 3]
    assert content["outputs"][0]["data"] == SHARES.ravel().tolist()


# Descriptions


def content_of(response) -> dict:
    return json.loads(response.body)


def test_the_configuration_says_the_most_images_and_the_names_of_classes():
    digits = content_of(open_inference.model_config("digits", 10))
    assert digits["max_batch_size"] == 2000
    assert digits["input"] == [{"name": "images", "data_type": "TYPE_FP32", "dims": [28, 28]}]
    assert [output["dims"] for output in digits["output"]] == [[10], [1]]
    assert digits["output"][1]["reshape"] == {"shape": []}  # with the batch, metadata's [-1]
    assert "parameters" not in digits
    letters = content_of(open_inference.model_config("letters", 2, ["ä", "b"]))
    assert json.loads(letters["parameters"]["labels"]["string_value"]) == ["ä", "b"]


def test_statistics_have_what_is_measured_and_zeros():
    total = ModelTotals("digits", "3", requests=2, images=5, nanoseconds=7, last_milliseconds=11)
    (stats,) = content_of(open_inference.statistics([total]))["model_stats"]
    assert (stats["name"], stats["version"], stats["last_inference"]) == ("digits", "3", 11)
    assert (stats["inference_count"], stats["execution_count"]) == (5, 2)
    assert stats["inference_stats"]["success"] == {"count": 2, "ns": 7}
    assert stats["inference_stats"]["compute_infer"] == {"count": 2, "ns": 7}
    for none in ("fail", "queue", "compute_input", "compute_output"):
        assert stats["inference_stats"][none] == {"count": 0, "ns": 0}


def test_the_index_says_which_versions_have_yet_to_be_loaded():
    index = content_of(
        open_inference.repository_index([("digits", "1", False), ("digits", "2", True)])
    )
    assert [(one["version"], one["state"]) for one in index] == [("1", "READY"), ("2", "READY")]
    assert [one["reason"] for one in index] == ["loaded when it is asked for", ""]


@pytest.mark.parametrize(("status", "said"), [(422, 400), (400, 400), (413, 413), (503, 503)])
def test_an_error_that_the_protocol_does_not_know_is_400(status, said):
    response = open_inference.failure("why", status, a_request())
    assert (response.status, content_of(response)) == (said, {"error": "why"})
