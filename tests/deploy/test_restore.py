"""A backup is checked whole before anything of the stack is touched."""

import os
import signal
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
    write_checksums(folder)
    return folder


def write_checksums(folder: Path) -> None:
    sums = subprocess.check_output([ROOT / "deploy/sha256.sh", *PARTS], cwd=folder)
    (folder / "checksums").write_bytes(sums)


VERSIONS = 'case $* in *mlflow*version*) echo "${VERSION:-3.17.2}" ;; *) exit 7 ;; esac'
INTERRUPTED = """
case $* in
  *version*) echo 3.17.2 ;;
  *"SELECT count"* | *"wc -l"*) echo 0 ;;
  *pg_restore*) kill -s "$SIGNAL" "$PPID" ;;
esac
"""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def restore(
    folder: Path | str, tmp_path: Path, answers: str = VERSIONS, cwd: Path = ROOT, **environ: str
) -> tuple[int, str, str]:
    """Exit code, messages, and what compose was asked; it answers the versions alone."""
    compose, log = tmp_path / "compose", tmp_path / "asked"
    compose.write_text(f'#!/bin/sh\necho "$*" >>{log}\n{answers}\n')
    compose.chmod(0o755)
    done = subprocess.run(
        [ROOT / "deploy/restore.sh", str(folder)],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "COMPOSE": str(compose)} | environ,
        capture_output=True,
        text=True,
        preexec_fn=lambda: [signal.signal(each, signal.SIG_DFL) for each in SIGNALS],
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


@pytest.mark.parametrize("part", PARTS)
def test_a_part_without_a_checksum_is_named_and_nothing_is_started(backup, tmp_path, part):
    """Cut off at the end of a line, the checksums that are left are right."""
    lines = (backup / "checksums").read_text().splitlines(keepends=True)
    (backup / "checksums").write_text("".join(line for line in lines if part not in line))
    code, message, asked = restore(backup, tmp_path)
    assert (code, asked) == (1, "")
    assert f"have none of {part}" in message


def test_a_checksum_of_another_file_is_none_of_the_part(backup, tmp_path):
    text = (backup / "checksums").read_text()
    (backup / "other-mlflow.dump").write_text("content of mlflow.dump\n")
    (backup / "checksums").write_text(text.replace(" mlflow.dump", " other-mlflow.dump"))
    assert "have none of mlflow.dump" in restore(backup, tmp_path)[1]


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


def test_a_manifest_that_says_nothing_of_a_key_is_as_good_as_one_that_says_required(
    backup, tmp_path
):
    (backup / "manifest").write_text("mlflow 3.17.2\nprefect 3.8.8\napi-key \n")
    write_checksums(backup)
    code, message, asked = restore(backup, tmp_path)
    assert code == 1
    assert "does not say whether the service required an API key. Set ANN_API_KEY" in message
    assert "up" not in asked


@pytest.mark.parametrize("package", ["mlflow", "prefect"])
def test_a_manifest_without_a_version_is_refused(backup, tmp_path, package):
    manifest = (backup / "manifest").read_text().replace("required", "none")
    lines = [line.split(" ")[0] + " " if package in line else line for line in manifest.split("\n")]
    (backup / "manifest").write_text("\n".join(lines))
    write_checksums(backup)
    code, message, asked = restore(backup, tmp_path, 'echo "$VERSION"', VERSION="9.9.9")
    assert code == 1
    assert f"names no version of {package}" in message
    assert "up --detach" not in asked


def test_a_good_backup_is_found_good_from_another_folder(backup, tmp_path):
    message = restore(backup.name, tmp_path, cwd=tmp_path)[1]
    assert "required an API key" in message  # which comes after the checksums
    assert "damaged" not in message


def test_checksums_that_cannot_be_computed_are_no_damage(backup, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("env", "bash", "sh", "dirname", "grep", "sed"):
        found = subprocess.check_output(["which", name], text=True).strip()
        (programs / name).symlink_to(found)
    code, message, asked = restore(backup, tmp_path, PATH=str(programs))
    assert (code, asked) == (1, "")
    assert "shasum" in message
    assert "could not be checked, as said above" in message


@pytest.mark.parametrize(("name", "code"), [("INT", 130), ("TERM", 143), ("HUP", 129)])
def test_a_restore_that_is_interrupted_leaves_nothing(backup, tmp_path, name, code):
    outcome = restore(backup, tmp_path, INTERRUPTED, ANN_API_KEY="new", SIGNAL=name)
    assert outcome[0] == code
    assert "was interrupted, and what it had read is removed" in outcome[1]
    assert outcome[2].splitlines()[-1] == "down --volumes --timeout 5"


def test_a_restore_that_fails_leaves_nothing(backup, tmp_path):
    answers = INTERRUPTED.replace('kill -s "$SIGNAL" "$PPID"', "exit 3")
    code, message, asked = restore(backup, tmp_path, answers, ANN_API_KEY="new")
    assert code == 3
    assert "The restore failed, and what it had read is removed" in message
    assert asked.splitlines()[-1] == "down --volumes --timeout 5"


@pytest.mark.parametrize("name", ["b 1", "b'1", 'b"1', "b&1"])
def test_make_restore_takes_a_path_as_it_is(tmp_path, name):
    (tmp_path / name).mkdir()
    command = ["make", "restore", f"FROM={tmp_path / name}", "COMPOSE=false", "-o", ".env"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert f"{tmp_path / name} has no feedback.dump" in done.stderr
