"""Whether the values of a dataclass are of the types that it declares; Python does not check."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import is_dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from ann_models.layer_text import nearest, types_of

MOST_DIGITS = 18


def type_faults(value: Any, type_: Any, key: str) -> Iterator[tuple[str, str]]:
    """Every value in a value that is not of its type.

    Args:
        value: of a field, or a whole dataclass.
        type_: the declared type: a dataclass, tuple, union, literal, or a plain type.
        key: where the value is, such as `layers.0.units`.

    Yields:
        The key of a wrong value, and a sentence on what is expected.
    """
    arguments = get_args(type_)
    if type(value) is int and abs(value) >= 10**MOST_DIGITS:  # Python writes none of 4,300 digits
        yield key, f": expected a number of at most {MOST_DIGITS} digits."
    elif get_origin(type_) is Literal:
        if not isinstance(value, str) or value not in arguments:
            yield key, f"={value!r}: {nearest(str(value), arguments)}"
    elif get_origin(type_) in (Union, UnionType):
        # the alternative that it is an instance of says what is wrong within it
        if is_dataclass(value) and type(value) in arguments:
            yield from type_faults(value, type(value), key)
        elif all(any(True for _ in type_faults(value, a, key)) for a in arguments):
            yield key, f"={value!r}: expected {' or '.join(map(_named, arguments))}."
    elif get_origin(type_) is tuple:
        if not isinstance(value, tuple):
            yield key, f"={value!r}: expected a tuple, such as (a, b) or (a,)."
            return
        if arguments[-1] is not Ellipsis and len(value) != len(arguments):
            yield key, f"={value!r}: expected {len(arguments)} values."
        types = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        for position, (part, wanted) in enumerate(zip(value, types, strict=False)):
            yield from type_faults(part, wanted, f"{key}.{position}")
    elif not _is(value, type_):
        yield key, f"={value!r}: expected {_named(type_)}."
    elif is_dataclass(type_):
        prefix = f"{key}." if key else ""
        for name, wanted in types_of(type_).items():
            yield from type_faults(getattr(value, name), wanted, prefix + name)


def _is(value: Any, type_: type) -> bool:
    """Whether a value is of a plain type; a truth value is no number, NaN and infinity neither."""
    if type_ is float:
        return type(value) in (int, float) and math.isfinite(value)
    return isinstance(value, type_) and not (type_ is int and isinstance(value, bool))


def _named(type_: Any) -> str:
    names = {int: "a whole number", float: "a number", str: "a text", bool: "True or False"}
    return names.get(type_) or getattr(type_, "__name__", str(type_)).replace("NoneType", "None")
