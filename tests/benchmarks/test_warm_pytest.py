"""Tests that run again and again in forked processes see the files as they are at that time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks import warm_pytest
from benchmarks.warm_pytest import Request

TESTS = """
import pytest
from traced import double, shared

@pytest.fixture(scope="module")
def two():
    return shared()

def test_a(two):
    assert double(two) == 4

def test_b():
    print("said by b")
    assert double(3) == 6
"""
TRACED = """def double(x):
    return 2 * x


def shared():
    return 2
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "traced.py").write_text(TRACED)
    (tmp_path / "test_traced.py").write_text(TESTS)
    (tmp_path / "conftest.py").write_text("import sys; sys.path.insert(0, '.')\n")
    return tmp_path


def answers(folder, *requests):
    """What a warm pytest in the folder answers to these requests."""
    lines = "".join(json.dumps(asdict(request)) + "\n" for request in requests)
    script = Path(warm_pytest.__file__)
    done = subprocess.run(
        [sys.executable, script],
        input=lines,
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_lines_are_traced_by_test_and_those_of_shared_fixtures_and_of_imports_for_all(folder):
    traced = str(folder / "traced.py")
    (answer,) = answers(folder, Request(["test_traced.py"], 60, trace=traced))
    assert answer["passed"]
    assert answer["lines"]["2"] == ["test_traced.py::test_a", "test_traced.py::test_b"]
    assert answer["lines"]["6"] == [""]
    assert "" in answer["lines"]["1"]


def test_only_what_was_asked_for_runs_and_failures_are_told_with_what_was_printed(folder):
    (folder / "traced.py").write_text(TRACED.replace("2 * x", "x + 2"))
    both, one, other = answers(
        folder,
        Request(["test_traced.py"], 60),
        Request(["test_traced.py"], 60, only=["test_traced.py::test_a"]),
        Request(["test_traced.py"], 60, only=["test_traced.py::test_b"]),
    )
    assert (both["passed"], one["passed"], other["passed"]) == (False, True, False)
    assert "1 passed" in one["output"]
    assert "said by b" in other["output"]
    assert one["lines"] == {}


def test_a_file_that_changed_is_read_again_and_a_test_that_hangs_is_killed(folder):
    (folder / "test_change.py").write_text(
        "from pathlib import Path\n"
        "def test_change():\n"
        "    text = Path('traced.py').read_text()\n"
        "    Path('traced.py').write_text(text.replace('2 * x', 'x + 2'))\n"
    )
    (folder / "test_hangs.py").write_text("def test_hangs():\n    while True: pass\n")
    before, _, after, hanging = answers(
        folder,
        Request(["test_traced.py"], 60),
        Request(["test_change.py"], 60),
        Request(["test_traced.py"], 60),
        Request(["test_hangs.py"], 0.2),
    )
    assert (before["passed"], after["passed"], hanging["passed"]) == (True, False, False)
