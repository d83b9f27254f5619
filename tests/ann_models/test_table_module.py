"""A table as a Python module: run, and every fault said with the entry's name."""

from pathlib import Path

import pytest

from ann_models import table_module
from ann_models.errors import InvalidSetting

GOOD = """
from ann_models.entry import Dense, Question, Variant
QUESTIONS = [Question("width", "How wide?", "Compare.")]
VARIANTS = [
    Variant(0, f"wide_{n}", "width", "", "", "cubic", layers=(Dense(n, "relu"), Dense(1)), epochs=9)
    for n in (2, 8)
]
"""


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "mine.py"
        path.write_text(text)
        return path

    return write


def test_entries_get_the_study_of_their_data(write):
    table = table_module.read(write(GOOD))
    assert [(v.name, v.study) for v in table.variants] == [
        ("wide_2", "points_regression"),
        ("wide_8", "points_regression"),
    ]
    assert table.find(["width"]) == list(table.variants)


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("Dense(1)", "Dense(1, 'softmax')", "wide_2: softmax on one unit always answers 1"),
        ('f"wide_{n}"', '"relu_regression_4"', "relu_regression_4: is a row of the lecture"),
        ('f"wide_{n}"', '"same"', "same: is a row of the lecture, or twice in this module"),
        ('"width", "", ""', '"with", "", ""', "wide_2: question: .*width"),
        ('"cubic"', '"cubik"', "wide_8: No data set is called 'cubik'"),
        ("epochs=9", "epochs=0", "epochs=0, seeds=1: expected 1 or more"),
        ("Dense(n", "Dense(m", "line 5: NameError: name 'm' is not defined"),
        (
            "VARIANTS = [",
            "VARIANTS = [1] + [",
            r"VARIANTS\[0\] is a int; expected an ann_models.entry",
        ),
        ("VARIANTS =", "OTHERS =", "VARIANTS: it has none"),
        ("for n in", "for n un", "line 6: SyntaxError"),
    ],
)
def test_a_fault_is_said_with_the_entry(write, before, after, fault):
    assert before in GOOD
    with pytest.raises(InvalidSetting, match=fault):
        table_module.read(write(GOOD.replace(before, after)))


def test_a_module_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidSetting, match="no file that can be read"):
        table_module.read(tmp_path / "none.py")
