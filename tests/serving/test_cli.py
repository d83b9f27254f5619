"""`ann serve` hands its options to the supervisor; `tests/pipelines/cli/test_serve.py` runs it."""

import os

import pytest
from click.testing import CliRunner, Result

from serving import cli
from serving.process import supervisor


@pytest.fixture
def served(monkeypatch, tmp_path) -> list[tuple]:
    """What the supervisor was told, and how the process ended."""
    told: list[tuple] = []
    monkeypatch.setenv("ANN_HOME", str(tmp_path))
    monkeypatch.delenv("ANN_FEEDBACK_URL", raising=False)
    monkeypatch.setattr(supervisor, "serve", lambda settings, *given: told.append(given))
    monkeypatch.setattr(os, "_exit", lambda code: told.append((code,)))
    return told


def run(*options: str) -> Result:
    return CliRunner().invoke(cli.serve, options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], ("127.0.0.1", 8000, 1)),
        (["--host", "::1", "--port", "0", "--workers", "64"], ("::1", 0, 64)),
        (["--port", "65535"], ("127.0.0.1", 65535, 1)),
    ],
)
def test_the_options_reach_the_supervisor_and_the_process_ends_well(served, options, told):
    assert run(*options).exit_code == 0
    assert served == [told, (0,)]


@pytest.mark.parametrize(
    "options", [["--port", "65536"], ["--port", "-1"], ["--workers", "0"], ["--workers", "65"]]
)
def test_a_number_that_cannot_be_meant_is_refused_with_its_range(served, options):
    refused = run(*options)
    assert (refused.exit_code, served) == (2, [])
    assert f"{options[1]} is not in the range" in refused.output


def test_a_database_without_its_driver_is_refused_before_anything_starts(served, monkeypatch):
    monkeypatch.setenv("ANN_FEEDBACK_URL", "postgresql+nothing://host/name")
    assert "postgresql+nothing" in str(run().exception)
    assert served == []


def test_the_help_has_every_example_on_a_line_of_its_own():
    lines = [line.strip() for line in run("--help").output.splitlines()]
    assert set(cli.EXAMPLES) <= set(lines)
