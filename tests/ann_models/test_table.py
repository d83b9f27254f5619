"""A table of one's own: TOML in, variants and questions out, or every fault with line and key."""

from pathlib import Path

import pytest

from ann_models import datasets, table
from ann_models.entry import Adam, Dense, Dropout
from ann_models.errors import InvalidSetting, UnknownName
from ann_models.studies import study_of
from ann_models.variants import VARIANTS

GOOD = """\
[[question]]
key = "smooth"
title = "Which activation is smooth?"
look_at = "The corners."

[[variant]]
name = "four_tanh"
like = "relu_regression_4"
question = "smooth"
layers.0.activation = "tanh"
optimizer = {name = "adam", learning_rate = 0.01}

[[variant]]
name = "mine"
question = "smooth"
look_at = "My own points."
data = "points.csv"
layers = ["dense 30 tanh", "dropout 0.1", "dense 1"]
epochs = 7
seeds = 2
"""


@pytest.fixture
def write(tmp_path):
    (tmp_path / "points.csv").write_text("x,y\n" + "".join(f"{i},{i * i}\n" for i in range(20)))

    def write(text: str) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return path

    return write


def faults(path: Path) -> str:
    with pytest.raises(InvalidSetting) as refused:
        table.read(path)
    return str(refused.value)


def test_a_row_like_one_of_the_lecture_differs_in_what_is_said_alone(write):
    made = table.read(write(GOOD)).variants[0]
    origin = VARIANTS["relu_regression_4"]
    assert made.layers == (Dense(4, "tanh"), Dense(1, use_bias=False))
    assert made.optimizer == Adam(0.01)
    assert (made.name, made.derived_from, made.question) == ("four_tanh", origin.name, "smooth")
    assert (made.epochs, made.data, made.seeds) == (origin.epochs, origin.data, origin.seeds)


def test_a_row_of_its_own_layers_and_points_can_be_trained_and_shown(write):
    made = table.read(write(GOOD)).variants[1]
    assert made.layers == (Dense(30, "tanh"), Dropout(0.1), Dense(1))
    assert (made.epochs, made.seeds, made.loss) == (7, 2, "mse")
    assert len(datasets.generate(made.data, 0).arrays["x_train"]) == 20
    assert study_of(made).__name__ == "points_regression"


def test_variants_are_found_by_name_and_by_question(write):
    found = table.read(write(GOOD))
    assert [v.name for v in found.find([])] == ["four_tanh", "mine"]
    assert [v.name for v in found.find(["mine"])] == ["mine"]
    assert len(found.find(["smooth"])) == 2
    with pytest.raises(UnknownName, match="did you mean mine"):
        found.find(["mien"])


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        ("epochs = 7", "epoch = 7", "line 19, mine.epoch: there is no setting 'epoch'; did you"),
        ("epochs = 7", "epochs = 0", "line 19, mine.epochs: epochs=0: expected 1 to 1,000,000"),
        ('name = "mine"', 'name = "mnist_ann"', "line 14, mnist_ann.name: is a row of the lecture"),
        ('name = "mine"', 'name = "four_tanh"', "line 14, four_tanh.name: is another variant"),
        ('name = "mine"', 'name = "a/b"', "line 14, a/b.name: expected a name"),
        ('name = "mine"', "", "line 13, variant 2.name: expected a name"),
        ("dense 30 tanh", "dens 30 tanh", "line 18, mine.layers: 'dens 30 tanh' is no layer"),
        ('"dense 1"]', '"dense 2"]', "line 13, mine: the last layer has 2 units; regression"),
        ("points.csv", "nowhere.csv", "line 17, mine.data: there is no file"),
        ("seeds = 2", "seeds = 0", "line 20, mine.seeds: expected 1 to 100"),
        ("seeds = 2", "registered = true", "line 20, mine.registered: a candidate for the service"),
        ('like = "relu_regression_4"', 'like = "relu_regression_5"', "line 8, four_tanh.like: did"),
        ('like = "relu_regression_4"', 'like = "recursion"', "line 8, four_tanh.like: recursion"),
        ('question = "smooth"\nlook', 'question = "smoth"\nlook', "line 15, mine.question: did"),
        ("learning_rate = 0.01", "rate = 0.01", "line 11, four_tanh.optimizer.rate: there is no"),
        ('key = "smooth"', 'key = "digits"', "line 2, question.key: 'digits' is taken by the lec"),
        ('title = "Which', 'titel = "Which', "line 3, question.titel: did you mean title"),
        ("[[question]]", "[[questions]]", "line 1, questions: did you mean question"),
    ],
)
def test_a_fault_is_said_with_its_line_and_key(write, before, after, place):
    assert before in GOOD
    assert place in faults(write(GOOD.replace(before, after, 1)))


def test_every_fault_is_said_at_once_in_the_order_of_the_file(write):
    wrong = GOOD.replace("epochs = 7", "epoch = 7").replace('"tanh"\n', '"tan"\n')
    said = faults(write(wrong.replace("seeds = 2", "seeds = 0")))
    assert "3 faults" in said
    assert said.index("line 10") < said.index("line 19") < said.index("line 20")


def test_a_file_that_is_no_toml_is_refused_with_the_line(write):
    assert "line 6" in faults(write(GOOD.replace("[[variant]]", "[[variant]", 1)))


def test_a_missing_file_and_an_empty_table_are_refused(write, tmp_path):
    assert "No such file" in faults(tmp_path / "nowhere.toml")
    assert "no [[variant]]" in faults(write(""))


def test_pictures_are_named_with_a_folder_beside_the_file(write):
    path = write(
        '[[variant]]\nname = "mine"\nlike = "mnist_ann"\ndata = "images:letters=letters"\n'
        "registered = true\n"
    )
    for name in "AB":
        (path.parent / "letters" / name).mkdir(parents=True)
    (variant,) = table.read(path).variants
    assert variant.data == f"images:letters={path.parent / 'letters'}"
    assert variant.layers[-1].units == 2
    assert variant.registered


def test_a_file_that_begins_with_a_byte_order_mark_is_read(write):
    assert table.read(write("\ufeff" + GOOD)).variants
