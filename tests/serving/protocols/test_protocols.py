"""Each wire format: what it reads, what it answers, and how it reports what is wrong."""

import json
import re
import time

import numpy as np
import pytest

from tests.support.small_service import NAME, Service, a_one, answers_of, png_of

ONE = a_one()
BATCH = np.stack([ONE, ONE.T])
V1, V2 = f"/v1/models/{NAME}", f"/v2/models/{NAME}"
JSON = {"content-type": "application/json"}


def expected(images: np.ndarray) -> np.ndarray:
    return answers_of(1, images)


# The service's own form


@pytest.mark.parametrize("image", [ONE.tolist(), ONE.ravel().tolist(), ONE[None].tolist()])
def test_one_image_gets_one_object(service: Service, image):
    answer = service.post("/predict", json={"image": image})
    content = answer.json()
    np.testing.assert_allclose(content["probabilities"], expected(ONE[None])[0], atol=1e-6)
    assert content["digit"] == expected(ONE[None])[0].argmax()
    assert content["confidence"] == pytest.approx(max(content["probabilities"]))
    assert (content["model"], content["version"], content["data"]) == (NAME, "3", "mnist")
    assert content["run_url"].endswith("/#/experiments/3/runs/a-run")
    assert answer.headers["x-model-version"] == "3"
    assert answer.headers["x-request-id"] == content["request_id"]
    assert "image" not in content


@pytest.mark.parametrize("images", [BATCH.tolist(), BATCH.reshape(2, 784).tolist()])
def test_a_batch_gets_a_list_in_its_order(service: Service, images):
    rows = service.post("/predict", json={"images": images}).json()["predictions"]
    got = [row["probabilities"] for row in rows]
    np.testing.assert_allclose(got, expected(BATCH), atol=1e-6)


def test_a_bare_list_is_read_too(service: Service):
    assert service.post("/predict", json=ONE.tolist()).status_code == 200


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
def test_a_picture_is_downloaded_to_mnist_form(service: Service, kind):
    picture = png_of(ONE, kind)
    headers = {"content-type": f"image/{kind.lower()}"}
    answer = service.post("/predict?image=1", content=picture, headers=headers)
    seen = np.array(answer.json()["image"], np.float32)
    assert seen.shape == (28, 28)
    np.testing.assert_allclose(answer.json()["probabilities"], expected(seen[None])[0], atol=1e-5)


def test_a_form_with_a_picture_is_read(service: Service):
    answer = service.post("/predict", files={"file": ("one.png", png_of(ONE), "image/png")})
    assert answer.status_code == 200
    assert len(answer.json()["probabilities"]) == 10


def test_the_images_of_many_answers_are_not_returned(service: Service):
    few, many = ({"images": [ONE.tolist()] * number} for number in (32, 33))
    answers = service.post("/predict?image=1", json=few).json()["predictions"]
    assert np.allclose(answers[-1]["image"], ONE)
    refused = service.post("/predict?image=1", json=many)
    assert (refused.status_code, "at most 32" in refused.json()["error"]) == (422, True)
    assert len(service.post("/predict", json=many).json()["predictions"]) == 33


def test_explain_adds_the_saliency(service: Service):
    answer = service.post("/predict?explain=1", json={"image": ONE.tolist()}).json()
    assert np.shape(answer["explanation"]["saliency"]) == (28, 28)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((28, 28)),
        np.ones((28, 28)),
        np.random.default_rng(0).random((28, 28)),
        np.indices((28, 28)).sum(0) % 2.0,
    ],
    ids=["blank", "full", "noise", "chequered"],
)
def test_what_is_nothing_like_a_digit_is_marked(service: Service, image):
    answer = service.post("/predict", json={"image": image.tolist()}).json()
    assert answer["uncertain"] is True
    assert answer["reason"] in ("faint", "not one digit")


