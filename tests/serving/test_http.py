"""A request and its response, as every route sees them."""

import numpy as np
import orjson
import pytest

from serving.http import JSON, Request, Response, json_response


def request(query: bytes = b"", **headers: bytes) -> Request:
    named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return Request("POST", "/predict", query, named, {}, "an id")


def test_a_header_that_is_not_there_is_empty():
    found = request(x_note="süß".encode("latin-1"))
    assert found.header(b"x-note") == "süß"
    assert found.header(b"x-other") == ""


@pytest.mark.parametrize(
    ("content_type", "media_type"),
    [
        (b"application/json", "application/json"),
        (b" Image/PNG ; q=1", "image/png"),
        (b"a" * 101, "a" * 100),
        (b"", ""),
    ],
)
def test_the_media_type_has_no_parameters_and_is_in_lower_case(content_type, media_type):
    assert request(content_type=content_type).media_type == media_type
    assert request().media_type == ""


def test_of_a_header_that_each_proxy_adds_to_the_first_entry_counts():
    assert request(x_proto=b" https , http").first(b"x-proto") == "https"
    assert request().first(b"x-proto") == ""


def test_the_host_is_that_which_the_outermost_proxy_was_asked_for():
    assert request(host=b"inner:8000").host == "inner:8000"
    assert request(host=b"inner", x_forwarded_host=b"").host == "inner"
    assert request(host=b"inner", x_forwarded_host=b"digits.lan, proxy").host == "digits.lan"


@pytest.mark.parametrize(
    ("content_type", "charset"),
    [
        (b"text/csv; charset=windows-1252", "windows-1252"),
        (b'text/csv;header=present; Charset = "UTF-8"', "utf-8"),
        (b"text/csv", ""),
        (b"text/csv; charset=" + b"a" * 99, "a" * 40),
    ],
)
def test_the_charset_is_that_of_the_content_type(content_type, charset):
    assert request(content_type=content_type).charset == charset
    assert request().charset == ""


def test_the_querys_fields_are_unquoted_and_may_be_empty():
    assert request(b"a=x%20y&b=&a=z").query == {"a": "z", "b": ""}


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        (b"image=1", True),
        (b"a=b&image=true", True),
        (b"image=True", True),
        (b"image=TRUE", True),
        (b"image=False", False),
        (b"image=0", False),
        (b"image", False),
        (b"other=1", False),
        (b"", False),
    ],
)
def test_the_query_switches_something_on(query, asked):
    assert request(query).asks("image") is asked


def test_before_a_request_is_answered_there_are_no_images_and_no_time():
    new = request()
    assert (new.images, new.inference_seconds, new.answered, new.runner) == (0, 0.0, None, None)
    assert (new.body, new.answer_id) == (b"", "")


def test_a_response_is_json_with_status_200_by_default():
    assert (Response(b"").status, Response(b"").media_type, Response(b"").headers) == (
        200,
        JSON,
        None,
    )


def test_arrays_are_written_as_nested_lists():
    found = json_response({"row": np.eye(2, dtype=np.float32)}, 201, [(b"a", b"b")])
    assert orjson.loads(found.body) == {"row": [[1, 0], [0, 1]]}
    assert (found.status, found.media_type, found.headers) == (201, JSON, [(b"a", b"b")])
