"""Numbers as they come over the wire, whatever the protocol: JSON, shapes, ranges."""

import json
import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.errors import InvalidDigits, InvalidRequest, TooLarge
from serving.protocols import digits
from serving.protocols.digits import from_json, from_lists, in_range, parse_json, shaped, the_one
from tests.support.refusals import says
from tests.support.small_service import NAME, Service, a_one, answers_of

ONE = a_one()
BATCH = np.stack([ONE, ONE.T])
JSON = {"content-type": "application/json"}


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


# The functions themselves


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"\xef\xbb\xbf", "utf-8"),
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
    ],
)
def test_the_text_after_a_byte_order_mark_is_read_in_its_encoding(mark, encoding):
    assert parse_json(mark + '{"ä": [1]}'.encode(encoding)) == {"ä": [1]}
    with says(InvalidRequest, "The body is not JSON: "):
        parse_json(mark + "{".encode(encoding))


def test_text_that_breaks_its_own_encoding_is_told_which():
    with says(InvalidRequest, "no text in UTF-16-LE: ", "truncated"):
        parse_json(b"\xff\xfe\x00")


def test_lists_and_objects_are_counted_before_they_are_read(monkeypatch):
    monkeypatch.setattr(digits, "MAX_LISTS", 4)
    assert parse_json(b'[{"a": []}, {}]') == [{"a": []}, {}]
    with says(TooLarge, "has 5 lists and objects; send at most 4, each pixel as a number"):
        parse_json(b'[{"a": []}, {}, []]')


def test_values_are_counted_before_they_are_read(monkeypatch):
    monkeypatch.setattr(digits, "MAX_LISTS", 4)
    monkeypatch.setattr(digits, "MAX_VALUES", 3)
    assert parse_json(b"[0, 1, 2, 3]") == [0, 1, 2, 3]
    with says(TooLarge, "has 4 values; send at most 2,000 images at once"):
        parse_json(b"[0, 1, 2, 3, 4]")


def test_the_one_field_that_is_there_is_found_even_if_it_is_false():
    assert the_one({"a": None, "b": 0, "c": 7}, "a", "b") == 0
    with says(InvalidDigits, "The object has a and b; expected one of a, b."):
        the_one({"a": 1, "b": 2}, "a", "b")
    with says(InvalidDigits, "has the fields ['c']; expected one of a, b."):
        the_one({"c": 1}, "a", "b")
    with says(InvalidDigits, "b is null; expected a value."):
        the_one({"b": None, "c": 1}, "a", "b")


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_however_an_image_is_nested_its_pixels_are_the_same(seed):
    image = np.random.default_rng(seed).random((1, 28, 28), np.float32)
    pixels = image.ravel().tolist()
    for value in (pixels, [pixels], image[0].tolist(), image.tolist(), image[..., None].tolist()):
        read = from_json(value)
        assert (read.dtype, read.shape) == (np.float32, (1, 28, 28))
        np.testing.assert_array_equal(read, image)


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (None, "missing"),
        ([], "an empty list"),
        (True, "of the JSON type boolean"),
        (7, "of the JSON type number"),
        (0.5, "of the JSON type number"),
        ({"b64": "", "more": 1}, "of the JSON type object"),
    ],
)
def test_what_is_no_image_is_named_by_its_json_type(value, seen):
    with says(InvalidDigits, f"The image is {seen}; expected 784 numbers, 28×28, or a batch"):
        from_json(value)


@pytest.mark.parametrize(
    ("pixel", "seen"), [(None, "null"), ("0.5", "'0.5'"), ({}, "{}"), (10**400, "1000")]
)
def test_a_pixel_that_is_no_number_is_named_with_its_place(pixel, seen):
    row = [0] * 27 + [pixel]
    places = {
        "783": [0] * 783 + [pixel],
        "[27, 27]": [[0] * 28] * 27 + [row],
        "[1, 27, 27]": [[[0] * 28] * 28, [[0] * 28] * 27 + [row]],
        "[1, 783]": [[0] * 784, [0] * 783 + [pixel]],
    }
    for place, value in places.items():
        with says(InvalidDigits, f"The pixel at {place} is {seen}", "not a number; expected 784"):
            from_json(value)