BAD_NATIVE = {
    "not JSON": (b"{", 400, "not JSON"),
    "NaN": (b'{"image": [NaN]}', 400, "not JSON"),
    "nothing": (b"", 400, "not JSON"),
    "deep nesting": (b"[" * 100_000, 400, "not JSON"),
    "deep valid nesting": (b"[" * 200 + b"]" * 200, 422, "deep|shape"),
    "no image": (b"{}", 422, "expected one of image, images"),
    "empty": (b'{"image": []}', 422, "empty list"),
    "text": (b'{"image": "seven"}', 422, "string"),
    "short": (json.dumps({"image": [0.5] * 783}).encode(), 422, r"shape \[783\]"),
    "ragged": (json.dumps({"image": [[0.5] * 28, [0.5] * 27]}).encode(), 422, "ragged"),
    "texts": (json.dumps({"image": ["0.5"] * 784}).encode(), 422, "not a number"),
    "nulls": (json.dumps({"image": [[None] * 28] * 28}).encode(), 422, "not a number"),
    "too bright": (json.dumps({"image": [255] * 784}).encode(), 422, "Divide 8-bit pixels by 255"),
    "negative": (json.dumps({"image": [-0.1] * 784}).encode(), 422, r"range from -0.1 to -0.1"),
    "huge number": (json.dumps({"image": [1e300] * 784}).encode(), 422, "range"),
    "huge integer": (json.dumps({"image": [[10**18] * 28] * 28}).encode(), 422, "range"),
    "too many": (json.dumps([[0] * 784] * 2001).encode(), 413, "2,001 images"),
}


@pytest.mark.parametrize(("body", "status", "reason"), BAD_NATIVE.values(), ids=BAD_NATIVE)
def test_bad_json_names_what_is_expected(service: Service, body, status, reason):
    answer = service.post("/predict", content=body, headers=JSON)
    assert answer.status_code == status
    assert answer.json().keys() == {"error", "request_id"}
    with pytest.raises(ValueError, match=reason):
        raise ValueError(answer.json()["error"])


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "image/png", 422),
        (png_of(ONE)[:100], "image/png", 422),
        (png_of(np.zeros((28, 28))), "image/png", 422),
        (b"seven", "text/plain", 415),
        (b"seven", "", 415),
        (b"--x\r\n", "multipart/form-data", 400),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 400),
        (b"garbage", "multipart/form-data; boundary=x", 400),
    ],
)
def test_bad_pictures_and_forms_are_refused(service: Service, content, kind, status):
    answer = service.post("/predict", content=content, headers={"content-type": kind})
    assert (answer.status_code, answer.json().keys()) == (status, {"error", "request_id"})


def test_negative_zero_is_zero(service: Service):
    assert service.post("/predict", json={"image": [-0.0] * 784}).status_code == 200


# Open Inference Protocol


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


# TensorFlow Serving


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


def test_v1_explains(service: Service):
    content = service.post(f"{V1}:explain", json={"instances": BATCH.tolist()}).json()
    assert len(content["predictions"]) == len(content["explanations"]) == 2
    too_many = {"instances": [ONE.tolist()] * 9}
    assert service.post(f"{V1}:explain", json=too_many).status_code == 400


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


# MLflow's scoring server

CSV = "\n".join([",".join(map(str, range(784))), *(",".join(map(str, i.ravel())) for i in BATCH)])
FLAT = BATCH.reshape(2, 784)
COLUMNS = [str(number) for number in range(784)]


