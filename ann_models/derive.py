"""What if: an entry with some of its settings changed, and whether it can be meant.

Keys are those of the entry: `epochs`, `batch_size`, `loss`, `layers` (all of them),
`layers.0.units`, `layers.0` (another layer, or `none`), `layers.0+` (one more layer after it),
`optimizer`, `optimizer.learning_rate`, `penalty.strength`, `dropout`, `augmentation.shift`, `data`,
`data.size`, `data.noise`. Layers are numbered as in the entry, whatever else is changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ann_models import data_name, limits, points
from ann_models.digits import image_sets
from ann_models.digits.augmentation import Augmentation
from ann_models.entry import (
    IMAGES,
    SGD,
    Adam,
    CosineDecay,
    Dense,
    Dropout,
    EarlyStopping,
    Layer,
    Penalty,
    Variant,
)
from ann_models.errors import AnnError, InvalidSetting
from ann_models.layer_text import check, convert, nearest, parse, show, types_of
from ann_models.sound import faults_of, suitable_study

NONE = "none"
MOST_DIGITS = 50_000  # MNIST's without those for validation
LONGEST_NAME = 120  # characters
BETWEEN_LAYERS = "; "
_OPTIMIZERS: dict[str, type[Adam] | type[SGD]] = {"adam": Adam, "sgd": SGD}
_PENALTY = Penalty("l2", 0.001)  # of which a key may change a part
_LAYER_KEY = re.compile(r"layers\.(\d+)(\+|\.(\w+))?")


def parse_changes(texts: Iterable[str]) -> dict[str, str]:
    """`key=value` texts as a mapping.

    Raises:
        InvalidSetting: a text has no "=", or a key comes twice.
    """
    changes: dict[str, str] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not key or not value:
            raise InvalidSetting(f"{text!r}: expected key=value, such as epochs=2000.")
        if key in changes:
            raise InvalidSetting(f"{key} is set twice, to {changes[key]} and to {value}.")
        changes[key] = value
    return changes


def derive(origin: Variant, changes: Mapping[str, str]) -> Variant:
    """The entry with these changes, under a name that says them.

    Args:
        origin: an entry with layers.
        changes: text values by key; what is as in the origin is no change.

    Returns:
        The changed entry, whose `derived_from` and `changes` say what differs; the origin itself
        where nothing does.

    Raises:
        InvalidSetting: every fault at once, each with the nearest setting that can be meant.
    """
    if not origin.layers:
        raise InvalidSetting(
            f"{origin.name} has no network of its own whose settings could be changed."
        )
    changes = dict(sorted(changes.items()))  # so that their order does not change the name
    made, faults = apply(origin, changes)
    if faults:
        raise InvalidSetting(f"{origin.name}: " + " ".join(sentence for _, sentence in faults))
    effective = {
        key: _whole_path(made, value) for key, value in effective_changes(origin, changes).items()
    }
    if not effective:
        return origin
    said = [f"{key}={data_name.short(value)}" for key, value in effective.items()]
    return replace(
        made,
        name=derived_name(origin.name, effective),
        study=suitable_study(made),
        look_at=f"{origin.name} with {', '.join(said)}.",
        # On digits a trial is no candidate; on pictures of one's own the model is of that name.
        registered=origin.registered and made.data.startswith(IMAGES),
        derived_from=origin.name,
        changes=tuple(effective.items()),
    )


def apply(origin: Variant, changes: Mapping[str, str]) -> tuple[Variant, list[tuple[str, str]]]:
    """The entry with these changes, and what is wrong: pairs of a key and a sentence.

    The key is empty where a fault is of the entry as a whole.
    """
    builder = _built(origin, changes)
    made = builder.finish()
    faults = builder.faults or [("", fault) for fault in faults_of(made)]
    return made, [(key, _sentence(fault)) for key, fault in faults]


def derived_name(origin: str, changes: Mapping[str, str]) -> str:
    """A name that says what differs and may be a file's name and part of an MLflow filter."""
    said = "+".join(
        [origin, *(f"{key}={data_name.short(value)}" for key, value in changes.items())]
    )
    name = re.sub(r"[^\w.=+-]", "_", said)
    if len(name) <= LONGEST_NAME:
        return name
    import hashlib

    digest = hashlib.sha256(said.encode()).hexdigest()[:8]
    return f"{name[: LONGEST_NAME - 9]}-{digest}"


def _whole_path(made: Variant, value: str) -> str:
    """A value that holds from every folder."""
    if value.startswith(IMAGES):
        return made.data
    if not data_name.names_points(value):
        return value
    path = str(data_name.points_file(value))
    return path if data_name.names_points(path) else f"{data_name.POINTS}{path}"


def _sentence(fault: str) -> str:
    return fault if fault.endswith((".", "?")) else f"{fault}."


def effective_changes(origin: Variant, changes: Mapping[str, str]) -> dict[str, str]:
    """The changes without those that make no difference beside the others."""
    made = _built(origin, changes).finish()
    if made == _built(origin, {}).finish():
        return {}
    kept = dict(changes)
    for key in changes:
        rest = {k: v for k, v in kept.items() if k != key}
        if _built(origin, rest).finish() == made:
            kept = rest
    return kept


