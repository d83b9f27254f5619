"""The commands' options: what they accept, and how they refuse the rest."""

import math
from datetime import timedelta

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ann_models.variants import QUESTIONS, VARIANTS
from pipelines.cli.options import (
    Duration,
    PositiveNumber,
    VariantName,
    examples,
    table_file,
    variant_names,
)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90m", timedelta(minutes=90)),
        ("6h", timedelta(hours=6)),
        ("1d", timedelta(days=1)),
    ],
)
def test_lengths_of_time_are_written_with_their_unit(text, length):
    assert Duration().convert(text, None, None) == length


@pytest.mark.parametrize("text", ["", "6", "h", "-1h", "1.5h", "999999d"])
def test_other_lengths_of_time_are_refused(text):
    with pytest.raises(click.BadParameter, match="not a length of time"):
        Duration().convert(text, None, None)


@given(st.integers(0, 99_999), st.sampled_from("mhd"))
def test_a_length_of_time_is_its_number_of_units(count, unit):
    seconds = {"m": 60, "h": 3600, "d": 86_400}[unit]
    assert Duration().convert(f" {count}{unit} ", None, None).total_seconds() == count * seconds


def test_a_default_needs_no_text():
    assert Duration().convert(timedelta(days=3), None, None) == timedelta(days=3)


@pytest.mark.parametrize("text", ["1h30m", "6H", "6 h", "100000m"])
def test_the_refusal_of_a_length_of_time_has_the_value_and_examples(text):
    with pytest.raises(click.BadParameter) as refusal:
        Duration().convert(text, None, None)
    assert refusal.value.message == f"{text!r} is not a length of time; write 90m, 6h or 1d."


@given(st.floats(0, 3650, exclude_min=True))
def test_a_number_up_to_the_limit_is_taken(number):
    assert PositiveNumber(3650).convert(repr(number), None, None) == number


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "-inf", "3650.1", "soon", ""])
def test_other_numbers_are_refused_with_what_is_possible(value):
    with pytest.raises(click.BadParameter) as refusal:
        PositiveNumber(3650).convert(value, None, None)
    assert refusal.value.message == (
        f"{value!r} is not a possible value; expected a number above 0, at most 3650."
    )


def test_the_limit_itself_is_possible_and_what_is_a_number_already_stays():
    assert PositiveNumber(2).convert("2", None, None) == 2
    assert math.isclose(PositiveNumber(2).convert(0.5, None, None), 0.5)


@pytest.mark.parametrize(("option", "value"), [(table_file, "--table")])
def test_an_empty_path_is_not_the_current_folder(option, value):
    command = option(click.Command("x", callback=lambda table: print(table)))
    refused = CliRunner().invoke(command, [value, ""])
    assert refused.exit_code == 2
    assert "'' is no path" in refused.output


def completed(beginning: str) -> list[str]:
    context, parameter = click.Context(click.Command("x")), click.Argument(["names"])
    return [item.value for item in VariantName().shell_complete(context, parameter, beginning)]


def test_names_and_keys_are_completed():
    assert completed("") == [*QUESTIONS, *VARIANTS]
    assert completed("mnist_c") == [name for name in VARIANTS if name.startswith("mnist_c")]
    assert "neurons" in completed("neu")
    assert completed("xyz") == []


def test_examples_are_a_line_each():
    assert examples("ann up", "ann ui") == "\b\nExamples:\n  ann up\n  ann ui"


@click.command()
@variant_names
@table_file
def command(names, table):
    click.echo(f"{names} {table}")


@pytest.mark.parametrize("names", [(), ("a",), ("a", "b", "c")])
def test_any_number_of_names_can_be_given(names):
    assert CliRunner().invoke(command, names).output == f"{names} None\n"


def test_a_table_is_a_file_and_no_folder(tmp_path):
    assert f"() {tmp_path / 'a.toml'}" in run_with_table(tmp_path / "a.toml").output
    refused = run_with_table(tmp_path)
    assert refused.exit_code == 2
    assert "is a directory" in refused.output


def run_with_table(path):
    return CliRunner().invoke(command, ["--table", str(path)])