@pytest.mark.parametrize(
    "body",
    [
        {"instances": BATCH.tolist()},
        {"instances": [{"images": image.tolist()} for image in BATCH]},
        {"inputs": BATCH.tolist()},
        {"inputs": {"images": BATCH.tolist()}},
    ],
)
def test_invocations_answers_tensors_by_the_outputs_name(service: Service, body):
    got = service.post("/invocations", json=body).json()["predictions"]["probabilities"]
    np.testing.assert_allclose(got, expected(BATCH), atol=1e-6)


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": COLUMNS, "data": FLAT.tolist()}},
        {"dataframe_split": {"columns": ["images"], "data": [[i.tolist()] for i in BATCH]}},
        {"dataframe_records": [dict(zip(COLUMNS, row, strict=True)) for row in FLAT.tolist()]},
        {"dataframe_records": [{"images": image.tolist()} for image in BATCH]},
        CSV,
    ],
)
def test_invocations_answers_tables_row_by_row(service: Service, body):
    if isinstance(body, str):
        answer = service.post("/invocations", content=body, headers={"content-type": "text/csv"})
    else:
        answer = service.post("/invocations", json=body)
    got = [row["probabilities"] for row in answer.json()["predictions"]]
    np.testing.assert_allclose(got, expected(BATCH), atol=1e-6)


def test_invocations_has_mlflows_other_routes(service: Service):
    assert [service.get(p).status_code for p in ("/ping", "/health", "/version")] == [200] * 3


BAD_INVOCATIONS = {
    "not JSON": (b"{", "application/json", 400),
    "a bare list": (b"[]", "application/json", 400),
    "no form": (b"{}", "application/json", 400),
    "two forms": (b'{"inputs": [], "instances": []}', "application/json", 400),
    "split without data": (b'{"dataframe_split": {}}', "application/json", 400),
    "split of numbers": (b'{"dataframe_split": {"data": [1]}}', "application/json", 400),
    "records of numbers": (b'{"dataframe_records": [1]}', "application/json", 400),
    "unequal records": (b'{"dataframe_records": [{"a": 1}, {"b": 1}]}', "application/json", 400),
    "CSV of texts": (b"a,b\nc,d", "text/csv", 400),
    "narrow CSV": (b"a,b\n0,1", "text/csv", 400),
    "ragged CSV": (b"a,b\n0,1\n1", "text/csv", 400),
    "empty CSV": (b"", "text/csv", 400),
    "CSV in UTF-16": ("a,b".encode("utf-16"), "text/csv", 400),
    "parquet": (b"PAR1", "application/x-parquet", 415),
}


@pytest.mark.parametrize(("body", "kind", "status"), BAD_INVOCATIONS.values(), ids=BAD_INVOCATIONS)
def test_invocations_refuses_in_mlflows_form(service: Service, body, kind, status):
    answer = service.post("/invocations", content=body, headers={"content-type": kind})
    assert (answer.status_code, answer.json().keys()) == (status, {"error_code", "message"})


# Bodies that would cost memory or minutes


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


# What clients send that is right, too


@pytest.mark.parametrize(
    "more",
    [{"id": None}, {"id": None, "parameters": None, "outputs": None}, {"id": ""}],
)
def test_v2_takes_null_for_what_is_optional(service: Service, more):
    body = {"inputs": [tensor() | {"parameters": None}], **more}
    answer = service.post(f"{V2}/infer", json=body)
    assert answer.status_code == 200
    assert "id" not in answer.json()


@pytest.mark.parametrize("shape", [[2, 1, 28, 28], [2, 28, 28, 1]], ids=["NCHW", "NHWC"])
def test_a_channel_may_stand_where_pytorch_or_tensorflow_has_it(service: Service, shape):
    answer = service.post(f"{V2}/infer", json={"inputs": [tensor(shape=shape)]})
    got = np.reshape(answer.json()["outputs"][0]["data"], (2, 10))
    np.testing.assert_allclose(got, expected(BATCH), atol=1e-6)
    images = BATCH.reshape(shape).tolist()
    rows = service.post("/predict", json={"images": images}).json()["predictions"]
    np.testing.assert_allclose([row["probabilities"] for row in rows], expected(BATCH), atol=1e-6)


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


