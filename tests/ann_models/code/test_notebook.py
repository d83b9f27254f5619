"""`ann code --notebook`: question, maths, code, panel and exercise, and it runs."""

from dataclasses import replace

import nbformat
import pytest
from nbclient import NotebookClient

from ann_models.code.notebook import notebook
from ann_models.code.script import sections
from ann_models.questions import QUESTIONS
from ann_models.variants import VARIANTS


def made(name: str, **changes: object) -> nbformat.NotebookNode:
    variant = replace(VARIANTS[name], **changes)
    return nbformat.reads(notebook(variant, QUESTIONS[variant.question]), as_version=4)


def text(document: nbformat.NotebookNode) -> str:
    return "\n".join(cell.source for cell in document.cells if cell.cell_type == "markdown")


def test_it_has_the_question_the_maths_an_exercise_a_hint_and_a_folded_answer():
    words = text(made("relu_regression_4"))
    assert "3 How many neurons fit a curve?" in words
    assert "$$" in words
    assert (
        words.index("## Exercise") < words.index("<summary>Hint") < words.index("<summary>Answer")
    )


def test_its_code_is_that_of_the_script_of_seed_0_with_tensorflows_log_off_first():
    code = [c.source for c in made("relu_regression_4").cells if c.cell_type == "code"]
    expected = [part.code for part in sections(VARIANTS["relu_regression_4"], seed=0)]
    assert code[1:] == expected[1:]
    assert code[0].endswith(expected[0])
    assert "os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'" in code[0].removesuffix(expected[0])


def test_the_same_variant_gives_the_same_file():
    assert made("overfit_base") == made("overfit_base")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["relu_regression_1", "nonlinear_classification", "overfit_l2_0.1"]
)
def test_it_runs_shows_its_panel_and_prints_nothing_in_red(name, tmp_path):
    document = made(name, epochs=2)
    client = NotebookClient(document, timeout=240, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    outputs = [output for cell in document.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not [output for output in outputs if output.get("name") == "stderr"]