def _built(origin: Variant, changes: Mapping[str, str]) -> _Builder:
    """The builder after all changes, a whole before its parts in whatever order they are given.

    Pictures come right after all layers: they set the last one's units, which another change may
    contradict.
    """
    builder = _Builder(origin)
    for key in sorted(
        changes,
        key=lambda key: (key != "layers", not changes[key].startswith(IMAGES), key.count(".")),
    ):
        builder.apply(key, changes[key])
    return builder


@dataclass
class _Slot:
    """The layers that stand where one of the origin stood: itself, none, more after it."""

    layer: Layer | None
    after: list[Layer]


class _Builder:
    """Applies one change after the other and collects what cannot be meant."""

    def __init__(self, origin: Variant) -> None:
        self.variant = origin
        self.slots = [_Slot(layer, []) for layer in origin.layers]
        self.dropout: float | None = None
        self.without_penalty = False
        self.faults: list[tuple[str, str]] = []

    def apply(self, key: str, value: str) -> None:
        try:
            if match := _LAYER_KEY.fullmatch(key):
                self._layer(key, int(match[1]), match[2] or "", value)
            elif key in KEYS:
                KEYS[key](self, key, value)
            else:
                raise InvalidSetting(f"there is no setting {key!r}; {nearest(key, self._known())}")
        except AnnError as error:
            self.faults.append((key, str(error)))

    def finish(self) -> Variant:
        layers = [
            layer for slot in self.slots for layer in (slot.layer, *slot.after) if layer is not None
        ]
        if self.dropout is not None:
            layers = _with_dropout(layers, self.dropout)
        data = self.variant.data
        if (wanted := data_name.parse(data)).is_file:
            held_out = self.variant.early_stopping is not None
            data = str(replace(wanted, held_out=held_out))
        return replace(self.variant, layers=tuple(layers), data=data)

    def _known(self) -> list[str]:
        attributes = [
            f"layers.{i}.{f.name}"
            for i, slot in enumerate(self.slots)
            if slot.layer is not None
            for f in fields(slot.layer)
        ]
        return [*KEYS, *attributes]

    def _layer(self, key: str, position: int, rest: str, value: str) -> None:
        if position >= len(self.slots):
            listed = ", ".join(f"{i} {show(s.layer)}" for i, s in enumerate(self.slots) if s.layer)
            raise InvalidSetting(f"{key}: the layers are {listed}.")
        slot = self.slots[position]
        if rest == "+":
            slot.after.append(parse(value))
            changed: Layer | None = slot.after[-1]
        elif not rest:
            changed = slot.layer = None if value == NONE else parse(value)
        elif slot.layer is None:
            raise InvalidSetting(f"{key}={value}: layers.{position}=none removes this layer.")
        else:
            changed = slot.layer = self._attribute(key, slot.layer, rest[1:], value)
        if isinstance(changed, Dropout) and self.dropout is not None:
            raise InvalidSetting(f"{key}={value}: dropout={self.dropout:g} sets every rate.")

    def _attribute(self, key: str, layer: Layer, name: str, value: str) -> Layer:
        types = types_of(type(layer))
        if name not in types:
            raise InvalidSetting(
                f"there is no setting {key!r} in {show(layer)!r}; "
                + (nearest(name, types) if types else "it has none.")
            )
        changed = replace(layer, **{name: convert(value, types[name], key)})
        check(changed, f"{key}={value}")
        return changed

    # --- one method a key -------------------------------------------------------------------------

    def _whole(self, key: str, value: str) -> None:
        number: Any = _number(key, value, int)
        self.variant = replace(self.variant, **{key: number})

    def _loss(self, key: str, value: str) -> None:
        self.variant = replace(self.variant, loss=convert(value, types_of(Variant)["loss"], key))

    def _optimizer(self, key: str, value: str) -> None:
        if value.lower() not in _OPTIMIZERS:
            raise InvalidSetting(f"{key}={value}: {nearest(value.lower(), _OPTIMIZERS)}")
        if not isinstance(self.variant.optimizer, _OPTIMIZERS[value.lower()]):
            self.variant = replace(self.variant, optimizer=_OPTIMIZERS[value.lower()]())

    def _of_optimizer(self, key: str, value: str) -> None:
        name, optimizer = key.removeprefix("optimizer."), self.variant.optimizer
        if not hasattr(optimizer, name):
            other = "sgd" if isinstance(optimizer, Adam) else "adam"
            raise InvalidSetting(
                f"{key}={value}: {type(optimizer).__name__} has none; set optimizer={other}, too."
            )
        changed: Any
        changed = number = _number(key, value, float)
        if name == "learning_rate" and isinstance(optimizer.learning_rate, CosineDecay):
            changed = replace(optimizer.learning_rate, peak=number)
        self.variant = replace(self.variant, optimizer=replace(optimizer, **{name: changed}))

    def _penalty(self, key: str, value: str) -> None:
        if key == "penalty" and value.lower() == NONE:
            self.variant, self.without_penalty = replace(self.variant, penalty=None), True
            return
        self._require_penalty(key, value)
        norm = convert(value, types_of(Penalty)["norm"], key)
        kept = self.variant.penalty or _PENALTY
        self.variant = replace(self.variant, penalty=replace(kept, norm=norm))

    def _penalty_strength(self, key: str, value: str) -> None:
        strength = _number(key, value, float)
        self._require_penalty(key, value)
        kept = self.variant.penalty or _PENALTY
        self.variant = replace(self.variant, penalty=replace(kept, strength=strength))

    def _require_penalty(self, key: str, value: str) -> None:
        if self.without_penalty:
            raise InvalidSetting(f"{key}={value}: penalty=none removes the penalty.")

    def _layers(self, key: str, value: str) -> None:
        texts = value.split(BETWEEN_LAYERS.strip())
        self.slots = [_Slot(parse(text), []) for text in texts]

    def _dropout(self, key: str, value: str) -> None:
        rate: float = convert(value, float, key)
        check(Dropout(rate), f"{key}={value}")
        self.dropout = rate

    def _patience(self, key: str, value: str) -> None:
        patience: Any = _number(key, value, int)
        self.variant = replace(self.variant, early_stopping=EarlyStopping(patience))

    def _augmentation(self, key: str, value: str) -> None:
        from ann_models.variants import AUGMENTATION

        choices = {NONE: None, "lecture": AUGMENTATION}
        if value.lower() not in choices:
            raise InvalidSetting(f"{key}={value}: {nearest(value.lower(), choices)}")
        self.variant = replace(self.variant, augmentation=choices[value.lower()])

    def _of_augmentation(self, key: str, value: str) -> None:
        number = _number(key, value, float)
        kept = self.variant.augmentation or Augmentation()
        changed = replace(kept, **{key.removeprefix("augmentation."): number})
        self.variant = replace(self.variant, augmentation=changed)

    def _data(self, key: str, value: str) -> None:
        if value.startswith(IMAGES):
            self._images(value.removeprefix(IMAGES))
            return
        if data_name.names_points(value):
            value = f"{data_name.POINTS}{data_name.points_file(value)}"
        wanted = data_name.parse(value)
        if wanted.is_file:
            points.read(Path(wanted.path))
        self.variant = replace(self.variant, data=str(wanted))

    def _images(self, text: str) -> None:
        """An image data set, with as many outputs as it has classes."""
        entry = image_sets.parse(text)
        units = len(image_sets.classes_of(entry))
        self.variant = replace(self.variant, data=f"{IMAGES}{entry}")
        for slot in reversed(self.slots):
            if isinstance(slot.layer, Dense):
                slot.layer = replace(slot.layer, units=units)
                break

    def _of_data(self, key: str, value: str) -> None:
        if self.variant.has_images and key == "data.size":
            number: int = convert(value, int, key)
            most = MOST_DIGITS if self.variant.data == "digits" else data_name.LARGEST
            if not data_name.SMALLEST <= number <= most:
                what = "digits" if self.variant.data == "digits" else "pictures"
                raise InvalidSetting(
                    f"{key}={value}: expected {data_name.SMALLEST} to {most:,} {what}."
                )
            self.variant = replace(self.variant, train_size=number)
            return
        known = data_name.parse(self.variant.data)
        changed = known.with_size(value) if key == "data.size" else known.with_noise(value)
        self.variant = replace(self.variant, data=str(changed))


