"""Which values of a dataclass are not of their declared type."""

from dataclasses import dataclass
from typing import Literal

import pytest

from ann_models.type_faults import type_faults


@dataclass(frozen=True)
class Part:
    share: float
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Other:
    count: int


@dataclass(frozen=True)
class Whole:
    count: int = 1
    rate: float = 0.5
    mode: Literal["fast", "slow"] = "fast"
    part: Part | Other | None = None
    pairs: tuple[tuple[str, str], ...] = ()
    shown: bool = True


def found(**values) -> list[str]:
    return [f"{key}{sentence}" for key, sentence in type_faults(Whole(**values), Whole, "")]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"rate": 2},  # a whole number is a number
        {"part": Part(1)},
        {"part": Other(1)},
        {"pairs": (("a", "b"),)},
    ],
)
def test_values_of_their_types_have_no_fault(values):
    assert found(**values) == []


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"count": 1.5}, "count=1.5: expected a whole number."),
        ({"count": True}, "count=True: expected a whole number."),
        ({"count": None}, "count=None: expected a whole number."),
        ({"count": 10**5000}, "count: expected a number of at most 18 digits."),
        ({"rate": 10**400}, "rate: expected a number of at most 18 digits."),
        ({"rate": float("nan")}, "rate=nan: expected a number."),
        ({"rate": float("inf")}, "rate=inf: expected a number."),
        ({"rate": "0.5"}, "rate='0.5': expected a number."),
        ({"mode": "fats"}, "mode='fats': did you mean fast?"),
        ({"mode": ["fast"]}, "mode=['fast']: did you mean fast?"),
        ({"part": 3}, "part=3: expected Part or Other or None."),
        ({"part": Part("x")}, "part.share='x': expected a number."),
        ({"part": Part(1, ["a"])}, "part.names=['a']: expected a tuple, such as (a, b) or (a,)."),
        ({"part": Part(1, ("a", 2))}, "part.names.1=2: expected a text."),
        ({"pairs": (("a",),)}, "pairs.0=('a',): expected 2 values."),
        ({"shown": 1}, "shown=1: expected True or False."),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value,
)
def test_a_value_of_another_type_is_told_with_its_key(values, fault):
    assert found(**values) == [fault]
