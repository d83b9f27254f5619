"""A table of one's own: TOML in, variants and questions out, or every fault with line and key."""

import re
from pathlib import Path

import pytest

from ann_models import datasets, table
from ann_models.derive import KEYS, derive
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


@pytest.mark.parametrize(
    "data",
    ["points.csv", "points:points.csv", "held_out points:points.csv", "points:./points.csv"],
)
def test_points_lie_beside_the_file_however_they_are_named(write, tmp_path, monkeypatch, data):
    monkeypatch.chdir("/")
    made = table.read(write(GOOD.replace("points.csv", data))).variants[1]
    assert made.data == f"points:{tmp_path / 'points.csv'}"


def test_points_in_a_file_of_any_name_are_named_with_their_prefix(write, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    (tmp_path / "points.csv").rename(tmp_path / "measured")
    made = table.read(write(GOOD.replace("points.csv", "points:measured"))).variants[1]
    assert made.data == f"points:{tmp_path / 'measured'}"


def test_data_of_the_lecture_has_its_size_and_noise(write):
    made = table.read(write(GOOD.replace("points.csv", "cubic size=200 noise=0.1"))).variants[1]
    assert made.data == "cubic size=200 noise=0.1"


def test_what_a_run_shows_is_said_by_the_file_or_that_it_is_a_changed_row(write):
    changed, own = table.read(write(GOOD)).variants
    assert (changed.look_at, own.look_at) == (
        "relu_regression_4, changed.",
        "My own points.",
    )
    own = table.read(write(GOOD.replace('look_at = "My own points."\n', ""))).variants[1]
    assert own.look_at == ""


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
        ('key = "smooth"', 'key = "mnist_ann"', "line 2, question.key: 'mnist_ann' is a row of"),
        ('name = "mine"', 'name = "digits"', "line 14, digits.name: is the key of a question"),
        ('name = "mine"', 'name = "smooth"', "line 14, smooth.name: is the key of a question"),
        ('data = "points.csv"', "", "line 13, mine: needs data, or like ="),
        ('data = "points.csv"', "data.size = 20", "line 17, mine.data: needs the name of its data"),
        (
            'layers = ["dense 30 tanh", "dropout 0.1", "dense 1"]',
            "layers.0.units = 3",
            "line 18, mine.layers: needs a list of layers",
        ),
        ("seeds = 2", "[variant.optimizer]\nmomentun = 3", "line 21, mine.optimizer.momentun: th"),
        ("seeds = 2", "seeds = 101", "line 20, mine.seeds: expected 1 to 100"),
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


KEYS_OF_VARIANTS = (
    *("name", "like", "question", "look_at", "seeds", "registered", *KEYS, "layers.0"),
    *("layers.0.units", "layers.0.activation", "layers.0.use_bias", '"layers.0+"', "layers.9"),
)
WRONG_TYPES = {
    "a text": '"many"',
    "a blank text": '" "',
    "a fraction": "1.5",
    "a negative number": "-1",
    "a truth value": "true",
    "a list": "[1]",
    "a list of lists": "[[1]]",
    "a list of texts": '["a"]',
    "an empty list": "[]",
    "a table": "{a = 1}",
    "a named table": '{name = "x"}',
    "a table named by a table": "{name = {a = 1}}",
    "an empty table": "{}",
    "a date": "1979-05-27",
    "not a number": "nan",
    "infinity": "-inf",
    "a number of 6,000 digits": f"0x{'f' * 6000}",
    "the home of nobody": '"~nosuchuser/x.csv"',
    "a path with a null byte": '"a\\u0000.csv"',
    "a path of 5,000 characters": f'"{"a" * 5000}.csv"',
    "pictures at the home of nobody": '"images:letters=~nosuchuser/x"',
}
TEXTS = [kind for kind, value in WRONG_TYPES.items() if value[0] == '"']
TAKES_A_FRACTION = re.compile(
    r"data.noise|optimizer.(learning_rate|weight_decay)|penalty.strength"
    r"|augmentation.(?!scale|thickness)\w+"
)
WRONG = [
    (key, kind)
    for key in KEYS_OF_VARIANTS
    for kind in WRONG_TYPES
    if (key, kind) not in (("name", "a text"), ("layers.0.use_bias", "a truth value"))
    and not (key == "look_at" and kind in TEXTS and kind != "a blank text")
    and not (TAKES_A_FRACTION.fullmatch(key) and kind == "a fraction")
]


@pytest.mark.parametrize(("key", "kind"), WRONG)
def test_a_value_of_a_wrong_type_is_said_with_its_line_and_key(write, key, kind):
    given = {"name": '"mine"', "like": '"relu_regression_4"', "question": '"neurons"'}
    lines = [f"{k} = {value}" for k, value in given.items() if k != key]
    said = faults(write("\n".join(["[[variant]]", *lines, f"{key} = {WRONG_TYPES[kind]}"])))
    assert f"line {len(lines) + 2}, " in said
    assert f".{key.strip(chr(34)).removesuffix('.norm')}" in said


@pytest.mark.parametrize("key", ["key", "title", "look_at"])
@pytest.mark.parametrize("kind", sorted(WRONG_TYPES.keys() - set(TEXTS)))
def test_the_same_holds_for_questions(write, key, kind):
    given = {"key": '"mine"', "title": '"Mine?"', "look_at": '"The corners."'}
    lines = [f"{k} = {value}" for k, value in given.items() if k != key]
    said = faults(write("\n".join(["[[question]]", *lines, f"{key} = {WRONG_TYPES[kind]}"])))
    assert f"line 4, question.{key}: expected a text." in said


def test_wrong_types_are_said_all_at_once_whatever_else_is_wrong(write):
    said = faults(
        write('[[variant]]\nname = 3\nlike = ["a"]\nseeds = 1.5\nepochs = "many"\nquestion = {}')
    )
    for line, key in enumerate(("name", "like", "seeds", "epochs", "question"), 2):
        assert f"line {line}, variant 1.{key}: " in said


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            '[variant.mine]\nlike = "mnist_ann"',
            'line 1, variant: write [[variant]] in double brackets, and name = "mine" on the next',
        ),
        ('[question.smooth]\ntitle = "Smooth?"', "line 1, question: write [[question]] in double"),
        ("variant = 3", "line 1, variant: write [[variant]] in double brackets"),
        ("\nvariant = [1]", "line 2, variant: 1: expected a [[variant]]"),
        (
            '[[variant]]\nname = "a"\nlike = "mnist_ann"\n[variant]\nname = "b"',
            "Write [[variant]] in double brackets.",
        ),
    ],
)
def test_a_heading_in_single_brackets_is_said_with_what_to_write(write, text, fault):
    assert fault in faults(write(text))


