"""A layer on one line, as in `dense 30 tanh` or `dropout 0.2`: for `--set` and for tables."""

from __future__ import annotations

import difflib
import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, get_args, get_origin

from ann_models import entry
from ann_models.errors import InvalidSetting
from ann_models.limits import RANGES

ACTIVATIONS: tuple[str, ...] = get_args(entry.Activation)
_KINDS: dict[str, type] = {
    "dense": entry.Dense,
    "conv": entry.Convolution,
    "maxpool": entry.MaxPooling,
    "flatten": entry.Flatten,
    "batchnorm": entry.BatchNormalization,
    "activation": entry.ActivationLayer,
    "dropout": entry.Dropout,
    "deslant": entry.Deslant,
}
EXAMPLES = "dense 30 tanh, dropout 0.2, conv 8 3, maxpool, flatten, batchnorm, activation relu"


def parse(text: str) -> entry.Layer:
    """The layer that a line names: its kind, then its values in any order that is unambiguous.

    Numbers are taken in the order of the layer's fields, a name is the activation, and `nobias`
    leaves the bias out.

    Raises:
        InvalidSetting: the kind is unknown, or a value cannot be meant.
    """
    kind, *values = text.lower().replace("(", " ").replace(")", " ").replace(",", " ").split() or [
        ""
    ]
    if kind not in _KINDS:
        raise InvalidSetting(
            f"{text!r} is no layer; {nearest(kind, _KINDS)} Layers are written as {EXAMPLES}."
        )
    layer = _KINDS[kind]
    types = types_of(layer)
    numbers = [name for name, type_ in types.items() if type_ in (int, float)]
    given: dict[str, Any] = {}
    for value in values:
        if value == "nobias" and "use_bias" in types:
            given["use_bias"] = False
        elif "activation" in types and (value in ACTIVATIONS or value.isalpha()):
            given["activation"] = convert(value, types["activation"], "activation")
        elif numbers:
            name = numbers.pop(0)
            given[name] = convert(value, types[name], name)
        else:
            raise InvalidSetting(f"{text!r}: {kind} takes no value {value!r}.")
    try:
        made: entry.Layer = layer(**given)
    except TypeError:
        needed = [f.name for f in fields(layer) if f.name not in given]
        raise InvalidSetting(f"{text!r}: {kind} needs {needed[0]}, as in {EXAMPLES}.") from None
    check(made, text)
    return made


def show(layer: entry.Layer) -> str:
    """The line that `parse` reads."""
    kind = next(name for name, type_ in _KINDS.items() if type_ is type(layer))
    words = [kind]
    for f in fields(layer):
        value = getattr(layer, f.name)
        if f.name == "use_bias":
            words += [] if value else ["nobias"]
        else:
            words.append(f"{value:g}" if isinstance(value, float) else str(value))
    return " ".join(words)


def check(layer: entry.Layer, where: str) -> None:
    """Refuse values that no layer can have.

    Raises:
        InvalidSetting: with `where` it was said.
    """
    for f in fields(layer):
        allowed, value = RANGES.get(f"layers.{f.name}"), getattr(layer, f.name)
        if allowed and value not in allowed:
            hint = "; 0.2 drops a fifth" if f.name == "rate" else ""
            raise InvalidSetting(f"{where}: {f.name} must be {allowed}, not {value:.15g}{hint}.")


def types_of(settings: Any) -> dict[str, Any]:
    """The resolved types of a dataclass's fields, by name."""
    assert is_dataclass(settings)
    return {f.name: typing.get_type_hints(settings)[f.name] for f in fields(settings)}


def convert(text: str, type_: Any, key: str) -> Any:
    """A value of a setting from its text.

    Raises:
        InvalidSetting: it is of another type, not finite, or no choice of a literal.
    """
    if get_origin(type_) is Literal:
        choices = get_args(type_)
        if text.lower() not in choices:
            raise InvalidSetting(f"{key}={text}: {nearest(text.lower(), choices)}")
        return text.lower()
    if type_ is bool:
        if text.lower() not in ("true", "false"):
            raise InvalidSetting(f"{key}={text}: expected true or false.")
        return text.lower() == "true"
    kind: Callable[[str], float] = int if type_ is int else float
    try:
        value = kind(text.replace("_", ""))
    except ValueError:
        what = "a whole number" if type_ is int else "a number"
        raise InvalidSetting(f"{key}={text}: expected {what}.") from None
    if not math.isfinite(value):
        raise InvalidSetting(f"{key}={text}: expected a finite number.")
    return value


def nearest(word: str, known: Mapping[str, Any] | typing.Iterable[str]) -> str:
    """A sentence with the names that are nearest to a word, or with all of them."""
    names = list(known)
    near = difflib.get_close_matches(word, names, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"expected one of {', '.join(names)}."
