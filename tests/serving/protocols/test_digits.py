"""Numbers and pictures as they come over the wire, whatever the protocol."""

import base64
import json
import re

import numpy as np
import pytest

from serving.protocols.digits import MAX_PICTURES
from tests.support.small_service import NAME, Service, a_one, answers_of, png_of

ONE = a_one()
BATCH = np.stack([ONE, ONE.T])
JSON = {"content-type": "application/json"}
PNG = png_of(a_one())
TEXT = base64.b64encode(PNG).decode()
URL_SAFE = base64.urlsafe_b64encode(PNG).decode()
PREDICT, V1 = "/predict", f"/v1/models/{NAME}:predict"


def expected(images: np.ndarray) -> np.ndarray:
    return answers_of(1, images)


# JSON

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


# Fields that exclude each other

ALTERNATIVES = {
    "/predict": {"image": ONE.tolist(), "images": None},
    f"/v1/models/{NAME}:predict": {"instances": [ONE.tolist()], "inputs": None},
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


# Range


def test_negative_zero_is_zero(service: Service):
    assert service.post("/predict", json={"image": [-0.0] * 784}).status_code == 200


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


# Pictures in base64: data: URLs, both alphabets


@pytest.fixture(scope="module")
def answered(service: Service) -> np.ndarray:
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
def test_a_picture_in_base64_is_read_by_every_protocol(service: Service, answered, picture):
    one = service.post(PREDICT, json={"image": picture}).json()
    assert one["probabilities"] == answered
    two = service.post(PREDICT, json={"images": [picture, picture]}).json()["predictions"]
    assert [each["probabilities"] for each in two] == [answered] * 2
    rows = service.post(V1, json={"instances": [picture]}).json()["predictions"]
    np.testing.assert_allclose(rows, [answered], atol=1e-6)
    named = service.post(V1, json={"instances": [{"images": picture}]}).json()["predictions"]
    np.testing.assert_allclose(named, [answered], atol=1e-6)
    scored = service.post("/invocations", json={"inputs": [picture]}).json()["predictions"]
    np.testing.assert_allclose(scored["probabilities"], [answered], atol=1e-6)


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
    ],
)
def test_what_is_no_picture_is_refused(service: Service, path, body):
    assert service.post(path, json=body).status_code in (400, 413, 422)
