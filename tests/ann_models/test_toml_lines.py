"""The line of a key: under its heading, in a sub-table, dotted, quoted, or in an inline table."""

import pytest

from ann_models.toml_lines import TomlLines

TEXT = '''\
title = "x"
[[variant]]
name = "first"
layers.0.activation = "tanh"
optimizer = {name = "sgd", momentum = 0.9}
look_at = """
epochs = 3
"""
"layers.0+" = "dense 3"

[variant.penalty]
norm = "l1"
  strength=0.1  # indented

[[variant]]
name = "second"
epochs = 7
[variant.early_stopping]
patience = 3
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 1),
        (("variant", "0", "name"), 3),
        (("variant", "0", "layers.0.activation"), 4),
        (("variant", "0", "optimizer.momentum"), 5),
        (("variant", "0", "layers.0+"), 9),
        (("variant", "0", "penalty"), 11),
        (("variant", "0", "penalty.norm"), 12),
        (("variant", "0", "penalty.strength"), 13),
        (("variant", "1", "epochs"), 17),
        (("variant", "1", "early_stopping.patience"), 19),
    ],
)
def test_each_key_has_its_line(path, line):
    assert TomlLines(TEXT).of(*path) == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("variant", "0", ""), 2),  # the entry as a whole
        (("variant", "1", "seeds"), 15),  # a key that is missing
        (("variant", "0", "epochs"), 2),  # within a text of several lines it is none
        (("variant", "1", "early_stopping.rate"), 18),
        (("question",), 1),
    ],
)
def test_what_has_no_line_has_that_of_what_would_hold_it(path, line):
    assert TomlLines(TEXT).of(*path) == line


def test_entries_of_a_list_have_the_lists_line():
    assert TomlLines('\nvariant = [{name = "a"},\n  {name = "b"}]').of("variant", "1", "name") == 2


def test_a_key_of_a_plain_table_is_found_without_a_number():
    assert TomlLines('[lecture]\ntitle = "x"\n[[variant]]\nname = "a"').of("lecture", "title") == 2
