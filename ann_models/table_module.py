"""A table of one's own as a Python module: `VARIANTS`, and perhaps `QUESTIONS`, checked as a whole.

from dataclasses import replace
from ann_models.entry import Dense, Question, Variant
from ann_models.variants import VARIANTS as LECTURE

QUESTIONS = [Question("width", "How wide?", "Compare the curves.")]
VARIANTS = [
    Variant(0, f"wide_{n}", "width", "", "", "cubic", layers=(Dense(n, "relu"), Dense(1)),
            epochs=200, seeds=3)
    for n in (2, 8, 32)
]
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ann_models.entry import Question, Variant
from ann_models.errors import InvalidSetting
from ann_models.layer_text import nearest
from ann_models.questions import QUESTIONS
from ann_models.sound import faults_of, suitable_study
from ann_models.table import NAME, WELL_FORMED, Table
from ann_models.type_faults import type_faults
from ann_models.variants import VARIANTS


def read(path: Path) -> Table:
    """Run a module and check its entries.

    Raises:
        InvalidSetting: the module cannot be run, or every fault in it, with the entry's name.
    """
    content = _run(path)
    listed = list(_listed(path, content, "QUESTIONS", Question))
    variants = list(_listed(path, content, "VARIANTS", Variant))
    faults = [f"question {q.key!r}: {fault}" for q, fault in _question_faults(listed)]
    questions = {q.key: q for q in listed} if not faults else {}
    if not variants:
        faults.append("VARIANTS: it has none; expected a list of ann_models.entry.Variant.")
    taken = dict.fromkeys(VARIANTS, "a row of the lecture")
    taken |= dict.fromkeys([*QUESTIONS, *questions], "the key of a question")
    for position, variant in enumerate(variants):
        types = [f"{key}{fault}" for key, fault in type_faults(variant, Variant, "")]
        label = variant.name if isinstance(variant.name, str) else f"VARIANTS[{position}]"
        found = types or _faults(variant, questions, taken)
        faults += [f"{label}: {fault}" for fault in found]
        taken.setdefault(label, "twice in this module")
    if faults:
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        raise InvalidSetting("\n".join([f"{path} has {count}:", *faults]))
    return Table(questions, tuple(replace(v, study=suitable_study(v)) for v in variants))


def _run(path: Path) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("own_table", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise InvalidSetting(f"{path} is no file that can be read.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for the names of their annotations
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise _fault_of(path, error) from error
    finally:
        del sys.modules[spec.name]
    return vars(module)


def _fault_of(path: Path, error: BaseException) -> InvalidSetting:
    """What the module's own code raised, with its line."""
    return InvalidSetting(f"{path}{_line_in(path, error)}: {type(error).__name__}: {error}.")


def _line_in(path: Path, error: BaseException) -> str:
    """The last line of the module on the way to an error."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    trace, line = error.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = f", line {trace.tb_lineno}"
        trace = trace.tb_next
    return line


def _listed(path: Path, content: dict[str, Any], name: str, kind: type) -> Iterator[Any]:
    found = content.get(name, ())
    entries = found.values() if isinstance(found, dict) else found
    if not isinstance(entries, Iterable):
        raise InvalidSetting(f"{path}: {name} is no list of {kind.__name__} entries.")
    try:
        entries = list(entries)
    except Exception as error:  # of a generator
        raise _fault_of(path, error) from error
    for position, entry in enumerate(entries):
        if not isinstance(entry, kind):
            raise InvalidSetting(
                f"{path}: {name}[{position}] is a {type(entry).__name__}; expected an "
                f"ann_models.entry.{kind.__name__}."
            )
        yield entry


_OF_OTHER_HANDS = {variant.study for variant in VARIANTS.values() if variant.other_hands}
_TEACHERS = [  # whose answers are the probabilities of the ten digits
    v.name for v in VARIANTS.values() if v.has_networks and v.has_images and not v.other_hands
]


def _question_faults(questions: list[Question]) -> Iterator[tuple[Question, str]]:
    keys = dict.fromkeys(QUESTIONS, "the lecture's") | dict.fromkeys(VARIANTS, "a row's name")
    titles = {question.title for question in QUESTIONS.values()}
    for question in questions:
        if types := list(type_faults(question, Question, "")):
            yield from ((question, f"{key}{fault}") for key, fault in types)
            continue
        if not NAME.fullmatch(question.key):
            yield question, WELL_FORMED
        if question.key in keys:
            yield question, f"is {keys[question.key]}; choose another key."
        if question.title in titles or not question.title.strip():
            yield question, f"the title {question.title!r} is taken or empty."
        keys[question.key] = "twice in this module"
        titles.add(question.title)


def _faults(
    variant: Variant, questions: Mapping[str, Question], taken: Mapping[str, str]
) -> Iterator[str]:
    if not NAME.fullmatch(variant.name):
        yield WELL_FORMED
    if variant.name in taken:
        yield f"is {taken[variant.name]}; choose another name."
    if variant.question not in questions and variant.question not in QUESTIONS:
        yield f"question: {nearest(variant.question, [*questions, *QUESTIONS])}"
    if not variant.layers or variant.members:
        yield "it has no layers, and only networks are trained from a table of one's own."
        return
    if variant.distillation and variant.distillation.teacher not in _TEACHERS:
        yield f"distillation.teacher: {nearest(variant.distillation.teacher, _TEACHERS)}"
    if variant.other_hands and variant.study not in _OF_OTHER_HANDS:
        yield 'other_hands: derive it, as in replace(LECTURE["handwriting_cnn"], name=…).'
    if variant.train_size and not variant.has_images:
        yield 'train_size is of pictures; of points write data="cubic size=200".'
    if variant.registered and not variant.has_images:
        yield "registered: a candidate for the service learns digits or other pictures."
    yield from faults_of(variant)
