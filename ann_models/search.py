"""What a search tries, and by what it chooses: settings in, one number to minimise out.

The validation data decides, never a test example.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ann_models import data_name, datasets
from ann_models.data_name import SAMPLED, DataName
from ann_models.datasets import Dataset
from ann_models.derive import apply, derive
from ann_models.entry import Variant
from ann_models.errors import InvalidSetting
from ann_models.evaluation import EPSILON, cross_entropies, predict
from ann_models.layer_text import convert
from ann_models.sound import kind_of

if TYPE_CHECKING:
    import keras

LOG = ":log"


@dataclass(frozen=True)
class Interval:
    """All numbers from `low` to `high`, both included.

    Attributes:
        is_whole: whether only whole numbers are meant.
        is_log: whether small values are drawn as often as large ones: log-uniform.
    """

    low: float
    high: float
    is_whole: bool
    is_log: bool


@dataclass(frozen=True)
class Choices:
    """A few values."""

    values: tuple[str, ...]


Space = Mapping[str, Interval | Choices]


def parse_space(origin: Variant, texts: Iterable[str]) -> Space:
    """The space of `key=lo..hi`, `key=lo..hi:log` and `key=a,b,c`.

    Every end of an interval and every choice is checked by deriving the entry with it.

    Raises:
        InvalidSetting: a text cannot be read, or a value cannot be meant; all of them at once.
    """
    space: dict[str, Interval | Choices] = {}
    faults: list[str] = []
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        try:
            if not equals or not value:
                raise InvalidSetting(
                    f"{text!r}: expected key=lo..hi, key=lo..hi:log or key=a,b,c, such as "
                    "optimizer.learning_rate=1e-4..1e-1:log."
                )
            if key in space:
                raise InvalidSetting(f"{key} is searched twice.")
            if key.split(".")[0] == "data":
                raise InvalidSetting(
                    f"{key}: the data is what a search is judged by; change it with --set."
                )
            space[key] = _interval(origin, key, value) if ".." in value else _choices(value)
            for tried in _ends(space[key]):
                derive(origin, {key: tried})
        except InvalidSetting as error:
            faults.append(str(error))
    if faults:
        raise InvalidSetting(" ".join(faults))
    if not space:
        raise InvalidSetting("nothing to search; name a setting with --over key=lo..hi.")
    return space


def _interval(origin: Variant, key: str, text: str) -> Interval:
    low_text, _, high_text = text.removesuffix(LOG).partition("..")
    low: float = convert(low_text, float, key)
    high: float = convert(high_text, float, key)
    if not low < high:
        raise InvalidSetting(f"{key}={text}: the first number must be the smaller one.")
    if text.endswith(LOG) and low <= 0:
        raise InvalidSetting(f"{key}={text}: a logarithmic interval starts above 0.")
    is_whole = any("whole number" in sentence for _, sentence in apply(origin, {key: "1.5"})[1])
    if is_whole and (low % 1 or high % 1):
        raise InvalidSetting(f"{key}={text}: expected whole numbers.")
    return Interval(low, high, is_whole, text.endswith(LOG))


def _choices(text: str) -> Choices:
    values = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if len(values) < 2:
        raise InvalidSetting(f"{text!r}: a search needs two values or more, such as 30,100,300.")
    return Choices(values)


def _ends(found: Interval | Choices) -> Sequence[str]:
    if isinstance(found, Choices):
        return found.values
    return [setting_text(value, found.is_whole) for value in (found.low, found.high)]


def setting_text(value: float, is_whole: bool) -> str:
    """A number as the text of a setting."""
    return str(int(value)) if is_whole else f"{value:.6g}"


def with_validation(variant: Variant, data: Dataset) -> tuple[Variant, Dataset, str]:
    """The entry and data on which a search trains and is judged, and what it is judged by.

    Args:
        variant: the entry that is searched.
        data: its own data.

    Returns:
        The entry, whose data may hold some points out; the data without its test examples; and a
        description of the validation examples.
    """
    if "x_val" in data.arrays:
        count = len(data.arrays["x_val"])
        return variant, data.without_test, f"the {count:,} validation examples"
    name = data_name.parse(variant.data)
    if name.is_file or name.name == "ten_points":
        held_out = replace(name, held_out=True) if name.is_file else DataName("ten_points_held_out")
        held_out = replace(held_out, noise=name.noise)
        split = datasets.generate(str(held_out), datasets.DATA_SEED)
        count = len(split.arrays["x_val"])
        return replace(variant, data=str(held_out)), split, f"{count} points that are held out"
    if name.name in SAMPLED:
        other = datasets.generate(variant.data, datasets.DATA_SEED + 1).arrays
        arrays = {**data.arrays, "x_val": other["x_train"], "y_val": other["y_train"]}
        count = len(other["x_train"])
        return variant, Dataset(data.name, data.source, arrays), f"{count:,} other points"
    arrays = {
        **data.arrays,
        "x_val": data.arrays["x_train"],
        "y_val": data.arrays["y_train"],
    }
    return variant, Dataset(data.name, data.source, arrays), "all points, which are the training's"


def objective(origin: Variant, models: Sequence[keras.Model], data: Dataset) -> float:
    """The mean over the networks of the validation loss without penalties: the smaller the better.

    Squared error for a regression, cross entropy for classes, whatever loss was trained: all
    trials of a search have the same measure.
    """
    x, y = data.arrays["x_val"], data.arrays["y_val"]
    kind = kind_of(data_name.parse(origin.data))
    losses = []
    for model in models:
        outputs = predict(model, x)
        if kind == "regression":
            losses.append(float(np.mean((outputs - y) ** 2)))
        elif kind == "digits":
            losses.append(float(cross_entropies(outputs, y).mean()))
        else:
            p = np.clip(np.where(y > 0.5, outputs, 1 - outputs), EPSILON, 1.0)
            losses.append(float(-np.log(p).mean()))
    return float(np.mean(losses))