def _number(key: str, text: str, type_: type) -> float:
    """A number within the limits of its setting."""
    number: float = convert(text, type_, key)
    limits.check(key, number)
    return number


def _with_dropout(layers: list[Layer], rate: float) -> list[Layer]:
    """Dropout of this rate after each hidden dense layer's activation; none for a rate of 0."""
    kept = [layer for layer in layers if not isinstance(layer, Dropout)]
    found: list[Layer] = []
    for position, layer in enumerate(kept):
        found.append(layer)
        follows = kept[position + 1 :]
        activates = isinstance(layer, Dense) and layer.activation != "linear"
        activates |= type(layer).__name__ == "ActivationLayer"
        if rate and activates and any(isinstance(later, Dense) for later in follows):
            found.append(Dropout(rate))
    return found


KEYS: dict[str, Callable[[_Builder, str, str], None]] = {
    "epochs": _Builder._whole,
    "batch_size": _Builder._whole,
    "loss": _Builder._loss,
    "layers": _Builder._layers,
    "optimizer": _Builder._optimizer,
    "optimizer.learning_rate": _Builder._of_optimizer,
    "optimizer.momentum": _Builder._of_optimizer,
    "optimizer.weight_decay": _Builder._of_optimizer,
    "penalty": _Builder._penalty,
    "penalty.norm": _Builder._penalty,
    "penalty.strength": _Builder._penalty_strength,
    "dropout": _Builder._dropout,
    "early_stopping.patience": _Builder._patience,
    "augmentation": _Builder._augmentation,
    **{f"augmentation.{f.name}": _Builder._of_augmentation for f in fields(Augmentation)},
    "data": _Builder._data,
    "data.size": _Builder._of_data,
    "data.noise": _Builder._of_data,
}
