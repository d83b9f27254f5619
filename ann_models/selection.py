"""Which entries a job runs: rows of the lecture or of a table of one's own, changed or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ann_models import table, table_module, variants
from ann_models.derive import derive
from ann_models.entry import Question, Variant
from ann_models.errors import InvalidSetting


def select(
    names: Sequence[str], changes: Mapping[str, str], path: str | None = None
) -> tuple[list[Variant], Mapping[str, Question]]:
    """The entries of these names, and the questions that are not the lecture's.

    Args:
        names: of variants or questions; none: all rows of the lecture, or of the table.
        changes: settings in which each of the named variants differs.
        path: of a table of one's own: a TOML file, or a Python module.

    Raises:
        UnknownName: a name is not in the table.
        InvalidSetting: the table or a change has a fault, or no variant is named for the changes.
    """
    if changes and not names:
        raise InvalidSetting(
            f"{', '.join(changes)}: name the variants in which this is changed, such as "
            "relu_regression_4."
        )
    questions: Mapping[str, Question] = {}
    if path:
        file = Path(path)
        own = table_module.read(file) if file.suffix == ".py" else table.read(file)
        found, questions = own.find(names), own.questions
    else:
        found = variants.find(list(names))
    return ([derive(variant, changes) for variant in found] if changes else found), questions
