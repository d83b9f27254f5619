"""The example in docs/own_lecture.md is a table that can be run."""

import re
from pathlib import Path

from ann_models import datasets, table
from ann_models.derive import _KEYS

PAGE = (Path(__file__).parents[1] / "docs/own_lecture.md").read_text()


def test_the_documented_table_is_sound(tmp_path):
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "mine.toml"
    path.write_text(example)
    tanh, deep = table.read(path).variants
    assert tanh.derived_from == "relu_regression_4"
    assert len(datasets.generate(deep.data, 0).arrays["x_train"]) == 200


def test_every_setting_is_documented():
    said = set(re.findall(r"`([a-z_]+)(?:\.[a-z_]+)?`", PAGE))
    assert {key.split(".")[0] for key in _KEYS} <= said
