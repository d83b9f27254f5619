"""Before anything is downloaded, `make` says whether this Python and this system fit."""

import subprocess
import sys
from pathlib import Path

import pytest

import check_python

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
@pytest.mark.parametrize(
    "place", [("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64")], ids=" ".join
)
def test_supported_interpreters_and_systems_fit(version, place):
    assert check_python.problem(version, *place, []) == ""


@pytest.mark.parametrize("version", [(2, 7), (3, 10), (3, 14), (4, 0)])
def test_other_versions_get_the_supported_ones(version):
    message = check_python.problem(version, "Linux", "x86_64", ["python3.12", "python3.11"])
    assert message == (
        f"Python {version[0]}.{version[1]} does not fit; 3.11, 3.12 or 3.13 is needed. "
        "Repeat with: make PYTHON=python3.12 or make PYTHON=python3.11"
    )
    assert "Install one" in check_python.problem(version, "Linux", "x86_64", [])


def test_systems_without_wheels_are_named():
    assert "WSL" in check_python.problem((3, 12), "Windows", "AMD64", [])
    assert "Apple silicon" in check_python.problem((3, 12), "Darwin", "x86_64", [])


def test_this_interpreter_fits():
    subprocess.run([sys.executable, ROOT / "check_python.py"], check=True)


def test_make_asks_before_it_downloads(tmp_path):
    command = ["make", "-n", "-f", ROOT / "Makefile", "setup", f"VENV={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert 0 <= done.stdout.index("check_python.py") < done.stdout.index("pip install")


def test_the_bounds_are_those_of_the_package():
    assert 'requires-python = ">=3.11,<3.14"' in (ROOT / "pyproject.toml").read_text()
