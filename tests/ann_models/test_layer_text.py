"""A layer on one line: read, checked, and written again."""

from typing import Literal

import pytest

from ann_models import entry
from ann_models.errors import InvalidSetting
from ann_models.layer_text import convert, nearest, parse, show


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        ("dense 30 tanh", entry.Dense(30, "tanh")),
        ("dense 1 linear nobias", entry.Dense(1, use_bias=False)),
        ("dropout 0.2", entry.Dropout(0.2)),
        ("flatten", entry.Flatten()),
        ("activation relu", entry.ActivationLayer("relu")),
    ],
)
def test_a_layer_is_read_and_written_as_the_same_line(text, layer):
    assert parse(text) == layer
    assert parse(show(layer)) == layer


def test_case_brackets_and_commas_do_not_matter():
    assert parse("Dense(30, TANH)") == entry.Dense(30, "tanh")


def test_numbers_are_taken_in_the_order_of_the_fields():
    layer = parse("conv 8 3")
    assert (layer.filters, layer.kernel) == (8, 3)
    assert show(layer).startswith("conv 8 3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no layer; expected one of dense"),
        ("dens 3", "did you mean dense"),
        ("dense", "dense needs units"),
        ("dense 3 tanhh", "did you mean tanh"),
        ("dense three3", "units=three3: expected a whole number"),
        ("flatten 3", "flatten takes no value '3'"),
        ("flatten nobias", "flatten takes no value 'nobias'"),
        ("dense 0", "units must be 1 to 100,000, not 0"),
        ("dropout 1", "less than 1, not 1"),
        ("dropout -0.1", "0 or more and less than 1, not -0.1"),
        ("batchnorm 1", "momentum must be 0 or more and less than 1, not 1"),
        ("batchnorm -0.5", "momentum must be 0 or more and less than 1, not -0.5"),
        ("dropout nan3", "expected a number"),
        ("dropout 1e999", "expected a finite number"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_is_expected(text, message):
    with pytest.raises(InvalidSetting, match=message):
        parse(text)


@pytest.mark.parametrize("text", ["dense 1", "dropout 0", "batchnorm 0"])
def test_the_smallest_values_are_taken(text):
    parse(text)


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("1_000", int, 1000),
        ("-2.5", float, -2.5),
        ("TRUE", bool, True),
        ("false", bool, False),
        ("Same", Literal["same", "valid"], "same"),
    ],
)
def test_a_value_is_converted_to_its_type(text, type_, value):
    assert convert(text, type_, "key") == value


@pytest.mark.parametrize(
    ("text", "type_", "message"),
    [
        ("1.5", int, "key=1.5: expected a whole number"),
        ("yes", bool, "expected true or false"),
        ("sam", Literal["same", "valid"], "did you mean same"),
        ("inf", float, "expected a finite number"),
    ],
)
def test_a_value_of_another_type_is_refused(text, type_, message):
    with pytest.raises(InvalidSetting, match=message):
        convert(text, type_, "key")


def test_up_to_three_near_names_are_offered_or_all_of_them():
    assert nearest("aab", ["aaa", "aac", "aad", "aae"]).count(" or ") == 2
    assert nearest("zzz", ["one", "two"]) == "expected one of one, two."


def test_only_of_a_rate_it_is_said_what_one_does():
    with pytest.raises(InvalidSetting, match=r"not 1\.5; 0\.2 drops a fifth\.$"):
        parse("dropout 1.5")
    with pytest.raises(InvalidSetting, match=r"not 0\.$"):
        parse("dense 0")
