"""A table as a Python module: run, and every fault said with the entry's name."""

import sys
from pathlib import Path

import pytest

from ann_models import table_module
from ann_models.errors import InvalidSetting
from ann_models.studies import study_of
from ann_models.variants import VARIANTS

GOOD = """
from ann_models.digits.augmentation import Augmentation
from ann_models.entry import Adam, Dense, Distillation, OtherHands, Question, Variant
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
        ('f"wide_{n}"', '"same"', "same: is twice in this module"),
        ('"width", "", ""', '"with", "", ""', "wide_2: question: .*width"),
        ('"cubic"', '"cubik"', "wide_8: No data set is called 'cubik'"),
        ("epochs=9", "epochs=0", "wide_2: epochs=0: expected 1 to 1,000,000"),
        ("Dense(n", "Dense(m", "line 6: NameError: name 'm' is not defined"),
        (
            "VARIANTS = [",
            "VARIANTS = [1] + [",
            r"VARIANTS\[0\] is a int; expected an ann_models.entry",
        ),
        ("VARIANTS =", "OTHERS =", "VARIANTS: it has none"),
        ("for n in", "for n un", "line 7: SyntaxError"),
        ("epochs=9", "epochs='9'", "wide_2: epochs='9': expected a whole number"),
        ("epochs=9", "epochs=True", "wide_2: epochs=True: expected a whole number"),
        ("epochs=9", "epochs=10**5000", "wide_2: epochs: expected a number of at most 18 digits"),
        ("epochs=9", "epochs=9, seeds=0", "wide_2: seeds=0: expected 1 to 100"),
        ("epochs=9", "epochs=9, batch_size=-1", "batch_size=-1: expected 1 to 1,000,000"),
        ("epochs=9", "epochs=9, loss='hinge'", "loss='hinge': expected one of mse"),
        ("epochs=9", "epochs=9, optimizer=Adam(-1)", r"learning_rate=-1: expected more than 0"),
        ("epochs=9", "epochs=9, optimizer='sgd'", "optimizer='sgd': expected Adam or SGD"),
        ("epochs=9", "epochs=9, optimizer=Adam('1')", "learning_rate='1': expected a number or"),
        ("epochs=9", "epochs=9, early_stopping=5", "early_stopping=5: expected EarlyStopping or"),
        ("epochs=9", "epochs=9, train_size=20", "train_size is of pictures"),
        ("epochs=9", "epochs=9, registered=True", "registered: a candidate for the service"),
        (
            "epochs=9",
            "epochs=9, distillation=Distillation('teacher', 1, Augmentation())",
            "distillation.teacher: did you mean teachers",
        ),
        *(
            (
                "epochs=9",
                f"epochs=9, distillation=Distillation('{teacher}', 1, Augmentation())",
                "distillation.teacher: ",
            )
            for teacher in ("relu_regression_1", "relu_shapes", "mnist_samples", "people_cnn")
        ),
        ("epochs=9", "epochs=9, other_hands=OtherHands(1, 1, 1)", "other_hands: derive it"),
        ("layers=(Dense(n", "layers=(Dense(-n", "wide_2: layers.0.units=-2: expected 1 to 100,000"),
        ("layers=(Dense(n", "layers=(Dense(n / 2", "layers.0.units=1.0: expected a whole number"),
        ("layers=(Dense(n", "layers=('dense 3', Dense(n", "layers.0='dense 3': expected Dense or"),
        ("layers=(Dense(n", "layers=(Dense(n, 'tan'), Dense(n", "activation='tan': did you mean"),
        ('layers=(Dense(n, "relu"), Dense(1))', "layers=[Dense(1)]", "expected a tuple, such as"),
        ('f"wide_{n}"', '"digits"', "digits: is the key of a question"),
        ('f"wide_{n}"', '"width"', "width: is the key of a question"),
        ('f"wide_{n}"', "n", r"VARIANTS\[0\]: name=2: expected a text"),
        ('f"wide_{n}"', "[n]", r"VARIANTS\[0\]: name=\[2\]: expected a text"),
        ('"width", "How wide?"', '"digits", "How wide?"', "question 'digits': is the lecture's"),
        ('"width", "How wide?"', '"mnist_ann", "How?"', "question 'mnist_ann': is a row's name"),
        ('"width", "How wide?"', '"a/b", "How?"', "question 'a/b': expected a name"),
        ('"width", "How wide?"', '"width", 3', "question 'width': title=3: expected a text"),
        ('"width", "How wide?"', '"width", " "', "the title ' ' is taken or empty"),
        ("VARIANTS = [", "import sys; sys.exit(3)\nVARIANTS = [", "line 5: SystemExit: 3"),
        (
            "VARIANTS = [",
            "VARIANTS = (1 / 0 for n in [1])\nOTHERS = [",
            "line 5: ZeroDivisionError",
        ),
    ],
)
def test_a_fault_is_said_with_the_entry(write, before, after, fault):
    assert before in GOOD
    with pytest.raises(InvalidSetting, match=fault):
        table_module.read(write(GOOD.replace(before, after)))


def test_a_module_may_have_dataclasses_of_its_own_and_is_not_importable_afterwards(write):
    own = (
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "@dataclass\nclass Width:\n    units: int\n"
    )
    assert len(table_module.read(write(own + GOOD)).variants) == 2
    assert "own_table" not in sys.modules


def test_every_row_of_the_lecture_may_be_taken_over_under_another_name(write):
    path = write(
        "from dataclasses import replace\n"
        "from ann_models.variants import VARIANTS as LECTURE\n"
        "VARIANTS = [replace(v, name=f'my_{v.name}') for v in LECTURE.values() if v.layers]\n"
    )
    found = table_module.read(path).variants
    assert [v.name for v in found] == [f"my_{v.name}" for v in VARIANTS.values() if v.layers]
    assert all(study_of(v) for v in found)


def test_two_questions_of_one_key_are_refused(write):
    twice = GOOD.replace("QUESTIONS = [", 'QUESTIONS = [Question("width", "Wide?", "See."), ')
    with pytest.raises(InvalidSetting, match="question 'width': is twice in this module"):
        table_module.read(write(twice))


def test_a_module_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidSetting, match="no file that can be read"):
        table_module.read(tmp_path / "none.py")
