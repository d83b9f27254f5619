"""A table of one's own: variants and questions in a TOML file, checked as a whole.

    [[question]]
    key = "smooth"
    title = "Which activation is smooth?"
    look_at = "Compare the corners of the fitted curves."

    [[variant]]
    name = "four_tanh"
    like = "relu_regression_4"      # a row of the lecture, of which some settings differ
    question = "smooth"
    layers.0.activation = "tanh"

    [[variant]]
    name = "my_points"
    question = "smooth"
    data = "points.csv"             # beside the TOML file
    layers = ["dense 30 tanh", "dense 1"]
    epochs = 500
    seeds = 3

Beside `name`, `like`, `question`, `look_at`, `seeds` and `registered`, the keys of a variant are
those of `ann_models.derive`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ann_models import data_name
from ann_models.derive import BETWEEN_LAYERS, KEYS, apply, effective_changes
from ann_models.entry import IMAGES, Dense, Loss, Question, Variant
from ann_models.errors import AnnError, InvalidSetting, UnknownName
from ann_models.layer_text import nearest
from ann_models.limits import RANGES
from ann_models.questions import QUESTIONS
from ann_models.sound import kind_of, suitable_study
from ann_models.toml_lines import TomlLines
from ann_models.variants import VARIANTS

OWN_ROW = 0  # the lecture's rows begin with 1
EPOCHS, SEEDS = 100, 3
NAME = re.compile(r"[A-Za-z][\w.+-]{0,60}")
_OF_VARIANTS = ("name", "like", "question", "look_at", "seeds", "registered")
_OF_QUESTIONS = ("key", "title", "look_at")
_OF_KIND = {"variant": "name", "question": "key"}
_WHOLE = {"data": "the name of its data", "layers": 'a list of layers, such as ["dense 1"]'}
_LOSS: dict[str, Loss] = {
    "regression": "mse",
    "classification": "binary_crossentropy",
    "digits": "sparse_categorical_crossentropy",
}


@dataclass(frozen=True)
class Table:
    """The content of a file.

    Attributes:
        questions: by key, those of the file alone.
        variants: in the order of the file.
    """

    questions: Mapping[str, Question]
    variants: tuple[Variant, ...]

    def find(self, names: Sequence[str]) -> list[Variant]:
        """The variants of these names, or of the questions of these keys; for no name, all.

        Raises:
            UnknownName: for a name that is not in the file, with the nearest ones.
        """
        known = [*(v.name for v in self.variants), *self.questions]
        for name in names:
            if name not in known:
                raise UnknownName(f"the table has no variant {name!r}; {nearest(name, known)}")
        return [v for v in self.variants if not names or v.name in names or v.question in names]


@dataclass(frozen=True)
class _Fault:
    line: int
    key: str
    sentence: str


def read(path: Path) -> Table:
    """Read and check a file.

    Raises:
        InvalidSetting: the file cannot be read, or every fault in it with its line and key.
    """
    text = ""
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = tomllib.loads(text)
    except OSError as error:
        raise InvalidSetting(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        single = re.search(r"^\s*\[(variant|question)\]", text, re.MULTILINE) if text else None
        hint = f" Write [[{single[1]}]] in double brackets." if single else ""
        raise InvalidSetting(f"{path} is no TOML: {error}.{hint}") from error
    checked = _Checked(path, text)
    table = checked.table(content)
    if checked.faults:
        faults = sorted(checked.faults, key=lambda fault: fault.line)
        lines = [f"line {f.line}, {f.key}: {f.sentence}" for f in faults]
        count = f"{len(lines)} fault{'s' if len(lines) > 1 else ''}"
        raise InvalidSetting("\n".join([f"{path} has {count}:", *lines]))
    return table


class _Checked:
    """Builds the table and collects every fault."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.lines = TomlLines(text)
        self.faults: list[_Fault] = []

    def table(self, content: dict[str, Any]) -> Table:
        for key in content.keys() - {"question", "variant"}:
            self.faults.append(
                _Fault(self.lines.of(key), key, nearest(key, ("question", "variant")))
            )
        questions = dict(self._questions(self._tables(content, "question")))
        variants = list(self._variants(self._tables(content, "variant"), questions))
        if content.get("variant", []) == []:
            self.faults.append(_Fault(1, "variant", "the table has no [[variant]]."))
        return Table(questions, tuple(variants))

    def _tables(self, content: dict[str, Any], kind: str) -> Iterator[_Entry]:
        """The entries of a kind."""
        found = content.get(kind, [])
        if not isinstance(found, list):
            name = next(iter(found), "mine") if isinstance(found, dict) else "mine"
            example = f'{_OF_KIND[kind]} = "{name}"'
            sentence = f"write [[{kind}]] in double brackets, and {example} on the next line."
            self.faults.append(_Fault(self.lines.of(kind), kind, sentence))
            return
        for number, values in enumerate(found):
            if isinstance(values, dict):
                yield _Entry(self, kind, number, values)
            else:
                line = self.lines.of(kind, str(number))
                self.faults.append(_Fault(line, kind, f"{values!r}: expected a [[{kind}]]."))

    def _questions(self, given: Iterable[_Entry]) -> Iterator[tuple[str, Question]]:
        keys = dict.fromkeys(QUESTIONS, "the lecture")
        titles = {question.title: "the lecture" for question in QUESTIONS.values()}
        for entry in given:
            before = len(self.faults)
            for key in entry.values.keys() - set(_OF_QUESTIONS):
                entry.fault(key, nearest(key, _OF_QUESTIONS))
            key, title, look_at = (entry.text(k) for k in _OF_QUESTIONS)
            if key in keys:
                entry.fault("key", f"{key!r} is taken by {keys[key]}.")
            elif key in VARIANTS:
                entry.fault("key", f"{key!r} is a row of the lecture.")
            elif key and not NAME.fullmatch(key):
                entry.fault("key", f"{key!r}: {WELL_FORMED}")
            if title in titles:
                entry.fault("title", f"is taken by {titles[title]}.")
            if len(self.faults) == before:
                keys[key] = titles[title] = "this file"
                yield key, Question(key, title, look_at)

    def _variants(
        self, given: Iterable[_Entry], questions: Mapping[str, Question]
    ) -> Iterator[Variant]:
        taken = dict.fromkeys(VARIANTS, "a row of the lecture")
        taken |= dict.fromkeys([*QUESTIONS, *questions], "the key of a question")
        for entry in given:
            name, before = entry.values.get("name"), len(self.faults)
            if not isinstance(name, str) or not NAME.fullmatch(name):
                entry.fault("name", WELL_FORMED)
            elif name in taken:
                remedy = 'choose another name; like = "…" takes its settings over.'
                entry.fault("name", f"is {taken[name]}; {remedy}")
            else:
                taken[name] = "another variant"
            variant = self._variant(entry, questions)
            if len(self.faults) == before:
                yield variant

    def _variant(self, entry: _Entry, questions: Mapping[str, Question]) -> Variant:
        values = entry.values
        settings = {k: v for k, v in values.items() if k not in _OF_VARIANTS}
        changes = dict(self._flat(settings))
        before = len(self.faults)
        origin = self._origin(entry, changes)
        is_stand_in = len(self.faults) > before
        made, faults = apply(origin, changes)
        for key, sentence in faults:
            if is_stand_in and (not key or key.split(".")[0] in ("layers", "data")):
                continue  # of the entry that stands in for what is missing
            if key in values and key not in KEYS:
                sentence = f"there is no setting {key!r}; {nearest(key, [*_OF_VARIANTS, *KEYS])}"
            entry.fault(key, sentence)
        changed = effective_changes(origin, changes) if values.get("like") else {}
        study = "" if len(self.faults) > before else suitable_study(made)
        return replace(
            self._described(made, entry, questions),
            name=entry.label,
            study=study,
            derived_from=origin.name if values.get("like") else "",
            changes=tuple(changed.items()),
        )

    def _origin(self, entry: _Entry, changes: Mapping[str, str]) -> Variant:
        """What the settings change: a row of the lecture, or an entry that has its layers alone."""
        if "like" in entry.values:
            like = entry.text("like")
            if like in VARIANTS and VARIANTS[like].layers:
                return VARIANTS[like]
            if like in VARIANTS:
                entry.fault("like", f"{like} has no network of its own.")
            elif like:
                entry.fault("like", nearest(like, [v.name for v in VARIANTS.values() if v.layers]))
        elif missing := [k for k in ("data", "layers") if k not in changes]:
            for key in missing:
                said = f"needs {key}" if key not in entry.values else f"needs {_WHOLE[key]}"
                entry.fault(
                    key if key in entry.values else "", f'{said}, or like = "a row of the lecture".'
                )
        try:
            wanted = data_name.parse(changes.get("data", ""))
            kind = kind_of(wanted)
        except AnnError:
            kind = "none"  # the setting `data` says what is wrong
        return Variant(
            row=OWN_ROW,
            name=entry.label,
            question="",
            look_at="",
            study="",
            data="cubic" if kind == "none" else str(wanted),
            layers=(Dense(1),),
            loss=_LOSS.get(kind, "mse"),
            epochs=EPOCHS,
            seeds=SEEDS,
        )

    def _described(
        self, variant: Variant, entry: _Entry, questions: Mapping[str, Question]
    ) -> Variant:
        """With the texts, seeds and registration of the file."""
        values = entry.values
        question = entry.text("question") if "question" in values else variant.question
        known = [*questions, *QUESTIONS]
        if question not in known and ("question" not in values or question):
            entry.fault("question", nearest(question, known))
        seeds = values.get("seeds", variant.seeds)
        if type(seeds) is not int or seeds not in RANGES["seeds"]:
            entry.fault("seeds", f"expected {RANGES['seeds']}.")
            seeds = 1
        registered = values.get("registered", False)
        if type(registered) is not bool:
            entry.fault("registered", "expected true or false.")
        elif registered and not variant.has_images:
            sentence = "a candidate for the service learns digits or other pictures."
            entry.fault("registered", sentence)
        look_at = entry.text("look_at") if values.get("look_at", "") != "" else ""
        return replace(
            variant,
            question=question,
            look_at=look_at or (f"{variant.name}, changed." if "like" in values else ""),
            seeds=seeds,
            registered=registered is True,
        )

    def _flat(self, values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
        """Nested TOML keys as the dotted keys of `derive`, names first."""
        for key, value in values.items():
            path = f"{prefix}{key}"
            if isinstance(value, dict) and value:
                first = next((k for k in ("name", "norm") if k in value), None)
                if first and not isinstance(value[first], dict):
                    yield path, self._text(path, value[first])
                    value = {k: v for k, v in value.items() if k != first}
                yield from self._flat(value, f"{path}.")
            else:
                yield path, self._text(path, value)

    def _text(self, key: str, value: Any) -> str:
        if key == "layers" and isinstance(value, list):
            return BETWEEN_LAYERS.join(map(str, value))
        if type(value) is int and abs(value) >= 10**18:
            return "a number of more than 18 digits"  # Python writes none of more than 4,300
        text = str(value).lower() if isinstance(value, bool) else str(value)
        try:
            if key == "data" and text.startswith(IMAGES) and "=" in text:
                name, _, path = text.partition("=")
                return f"{name}={data_name.absolute(path, self.path.parent)}"
            if key == "data" and data_name.names_points(text):
                return f"{data_name.POINTS}{data_name.points_file(text, self.path.parent)}"
        except InvalidSetting:
            pass  # the setting `data` says what is wrong
        return text


@dataclass(frozen=True)
class _Entry:
    """A [[question]] or [[variant]] of the file, and where its faults go."""

    checked: _Checked
    kind: str
    number: int
    values: dict[str, Any]

    @property
    def label(self) -> str:
        """How a fault names it: a variant's name, or its number."""
        if self.kind == "question":
            return self.kind
        name = self.values.get("name")
        return name if isinstance(name, str) else f"variant {self.number + 1}"

    def fault(self, key: str, sentence: str) -> None:
        """Say what is wrong with a key; with none, of the entry as a whole."""
        line = self.checked.lines.of(self.kind, str(self.number), key)
        said = f"{self.label}.{key}" if key else self.label
        self.checked.faults.append(_Fault(line, said, sentence))

    def text(self, key: str) -> str:
        """The text of a key; of anything else an empty one, and a fault."""
        value = self.values.get(key)
        if isinstance(value, str) and value.strip():
            return value
        self.fault(key, "expected a text.")
        return ""


WELL_FORMED = "expected a name of letters, digits and _ . + -, at most 61, a letter first."
