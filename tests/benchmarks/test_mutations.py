"""Mutation testing: tests notice small changes, and what they do not notice is printed."""

from pathlib import Path

import click
import pytest

from benchmarks.mutations import (
    Score,
    Survivor,
    _mutations,
    copied_checkout,
    executing,
    measure,
    namesake_tests,
)

LEAST_KILLED = 0.85


def test_a_modules_tests_are_those_of_its_namesake():
    assert namesake_tests(Path("pipelines/a/b.py")) == (Path("tests/pipelines/a/test_b.py"),)


def test_those_of_its_topics_count_unless_they_are_another_modules(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a").mkdir()
    Path("tests/a").mkdir(parents=True)
    Path("a/b_file.py").touch()
    for name in ("test_b.py", "test_b_limits.py", "test_b_file.py", "test_bc.py"):
        Path("tests/a", name).touch()
    assert namesake_tests(Path("a/b.py")) == (
        Path("tests/a/test_b.py"),
        Path("tests/a/test_b_limits.py"),
    )


def test_the_share_of_noticed_mutations_is_of_those_that_were_tried():
    one, two = Survivor("core/AddNot", "- a\n+ not a"), Survivor("core/NumberReplacer", "- 1\n+ 2")
    assert Score("a.py", 8, (one, two)).killed == 0.75
    assert Score("a.py", 0, ()).killed == 1.0


SOURCE = """LIMIT = 3


def f(x):
    if x > LIMIT:
        return (
            x + 1
        )
    return x
"""
EXECUTED = {"1": [""], "4": [""], "5": ["a", "b"], "6": ["a"], "7": ["a"], "9": ["b"]}


@pytest.mark.parametrize(
    ("line", "tests"), [(5, ["a", "b"]), (6, ["a"]), (7, ["a"]), (8, ["a"]), (9, ["b"])]
)
def test_only_tests_that_execute_a_statement_can_notice_its_mutation(line, tests):
    assert executing(SOURCE, line, EXECUTED) == tests


@pytest.mark.parametrize("line", [1, 2, 4])
def test_what_is_executed_at_import_or_by_no_test_all_tests_could_notice(line):
    assert executing(SOURCE, line, EXECUTED) == []


def test_a_score_is_a_row_of_the_table():
    survivor = Survivor("core/AddNot", "")
    assert str(Score("a.py", 8, (survivor,))).split() == [
        "a.py",
        "7",
        "of",
        "8",
        "killed",
        "(",
        "88%)",
    ]


def test_what_no_test_can_notice_is_not_tried(tmp_path):
    lines = ("MOST = 1_000", "LEAST = 3", "START_SECONDS = 3", "found = get(timeout=10) or 7")
    module = tmp_path / "module.py"
    module.write_text("\n".join(lines))
    assert {mutation.start_pos[0] for mutation in _mutations(module)} == {2}


def test_exceptions_of_a_module_are_left_out_at_which_cosmic_ray_fails(tmp_path):
    module = tmp_path / "module.py"
    module.write_text("try:\n    pass\nexcept (ssl.SSLError, OSError):\n    pass\n")
    replaced = [m for m in _mutations(module) if m.operator_name.endswith("ExceptionReplacer")]
    assert [mutation.start_pos for mutation in replaced] == [(3, 22)]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_is_not_there_or_fails_already_is_wrong_use_and_what_no_test_executes_survives():
    gate = Path("pipelines/gate.py")
    with copied_checkout() as pytest_process:
        with pytest.raises(click.UsageError, match=r"no file pipelines/nosuch\.py"):
            measure(pytest_process, Path("pipelines/nosuch.py"))
        gate.write_text("raise RuntimeError\n")
        with pytest.raises(click.UsageError, match="tests fail without a mutation"):
            measure(pytest_process, gate)
    with copied_checkout() as pytest_process:
        score = measure(pytest_process, gate, [Path("tests/deploy/test_kubernetes.py")], sample=2)
    assert score.mutations == len(score.survivors) == 2
    assert all("pipelines/gate.py" in survivor.diff for survivor in score.survivors)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("module", "sample"),
    [
        ("pipelines/gate.py", 8),
        ("pipelines/feedback/corrections.py", 8),
        ("ann_models/scratch/backpropagation.py", 8),
    ],
)
def test_a_sample_of_mutations_is_noticed(module, sample):
    with copied_checkout() as pytest_process:
        score = measure(pytest_process, Path(module), sample=sample)
    unnoticed = "\n".join(survivor.diff for survivor in score.survivors)
    assert score.killed >= LEAST_KILLED, unnoticed
