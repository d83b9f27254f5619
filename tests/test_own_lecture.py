"""The example in docs/own_lecture.md is a table that can be run."""

import re
from pathlib import Path

from ann_models import datasets, table
from ann_models.derive import KEYS
from ann_models.selection import select

PAGE = (Path(__file__).parents[1] / "docs/own_lecture.md").read_text()


def test_the_documented_table_is_sound(tmp_path):
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "mine.toml"
    path.write_text(example)
    tanh, deep = table.read(path).variants
    assert tanh.derived_from == "relu_regression_4"
    assert len(datasets.generate(deep.data, 0).arrays["x_train"]) == 200


def test_the_documented_module_is_sound(tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "mine.py"
    path.write_text(example)
    variants, questions = select([], {}, str(path))
    assert [variant.name for variant in variants] == ["wide_2", "wide_8", "wide_32"]
    assert {variant.study for variant in variants} == {"points_regression"}
    assert questions["width"].title == "How wide must it be?"


def test_every_setting_is_documented():
    said = set(re.findall(r"`([a-z_]+)(?:\.[a-z_]+)?`", PAGE))
    assert {key.split(".")[0] for key in KEYS} <= said
