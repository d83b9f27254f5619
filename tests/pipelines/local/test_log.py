"""One log of all services: complete in the file, what a person reads on the terminal."""

import os
import subprocess
import sys

import pytest

from pipelines.local.log import ServiceLog
from tests.support.processes import ASCII_LOCALE


@pytest.fixture
def shown() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def log(tmp_path, shown) -> ServiceLog:
    return ServiceLog(tmp_path / "up.log", lambda name, line: shown.append((name, line)))


def test_every_line_is_in_the_file_with_time_and_service_and_empty_ones_are_not(tmp_path, log):
    log("MLflow", "started")
    log("Prefect", "   ")
    log("Prefect", "  a banner")
    lines = (tmp_path / "up.log").read_text().splitlines()
    assert [line[20:] for line in lines] == ["MLflow    started", "Prefect     a banner"]
    assert all(line[:20].count(":") == 2 for line in lines)


@pytest.mark.parametrize("line", [" indented", "\ttab", "{json", "| banner", "_____"])
def test_banners_and_requests_are_not_shown(log, shown, line):
    log("Prefect", line)
    assert shown == []


def test_a_traceback_is_not_shown_up_to_the_next_message_of_its_service(log, shown):
    log("MLflow", "Traceback (most recent call last):")
    log("MLflow", "ValueError: no")
    log("Prefect", "started")
    log("MLflow", "12:00 serving again")
    assert shown == [("Prefect", "started"), ("MLflow", "12:00 serving again")]


def test_what_ann_itself_says_ends_its_traceback(log, shown):
    log("ann", "Traceback (most recent call last):")
    log("ann", "all services run")
    assert shown == [("ann", "all services run")]


def test_a_closed_terminal_costs_no_line_of_the_file(tmp_path):
    asked = []

    def closed(name, line):
        asked.append(line)
        raise BrokenPipeError

    log = ServiceLog(tmp_path / "up.log", closed)
    log("MLflow", "one")
    log("MLflow", "two")
    assert asked == ["one"]
    assert len((tmp_path / "up.log").read_text().splitlines()) == 2


def test_a_file_that_is_too_large_is_kept_once_and_a_new_one_begun(tmp_path, log, monkeypatch):
    monkeypatch.setattr(ServiceLog, "LARGEST", 30)
    for line in ("first", "second", "third"):
        log("MLflow", line)
    assert (tmp_path / "up.log.1").read_text().endswith("second\n")
    assert [line[30:] for line in (tmp_path / "up.log").read_text().splitlines()] == ["third"]


def test_a_full_disk_costs_its_lines_and_nothing_more(tmp_path, log, shown):
    with open("/dev/full", "ab", buffering=0) as full:
        log._file, kept = full, log._file
        log("MLflow", "one")
        log._file = kept
    log("MLflow", "two")
    assert [line for _, line in shown] == ["one", "two"]
    assert [line[30:] for line in (tmp_path / "up.log").read_text().splitlines()] == ["two"]


def test_a_file_that_cannot_be_put_aside_goes_on(tmp_path, log, monkeypatch):
    monkeypatch.setattr(ServiceLog, "LARGEST", 0)
    (tmp_path / "up.log.1").mkdir()
    log("MLflow", "one")
    log("MLflow", "two")
    assert (tmp_path / "up.log").read_text().count("MLflow") == 2


def test_where_no_new_file_can_be_made_the_old_one_goes_on_until_there_can(
    tmp_path, log, monkeypatch
):
    monkeypatch.setattr(ServiceLog, "LARGEST", 0)
    log("MLflow", "one")
    (tmp_path / "up.log").rename(tmp_path / "up.log.1")
    (tmp_path / "up.log").mkdir()
    (tmp_path / "up.log" / "file").touch()
    log("MLflow", "two")
    assert (tmp_path / "up.log.1").read_text().count("MLflow") == 2
    (tmp_path / "up.log" / "file").unlink()
    (tmp_path / "up.log").rmdir()
    log("MLflow", "three")
    assert "three" in (tmp_path / "up.log").read_text()


@pytest.mark.parametrize(
    "code",
    [
        "from pipelines.local.log import ServiceLog; from pathlib import Path; "
        "ServiceLog(Path('ann.log'), max)('mlflow', '\\u03bb')",
        "from pipelines.cli.errors import _keep_traceback; _keep_traceback(ValueError('\\u03bb'))",
    ],
)
def test_a_log_is_in_utf_8_whatever_the_locale(tmp_path, code):
    environ = os.environ | ASCII_LOCALE | {"ANN_HOME": str(tmp_path), "PYTHONPATH": os.getcwd()}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "λ" in (tmp_path / "ann.log").read_text(encoding="utf-8")


def test_an_earlier_log_is_continued(tmp_path):
    (tmp_path / "up.log").write_text("earlier\n")
    ServiceLog(tmp_path / "up.log", print)("MLflow", " line")
    assert (tmp_path / "up.log").read_text().startswith("earlier\n")
