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
from ann_models.derive import KEYS, apply
from ann_models.entry import IMAGES, Dense, Loss, Question, Variant
from ann_models.errors import AnnError, InvalidSetting, UnknownName
from ann_models.layer_text import nearest, parse
from ann_models.questions import QUESTIONS
from ann_models.sound import kind_of, suitable_study
from ann_models.variants import VARIANTS

OWN_ROW = 0  # the lecture's rows begin with 1
EPOCHS, SEEDS, MOST_SEEDS = 100, 3, 100
NAME = re.compile(r"[A-Za-z][\w.+-]{0,60}")
_OF_VARIANTS = ("name", "like", "question", "look_at", "seeds", "registered")
_OF_QUESTIONS = ("key", "title", "look_at")
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
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = tomllib.loads(text)
    except OSError as error:
        raise InvalidSetting(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"{path} is no TOML: {error}.") from error
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
        self.lines = text.splitlines()
        self.faults: list[_Fault] = []

    def table(self, content: dict[str, Any]) -> Table:
        for key in content.keys() - {"question", "variant"}:
            self._add(_line_of(self.lines, key), key, nearest(key, ("question", "variant")))
        questions = dict(self._questions(_tables(content, "question")))
        variants = list(self._variants(_tables(content, "variant"), questions))
        if not _tables(content, "variant"):
            self._add(1, "variant", "the table has no [[variant]].")
        return Table(questions, tuple(variants))

    def _add(self, line: int, key: str, sentence: str) -> None:
        self.faults.append(_Fault(line, key, sentence))

    def _questions(self, given: list[dict[str, Any]]) -> Iterator[tuple[str, Question]]:
        seen: set[str] = set()
        for number, values in enumerate(given):
            where = _Place(self.lines, "question", number)
            before = len(self.faults)
            for key in values.keys() - set(_OF_QUESTIONS):
                self._add(where.line(key), f"question.{key}", nearest(key, _OF_QUESTIONS))
            for key in _OF_QUESTIONS:
                if not isinstance(values.get(key), str) or not values[key].strip():
                    self._add(where.line(key), f"question.{key}", "expected a text.")
            name = str(values.get("key"))
            if name in seen or name in QUESTIONS:
                owner = "the lecture" if name in QUESTIONS else "this file"
                self._add(where.line("key"), "question.key", f"{name!r} is taken by {owner}.")
            if values.get("title") in {question.title for question in QUESTIONS.values()}:
                self._add(where.line("title"), "question.title", "is taken by the lecture.")
            if not NAME.fullmatch(name):
                self._add(where.line("key"), "question.key", f"{name!r}: {WELL_FORMED}")
            seen.add(name)
            if len(self.faults) == before:
                yield name, Question(name, values["title"], values["look_at"])

    def _variants(
        self, given: list[dict[str, Any]], questions: Mapping[str, Question]
    ) -> Iterator[Variant]:
        taken = set(VARIANTS)
        for number, values in enumerate(given):
            where = _Place(self.lines, "variant", number)
            name = values.get("name")
            label = name if isinstance(name, str) else f"variant {number + 1}"
            before = len(self.faults)
            if not isinstance(name, str) or not NAME.fullmatch(name):
                self._add(where.line("name"), f"{label}.name", WELL_FORMED)
            elif name in taken:
                owner = "a row of the lecture" if name in VARIANTS else "another variant"
                remedy = 'choose another name; like = "…" takes its settings over.'
                self._add(where.line("name"), f"{label}.name", f"is {owner}; {remedy}")
            else:
                taken.add(name)
            variant = self._variant(values, where, label, questions)
            if variant is not None and len(self.faults) == before:
                yield variant

    def _variant(
        self,
        values: dict[str, Any],
        where: _Place,
        label: str,
        questions: Mapping[str, Question],
    ) -> Variant | None:
        origin = self._origin(values, where, label)
        if origin is None:
            return None
        settings = {k: v for k, v in values.items() if k not in _OF_VARIANTS}
        if isinstance(settings.get("layers"), list):
            del settings["layers"]
        changes = dict(self._flat(settings))
        made, faults = apply(origin, changes)
        for key, sentence in faults:
            if key in values and key not in KEYS:
                sentence = f"there is no setting {key!r}; {nearest(key, [*_OF_VARIANTS, *KEYS])}"
            self._add(where.line(key), f"{label}.{key}" if key else label, sentence)
        made = self._described(made, values, where, label, questions)
        if faults:
            return None
        like = values.get("like", "")
        return replace(
            made,
            name=label,
            study=suitable_study(made),
            derived_from=like,
            changes=tuple(changes.items()) if like else (),
        )

    def _origin(self, values: dict[str, Any], where: _Place, label: str) -> Variant | None:
        """What the settings change: a row of the lecture, or an entry of these layers."""
        if "like" in values:
            like = values["like"]
            if like not in VARIANTS:
                self._add(where.line("like"), f"{label}.like", nearest(str(like), VARIANTS))
                return None
            if not VARIANTS[like].layers:
                self._add(where.line("like"), f"{label}.like", f"{like} has no network of its own.")
                return None
            origin = VARIANTS[like]
            if not isinstance(values.get("layers"), list):
                return origin
        else:
            missing = [k for k in ("data", "layers") if k not in values]
            for key in missing:
                self._add(where.line(""), label, f'needs {key}, or like = "a row of the lecture".')
            if missing:
                return None
            origin = self._new(values, where, label)
        try:
            layers = tuple(parse(str(text)) for text in values["layers"])
        except AnnError as error:
            self._add(where.line("layers"), f"{label}.layers", str(error))
            return None
        return replace(origin, layers=layers)

    def _new(self, values: dict[str, Any], where: _Place, label: str) -> Variant:
        text = dict(self._flat({"data": values["data"]})).get("data", "")
        try:
            file = text.endswith((".csv", ".tsv", ".txt"))
            wanted = data_name.parse(f"{data_name.POINTS}{text}" if file else text)
            kind = kind_of(wanted)
        except AnnError:
            kind = "none"  # the setting `data` says what is wrong
        return Variant(
            row=OWN_ROW,
            name=label,
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
        self,
        variant: Variant,
        values: dict[str, Any],
        where: _Place,
        label: str,
        questions: Mapping[str, Question],
    ) -> Variant:
        """With the texts, seeds and registration of the file."""
        question = values.get("question", variant.question)
        if question not in questions and question not in QUESTIONS:
            known = [*questions, *QUESTIONS]
            self._add(where.line("question"), f"{label}.question", nearest(str(question), known))
        seeds = values.get("seeds", variant.seeds)
        if type(seeds) is not int or not 1 <= seeds <= MOST_SEEDS:
            self._add(where.line("seeds"), f"{label}.seeds", f"expected 1 to {MOST_SEEDS}.")
            seeds = 1
        registered = values.get("registered", False)
        if type(registered) is not bool:
            self._add(where.line("registered"), f"{label}.registered", "expected true or false.")
        elif registered and not variant.has_images:
            sentence = "a candidate for the service learns digits or other pictures."
            self._add(where.line("registered"), f"{label}.registered", sentence)
        look_at = values.get("look_at", "")
        if not isinstance(look_at, str):
            self._add(where.line("look_at"), f"{label}.look_at", "expected a text.")
        return replace(
            variant,
            question=str(question),
            look_at=str(look_at) or _difference(values),
            seeds=seeds,
            registered=registered is True,
        )

    def _flat(self, values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
        """Nested TOML keys as the dotted keys of `derive`, names first."""
        for key, value in values.items():
            path = f"{prefix}{key}"
            if isinstance(value, dict):
                first = next((k for k in ("name", "norm") if k in value), None)
                if first and not isinstance(value[first], dict):
                    yield path, self._text(path, value[first])
                rest = {k: v for k, v in value.items() if k != first}
                yield from self._flat(rest, f"{path}.")
            else:
                yield path, self._text(path, value)

    def _text(self, key: str, value: Any) -> str:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if key == "data" and text.startswith(IMAGES) and "=" in text:
            name, _, path = text.partition("=")
            return f"{name}={(self.path.parent / Path(path).expanduser()).resolve()}"
        if key == "data" and text.endswith((".csv", ".tsv", ".txt")):
            return str((self.path.parent / Path(text).expanduser()).resolve())
        return text


WELL_FORMED = "expected a name of letters, digits and _ . + -, at most 61, a letter first."


def _difference(values: Mapping[str, Any]) -> str:
    """Like which row of the lecture a variant is."""
    return f"{values['like']}, changed." if "like" in values else ""


@dataclass(frozen=True)
class _Place:
    """Where the entry of a number among the entries of its kind stands in the file."""

    lines: Sequence[str]
    kind: str
    number: int

    def line(self, key: str) -> int:
        """The line of a key, or of the entry's heading."""
        headings = [
            i for i, line in enumerate(self.lines) if re.match(rf"\s*\[\[{self.kind}\]\]", line)
        ]
        if self.number >= len(headings):
            return 1
        first = headings[self.number]
        ends = (i for i in range(first + 1, len(self.lines)) if self.lines[i].startswith("[["))
        last = next(ends, len(self.lines))
        for name in _prefixes(key):
            for i in range(first + 1, last):
                if re.match(rf"\s*{re.escape(name)}\s*[.=]", self.lines[i]):
                    return i + 1
        return first + 1


def _prefixes(key: str) -> Iterable[str]:
    """`a.b.c`, `a.b`, `a`; none of an empty key."""
    parts = key.split(".") if key else []
    return (".".join(parts[:n]) for n in range(len(parts), 0, -1))


def _tables(content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = content.get(key, [])
    return [t for t in found if isinstance(t, dict)] if isinstance(found, list) else []


def _line_of(lines: Sequence[str], key: str) -> int:
    pattern = rf"\s*(\[\[?)?{re.escape(key)}\b"
    return next((i for i, line in enumerate(lines, 1) if re.match(pattern, line)), 1)
