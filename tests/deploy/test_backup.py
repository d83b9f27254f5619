"""A backup says what a restore has to know, or there is none."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPOSE = """#!/bin/sh
case $*,$DOWN in
  "exec -T worker "*,*worker* | "exec -T serving "*,*serving*) exit 1 ;;
  "run "*,*missing*) exit 1 ;;
  *"version('ann-pipelines')"*) echo 0.1.0 ;;
  *"version('mlflow')"*) echo 3.17.2 ;;
  *"version('prefect')"*) echo 3.8.8 ;;
  *ANN_API_KEY*) echo required ;;
  *"pg_dump --version"*) echo "pg_dump (PostgreSQL) 15.13" ;;
  *pg_dump*) echo dump ;;
  *tar*) tar -cz --files-from /dev/null ;;
esac
"""


@pytest.fixture
def backup(tmp_path):
    """Runs the script in a folder of its own, of a stack in which some services are down."""
    compose = tmp_path / "compose"
    compose.write_text(COMPOSE)
    compose.chmod(0o755)

    def run(folder: str, down: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "deploy/backup.sh", folder],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "COMPOSE": str(compose), "DOWN": down},
            capture_output=True,
            text=True,
        )

    return run


@pytest.mark.parametrize("down", ["", "worker", "serving", "worker serving"])
def test_the_manifest_is_whole_while_services_are_down(backup, tmp_path, down):
    done = backup("b 1", down)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "b 1" / "manifest").read_text().splitlines()
    assert {"mlflow 3.17.2", "prefect 3.8.8", "api-key required"} <= set(lines)
    assert any(line.startswith("ann-pipelines 0.1.0") for line in lines)


@pytest.mark.parametrize("down", ["worker missing", "serving missing"])
def test_without_an_answer_nothing_is_written(backup, tmp_path, down):
    done = backup("b", down)
    assert done.returncode == 1
    assert f"The service {down.split()[0]} could not be asked" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["compose"]


@pytest.mark.parametrize("slashes", ["/", "//"])
def test_a_slash_at_the_end_of_the_folder_costs_nothing(backup, tmp_path, slashes):
    done = backup(f"b{slashes}")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "b").iterdir())) == 6
    assert not list(tmp_path.glob("**/*.unfinished"))


def test_a_folder_that_exists_is_left_alone(backup, tmp_path):
    (tmp_path / "b").mkdir()
    done = backup("b")
    assert done.returncode == 1
    assert "is there already; name another folder" in done.stderr