def test_a_pixel_of_megabytes_is_named_in_short():
    with pytest.raises(InvalidDigits) as refused:
        from_json([["0" * 5_000_000] + [0] * 783])
    assert len(str(refused.value)) < 200


def test_the_array_of_lists_has_their_shape_and_order():
    np.testing.assert_array_equal(from_lists([[1, 2, 3], [4, 5, 6.5]]), [[1, 2, 3], [4, 5, 6.5]])
    assert from_lists([[[[7]]]]).shape == (1, 1, 1, 1)
    assert from_lists([[], []]).shape == (2, 0)


@pytest.mark.parametrize(
    "lists", [[[1], [2, 3]], [[1], 2], [[[1], [2]], [[3]]], [[[[[1]]]]]], ids=str
)
def test_lists_that_make_no_array_are_refused(lists):
    with says(InvalidDigits, "ragged or nested too deep"):
        from_lists(lists)


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        ((784,), 1),
        ((784, 1), 1),
        ((28, 28), 1),
        ((28, 28, 1), 1),
        ((1, 28, 28), 1),
        ((3, 784), 3),
        ((3, 784, 1), 3),
        ((3, 28, 28, 1), 3),
        ((3, 1, 28, 28), 3),
        ((2000, 784), 2000),
    ],
)
def test_images_in_any_of_their_shapes_are_read_in_order(shape, count):
    values = np.arange(784 * count, dtype=np.float32)
    np.testing.assert_array_equal(shaped(values.reshape(shape)).ravel(), values)
    assert shaped(values.reshape(shape)).shape == (count, 28, 28)


@pytest.mark.parametrize(
    "shape",
    [
        (0, 784),
        (0, 28, 28),
        (783,),
        (2, 28, 27),
        (2, 27, 28),
        (1, 2, 28, 28),
        (3, 28, 1, 28),
        (1, 1, 28, 28, 1),
        (1,),
    ],
    ids=str,
)
def test_another_shape_is_refused_and_named(shape):
    with says(InvalidDigits, f"The array has the shape {list(shape)}; expected 784 numbers"):
        shaped(np.zeros(shape))


def test_one_image_more_than_are_taken_is_too_many():
    with says(TooLarge, "The batch has 2,001 images; send at most 2,000 at once."):
        shaped(np.zeros((2001, 784)))


def test_numbers_too_large_for_float32_are_infinite_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isinf(shaped(np.full(784, 1e300))).all()


def with_a_pixel(pixel: float) -> np.ndarray:
    images = np.zeros((1, 28, 28), np.float32)
    images[0, 3, 5] = pixel
    return images


@pytest.mark.parametrize("pixel", [-1e-5, -0.0, 0.5, 1, 1.00001])
def test_a_pixel_within_rounding_of_the_range_is_brought_into_it(pixel):
    read = in_range(with_a_pixel(pixel))
    assert read[0, 3, 5] == np.float32(min(max(pixel, 0), 1))
    assert read.dtype == np.float32


@pytest.mark.parametrize("pixel", [-2e-5, 1.00003, 7, -np.inf, np.inf])
def test_a_pixel_out_of_range_is_refused_with_the_least_and_the_highest(pixel):
    ends = f"from {min(np.float32(pixel), 0):.7g} to {max(np.float32(pixel), 0):.7g};"
    with says(InvalidDigits, "The pixels range ", ends, "expected numbers in [0, 1], ink 1 on 0."):
        in_range(with_a_pixel(pixel))


def test_a_pixel_that_is_nan_is_named():
    with says(InvalidDigits, "A pixel is NaN, not a number"):
        in_range(with_a_pixel(np.nan))


def test_negative_pixels_are_not_of_eight_bits():
    image = with_a_pixel(255)
    image[0, 0, 0] = -1
    with pytest.raises(InvalidDigits) as refused:
        in_range(image)
    assert "Divide" not in str(refused.value)
