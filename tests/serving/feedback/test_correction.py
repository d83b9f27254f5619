"""What a person says of an answer: which fields, of which values, and of which classes."""

import re

import pytest

from serving.errors import InvalidDigits
from serving.feedback.correction import check_classes, read

FIELDS = {"request_id": "x", "digit": 7}


def says(text: str):
    return pytest.raises(InvalidDigits, match=f"^{re.escape(text)}")


def test_fields_that_were_not_sent_are_none_and_others_are_left_out():
    nothing = {"image": None, "model": None, "version": None, "predicted": None}
    assert read(FIELDS | {"more": 1}) == FIELDS | nothing


@pytest.mark.parametrize(
    "fields",
    [
        {"request_id": "x"},
        {"request_id": "x" * 200},
        {"image": [0]},
        {"image": "aGVsbG8="},
        {"image": [0], "request_id": None, "model": None, "predicted": None},
        {"request_id": "x", "image": [0]},
        {"request_id": "x", "digit": 0},
        {"request_id": "x", "digit": 199, "predicted": 0},
        {"request_id": "x", "model": "m", "version": "3", "predicted": 199},
    ],
)
def test_what_can_be_meant_is_kept_as_it_is(fields):
    found = read({"digit": 7} | fields)
    assert found.items() >= ({"digit": 7} | fields).items()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"request_id": "x"}, "digit is missing: Field required."),
        (FIELDS | {"digit": None}, "digit is None: Input should be a valid integer."),
        (FIELDS | {"digit": -1}, "digit is -1: Input should be greater than or equal to 0."),
        (FIELDS | {"digit": 200}, "digit is 200: Input should be less than 200."),
        (FIELDS | {"digit": 7.0}, "digit is 7.0: Input should be a valid integer."),
        (FIELDS | {"digit": True}, "digit is True: Input should be a valid integer."),
        (FIELDS | {"digit": "7"}, "digit is '7': Input should be a valid integer."),
        (FIELDS | {"predicted": 200}, "predicted is 200: "),
        (FIELDS | {"predicted": -1}, "predicted is -1: "),
        (FIELDS | {"request_id": 7}, "request_id is 7: Input should be a valid string."),
        (FIELDS | {"request_id": ""}, "request_id is '': "),
        (FIELDS | {"request_id": "a\0b"}, "request_id is 'a\\x00b': "),
        (FIELDS | {"model": ""}, "model is '': "),
        (FIELDS | {"version": 3}, "version is 3: "),
        ({"digit": 7}, "Neither request_id nor image is given; expected one of them."),
    ],
)
def test_a_wrong_field_is_named_with_its_value(fields, reason):
    with says(reason):
        read(fields)


@pytest.mark.parametrize("name", ["request_id", "model", "version"])
def test_a_long_text_is_refused_and_repeated_in_part(name):
    with says(f"{name} is 'xxx") as refused:
        read(FIELDS | {name: "x" * 201})
    assert len(str(refused.value)) < 100


def test_the_first_wrong_field_is_the_one_that_is_named():
    with says("digit is 'a': "):
        read({"predicted": "b", "digit": "a"})


def test_a_correction_is_to_a_class_of_the_model():
    check_classes({"digit": 0, "predicted": None}, 10)
    check_classes({"digit": 9, "predicted": 9}, 10)
    with says("digit is 10: Input should be less than or equal to 9."):
        check_classes({"digit": 10, "predicted": 10}, 10)
    with says("predicted is 3: Input should be less than or equal to 2."):
        check_classes({"digit": 2, "predicted": 3}, 3)