def test_v2_counts_what_a_version_answered(service: Service):
    def stats() -> dict:
        return service.get(f"{V2}/stats").json()["model_stats"][0]

    before = stats()
    service.post(f"{V2}/infer", json={"inputs": [tensor()]})
    service.post("/predict", json={"image": ONE.tolist()})
    after = stats()
    assert (after["name"], after["version"]) == (NAME, "3")
    assert after["inference_count"] - before["inference_count"] == 3
    assert after["execution_count"] - before["execution_count"] == 2
    success = after["inference_stats"]["success"]
    assert success["count"] == after["execution_count"]
    assert success["ns"] > before["inference_stats"]["success"]["ns"]
    assert after["last_inference"] > 1.7e12  # milliseconds since 1970


ENCODINGS = ["utf-8-sig", "utf-16"]  # as Windows' programs write text


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_with_a_byte_order_mark_is_read(service: Service, encoding):
    content = json.dumps({"image": ONE.tolist()}).encode(encoding)
    answer = service.post("/predict", content=content, headers=JSON)
    assert answer.status_code == 200, answer.text
    np.testing.assert_allclose(answer.json()["probabilities"], expected(BATCH)[0], atol=1e-6)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\xff\xfe\x00\xd8", b"\xef\xbb\xbf\xff"])
def test_a_byte_order_mark_before_no_text_is_refused(service: Service, content):
    answer = service.post("/predict", content=content, headers=JSON)
    assert answer.status_code == 400


ALTERNATIVES = {
    "/predict": {"image": ONE.tolist(), "images": None},
    f"{V1}:predict": {"instances": [ONE.tolist()], "inputs": None},
    "/invocations": {"inputs": [ONE.tolist()], "instances": None, "dataframe_split": None},
}


@pytest.mark.parametrize("path", ALTERNATIVES)
def test_a_field_that_is_null_is_not_there(service: Service, path):
    answer = service.post(path, json=ALTERNATIVES[path])
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("path", ALTERNATIVES)
def test_of_two_fields_that_exclude_each_other_none_is_chosen(service: Service, path):
    both = {name: [ONE.tolist()] for name in list(ALTERNATIVES[path])[:2]}
    answer = service.post(path, json=both)
    assert answer.status_code in (400, 422)
    assert re.search(r"has (\w+) and (\w+);", answer.text)


def test_an_object_without_the_expected_field_is_told_its_names(service: Service):
    answer = service.post("/predict", json={"instances": [ONE.tolist()]})
    assert answer.status_code == 422
    assert "['instances']; expected one of image, images" in answer.json()["error"]


@pytest.mark.parametrize("signature", ["serving_default", "", None])
def test_v1_takes_the_names_of_the_one_signature(service: Service, signature):
    body = {"instances": [ONE.tolist()], "signature_name": signature}
    assert service.post(f"{V1}:predict", json=body).status_code == 200


@pytest.mark.parametrize("pixel", [1.0000001, 1.000001, -1e-7])
def test_what_is_out_of_range_by_rounding_is_taken(service: Service, pixel):
    rounded = ONE + np.where(round(pixel) == ONE, pixel - round(pixel), 0)
    answer = service.post("/predict", json={"image": rounded.tolist()})
    assert answer.status_code == 200
    np.testing.assert_allclose(
        answer.json()["probabilities"], expected(ONE[None])[0], rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize(
    ("pixel", "advice"), [(255, True), (1.01, True), (300, False), (-0.5, False), (1e30, False)]
)
def test_advice_is_given_only_where_it_helps(service: Service, pixel, advice):
    error = service.post("/predict", json={"image": [pixel] * 784}).json()["error"]
    assert ("Divide 8-bit pixels by 255" in error) is advice


def test_infinite_pixels_are_refused(service: Service):
    body, headers = binary(np.full_like(BATCH, np.inf), "FP32")
    answer = service.post(f"{V2}/infer", content=body, headers=headers)
    assert (answer.status_code, "range from inf to inf" in answer.json()["error"]) == (400, True)
