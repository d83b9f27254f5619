"""Mutation testing: tests notice small changes, and what they do not notice is printed."""

from pathlib import Path

import click
import pytest

from benchmarks.mutations import Score, Survivor, measure, namesake_test

LEAST_KILLED = 0.85


def test_a_modules_tests_are_those_of_its_namesake():
    assert namesake_test(Path("pipelines/a/b.py")) == Path("tests/pipelines/a/test_b.py")


def test_the_share_of_noticed_mutations_is_of_those_that_were_tried():
    one, two = Survivor("core/AddNot", "- a\n+ not a"), Survivor("core/NumberReplacer", "- 1\n+ 2")
    assert Score("a.py", 8, (one, two)).killed == 0.75
    assert Score("a.py", 0, ()).killed == 1.0


def test_a_module_that_is_not_there_is_wrong_use():
    with pytest.raises(click.UsageError, match=r"no file pipelines/nosuch\.py"):
        measure(Path("pipelines/nosuch.py"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_mutations_that_no_test_touches_survive():
    score = measure(Path("pipelines/gate.py"), [Path("tests/test_kubernetes.py")], sample=2)
    assert score.mutations == len(score.survivors) == 2
    assert all("pipelines/gate.py" in survivor.diff for survivor in score.survivors)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "module",
    ["pipelines/gate.py", "pipelines/feedback/corrections.py", "ann_models/scratch/perceptron.py"],
)
def test_a_sample_of_mutations_is_noticed(module):
    score = measure(Path(module), sample=20)
    unnoticed = "\n".join(survivor.diff for survivor in score.survivors)
    assert score.killed >= LEAST_KILLED, unnoticed