def test_two_questions_have_neither_key_nor_title_in_common(write):
    again = GOOD[: GOOD.index("[[variant]]")]
    said = faults(write(GOOD + again))
    assert "line 22, question.key: 'smooth' is taken by this file." in said
    assert "line 23, question.title: is taken by this file." in said


def test_layers_in_place_of_those_of_a_row_are_a_change_of_it(write):
    path = write(
        '[[variant]]\nname = "mine"\nlike = "relu_regression_4"\n'
        'layers = ["dense 8 tanh", "dense 1"]\n'
        "epochs = 4000"  # as the row has it: no change
    )
    (variant,) = table.read(path).variants
    assert variant.layers == (Dense(8, "tanh"), Dense(1))
    assert variant.derived_from == "relu_regression_4"
    assert dict(variant.changes) == {"layers": "dense 8 tanh; dense 1"}
    assert derive(VARIANTS["relu_regression_4"], dict(variant.changes)).layers == variant.layers


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


def test_a_file_of_points_with_an_ending_in_capitals_is_found_beside_the_table(write, tmp_path):
    (tmp_path / "POINTS.CSV").write_text((tmp_path / "points.csv").read_text())
    made = table.read(write(GOOD.replace("points.csv", "POINTS.CSV"))).variants[1]
    assert made.data == f"points:{tmp_path / 'POINTS.CSV'}"
