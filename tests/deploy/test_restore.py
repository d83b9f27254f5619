"""A backup is checked whole before anything of the stack is touched."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("feedback.dump", "prefect.dump", "mlflow.dump", "artifacts.tar.gz", "manifest")


@pytest.fixture
def backup(tmp_path) -> Path:
    """A folder as deploy/backup.sh writes it, of a service with an API key."""
    folder = tmp_path / "backup"
    folder.mkdir()
    for part in PARTS:
        (folder / part).write_text(f"content of {part}\n")
    (folder / "manifest").write_text("mlflow 3.17.2\nprefect 3.8.8\napi-key required\n")
    sums = subprocess.check_output([ROOT / "deploy/sha256.sh", *PARTS], cwd=folder)
    (folder / "checksums").write_bytes(sums)
    return folder


def restore(folder: Path, tmp_path: Path, **environ: str) -> tuple[int, str, str]:
    """Exit code, messages, and what compose was asked; it answers the versions alone."""
    compose, log = tmp_path / "compose", tmp_path / "asked"
    compose.write_text(
        f'#!/bin/sh\necho "$*" >>{log}\n'
        'case $* in *mlflow*version*) echo "${VERSION:-3.17.2}" ;; *) exit 7 ;; esac\n'
    )
    compose.chmod(0o755)
    done = subprocess.run(
        ["deploy/restore.sh", str(folder)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "COMPOSE": str(compose)} | environ,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stderr, log.read_text() if log.exists() else ""


@pytest.mark.parametrize("part", PARTS)
def test_a_truncated_part_is_named_and_nothing_is_started(backup, tmp_path, part):
    (backup / part).write_text("cont")
    code, message, asked = restore(backup, tmp_path)
    assert code == 1
    assert f"{part}: FAILED" in message
    assert "is damaged" in message
    assert asked == ""


@pytest.mark.parametrize("part", [*PARTS, "checksums"])
def test_a_missing_part_is_named(backup, tmp_path, part):
    (backup / part).unlink()
    code, message, asked = restore(backup, tmp_path)
    assert (code, asked) == (1, "")
    assert f"has no {part}: it is no whole backup" in message


def test_a_service_that_required_a_key_is_not_opened_unasked(backup, tmp_path):
    code, message, asked = restore(backup, tmp_path)
    assert code == 1
    assert "required an API key, which no backup holds. Set ANN_API_KEY" in message
    assert "up" not in asked
    assert "required an API key" not in restore(backup, tmp_path, WITHOUT_KEY="1")[1]
    assert "required an API key" not in restore(backup, tmp_path, ANN_API_KEY="new")[1]


def test_a_backup_of_a_newer_version_is_refused(backup, tmp_path):
    code, message, asked = restore(backup, tmp_path, ANN_API_KEY="new", VERSION="3.16.9")
    assert code == 1
    assert "was written with mlflow 3.17.2, and here is 3.16.9, which is older" in message
    assert "up --detach" not in asked
