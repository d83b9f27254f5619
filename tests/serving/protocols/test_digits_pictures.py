"""Pictures in base64 as they come over the wire, whatever the protocol."""

import base64
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving import images
from serving.errors import InvalidDigits, TooLarge
from serving.images import to_digit
from serving.protocols.digits import MAX_PICTURES, decoded, from_json, picture
from tests.support.refusals import says
from tests.support.small_service import NAME, Service, a_one, png_of

ONE = a_one()
BATCH = np.stack([ONE, ONE.T])
PNG = png_of(a_one())
TEXT = base64.b64encode(PNG).decode()
URL_SAFE = base64.urlsafe_b64encode(PNG).decode()
PREDICT, V1 = "/predict", f"/v1/models/{NAME}:predict"


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


# The functions themselves

PICTURES = ["aGVsbG8=", "d29ybGQ="]  # base64 of b"hello" and b"world"


def test_pictures_are_read_alone_or_in_a_list():
    assert from_json(PICTURES[0]) == from_json({"b64": PICTURES[0]}) == [b"hello"]
    assert from_json([PICTURES[0], {"b64": PICTURES[1]}]) == [b"hello", b"world"]
    assert from_json(PICTURES[:1] * MAX_PICTURES) == [b"hello"] * MAX_PICTURES
    with says(TooLarge, "The batch has 33 pictures; send at most 32 at once."):
        from_json(PICTURES[:1] * (MAX_PICTURES + 1))


@pytest.mark.parametrize("one", [PICTURES[0], {"b64": PICTURES[0]}])
def test_as_many_pictures_as_pixels_are_too_many(one):
    with says(TooLarge, "The batch has 784 pictures; send at most 32 at once."):
        from_json([one] * 784)


@given(st.binary(max_size=20))
def test_base64_gives_the_bytes_back_in_either_alphabet(content):
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(content).decode()
        for written in (text, text.rstrip("="), f"data:image/png;base64,{text}", f" {text}\n"):
            assert picture(written) == content
        assert picture(f"DATA:image/png;BASE64,{text}") == content
        assert picture(f"data:image/png;base64,{quote(text, safe='')}") == content


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (7, "The picture is of the JSON type number; expected a string in base64."),
        (None, "The picture is missing; expected a string in base64."),
        ({"b64": None}, "The picture is missing; expected"),
        ("data:image/png,aGVsbG8=", "does not end with ;base64 before its comma."),
        ("aGVsbG8=,aGVsbG8=", "The string is no picture in base64 ("),
        ("aGVsb*8=", "expected a PNG or JPEG file, such as data:image/png;base64,…"),
        ("data:image/png;base64", "The string is no picture in base64 ("),
    ],
)
def test_what_is_no_base64_says_what_is(value, reason):
    with says(InvalidDigits, reason):
        picture(value)


def test_pictures_are_decoded_in_order_and_arrays_stay_as_they_are():
    assert decoded(BATCH) is BATCH
    read = decoded([b"a", b"bc"], lambda content: np.full((28, 28), len(content), np.float32))
    assert (read.shape, read[0, 0, 0], read[1, 0, 0]) == ((2, 28, 28), 1, 2)
    assert decoded([b"abc"], lambda content: np.full((28, 28), len(content)))[0, 0, 0] == 3
    np.testing.assert_array_equal(decoded([PNG, PNG])[1], to_digit(PNG))


def test_pictures_that_have_too_many_pixels_together_are_not_decoded(monkeypatch):
    monkeypatch.setattr(images, "MAX_BATCH_PIXELS", 2 * 280 * 280 - 1)
    with pytest.raises(TooLarge):
        decoded([PNG, PNG], lambda content: pytest.fail("decoded"))
