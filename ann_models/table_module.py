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
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ann_models.entry import Question, Variant
from ann_models.errors import InvalidSetting
from ann_models.layer_text import nearest
from ann_models.questions import QUESTIONS
from ann_models.sound import faults_of, suitable_study
from ann_models.table import NAME, WELL_FORMED, Table
from ann_models.variants import VARIANTS


def read(path: Path) -> Table:
    """Run a module and check its entries.

    Raises:
        InvalidSetting: the module cannot be run, or every fault in it, with the entry's name.
    """
    content = _run(path)
    questions = {q.key: q for q in _listed(path, content, "QUESTIONS", Question)}
    variants = list(_listed(path, content, "VARIANTS", Variant))
    faults = [f"question {key}: is the lecture's" for key in questions if key in QUESTIONS]
    if not variants:
        faults.append("VARIANTS: it has none; expected a list of ann_models.entry.Variant.")
    taken = set(VARIANTS)
    for variant in variants:
        faults += [f"{variant.name}: {fault}" for fault in _faults(variant, questions, taken)]
        taken.add(variant.name)
    if faults:
        count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
        raise InvalidSetting("\n".join([f"{path} has {count}:", *faults]))
    return Table(questions, tuple(replace(v, study=suitable_study(v)) for v in variants))


def _run(path: Path) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("own_table", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise InvalidSetting(f"{path} is no file that can be read.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        line = _line_in(path, error)
        raise InvalidSetting(f"{path}{line}: {type(error).__name__}: {error}.") from error
    return vars(module)


def _line_in(path: Path, error: Exception) -> str:
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
    for position, entry in enumerate(entries):
        if not isinstance(entry, kind):
            raise InvalidSetting(
                f"{path}: {name}[{position}] is a {type(entry).__name__}; expected an "
                f"ann_models.entry.{kind.__name__}."
            )
        yield entry


def _faults(variant: Variant, questions: dict[str, Question], taken: set[str]) -> Iterator[str]:
    if not NAME.fullmatch(variant.name):
        yield WELL_FORMED
    if variant.name in taken:
        yield "is a row of the lecture, or twice in this module; choose another name."
    if variant.question not in questions and variant.question not in QUESTIONS:
        yield f"question: {nearest(variant.question, [*questions, *QUESTIONS])}"
    if not variant.layers:
        yield "it has no layers, and only networks are trained from a table of one's own."
        return
    if variant.epochs < 1 or variant.seeds < 1:
        yield f"epochs={variant.epochs}, seeds={variant.seeds}: expected 1 or more."
    if variant.registered and not variant.has_images:
        yield "registered: a candidate for the service learns digits or other pictures."
    yield from faults_of(variant)
