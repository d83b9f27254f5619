"""Which entries a job runs, changed or not."""

import pytest

from ann_models import variants
from ann_models.errors import InvalidSetting, UnknownName
from ann_models.selection import select
from ann_models.variants import VARIANTS


def test_without_names_all_rows_of_the_lecture_run():
    found, questions = select([], {})
    assert found == variants.find([])
    assert {variant.name for variant in found} <= VARIANTS.keys()
    assert questions == {}


def test_named_variants_run_as_they_are_or_changed():
    assert select(["mnist_ann"], {})[0] == [VARIANTS["mnist_ann"]]
    (changed,), _ = select(["mnist_ann"], {"epochs": "3"})
    assert changed.epochs == 3
    assert changed.name != "mnist_ann"


def test_a_change_needs_a_name():
    with pytest.raises(InvalidSetting, match="epochs: name the variants"):
        select([], {"epochs": "3"})


def test_an_unknown_name_is_refused():
    with pytest.raises(UnknownName):
        select(["mnist_an"], {})


TABLE = """
[[question]]
key = "mine"
title = "Mine"
look_at = "It."

[[variant]]
name = "small"
like = "relu_regression_4"
question = "mine"
look_at = "It."
epochs = 3

[[variant]]
name = "large"
like = "relu_regression_4"
question = "mine"
look_at = "It."
epochs = 4
"""


def test_of_a_table_of_ones_own_its_entries_and_questions(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TABLE)
    found, questions = select([], {}, str(path))
    assert [(v.name, v.epochs) for v in found] == [("small", 3), ("large", 4)]
    assert list(questions) == ["mine"]
    (one,), _ = select(["large"], {}, str(path))
    assert one.name == "large"
