"""A variant as a Jupyter notebook: the question, the maths, the code, the panel, an exercise."""

from __future__ import annotations

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from ann_models.code.exercises import exercise_of
from ann_models.code.script import sections
from ann_models.entry import Question, Variant

_QUIET = "import os\nos.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'  # TensorFlow's log lines\n"


def notebook(
    variant: Variant, question: Question, seed: int = 0, weights: str | None = None
) -> str:
    """The notebook's JSON; arguments and errors as for `script`, and the variant's question."""
    exercise = exercise_of(variant)
    cells = [
        new_markdown_cell(
            f"# {question.title}\n\n{question.look_at}\n\n**{variant.name}**: {variant.look_at}"
        ),
        new_markdown_cell(f"## The maths\n\n{exercise.maths}"),
    ]
    for position, section in enumerate(sections(variant, seed, weights)):
        cells.append(new_markdown_cell(f"## {section.heading.capitalize()}"))
        cells.append(new_code_cell(section.code if position else _QUIET + section.code))
    cells.append(
        new_markdown_cell(
            f"## Exercise\n\n{exercise.task}\n\n"
            f"<details><summary>Hint</summary>\n\n{exercise.hint}\n\n</details>\n\n"
            f"<details><summary>Answer</summary>\n\n{exercise.answer}\n\n</details>"
        )
    )
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # the same variant gives the same file
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.validate(document)
    return nbformat.writes(document) + "\n"
