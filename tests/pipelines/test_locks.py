"""A lock file admits one process, and is released when its holder is killed."""

import subprocess
import sys

import pytest

from pipelines.errors import Locked, WrongUse
from pipelines.locks import exclusive_lock, only_one

HOLD = """
import sys
from pathlib import Path
from pipelines.locks import exclusive_lock
with exclusive_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "a.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_with_the_reason(holder, tmp_path):
    with (
        pytest.raises(Locked, match=r"a\.lock could not be locked within 0 s"),
        exclusive_lock(tmp_path / "a.lock", seconds=0),
    ):
        pass


def test_a_killed_holder_holds_it_no_longer(holder, tmp_path):
    holder.kill()
    holder.wait()
    with exclusive_lock(tmp_path / "a.lock", seconds=0):
        pass


def test_who_ends_normally_or_by_an_error_releases_it(tmp_path):
    with pytest.raises(KeyError), exclusive_lock(tmp_path / "a.lock", seconds=0):
        raise KeyError
    with exclusive_lock(tmp_path / "a.lock", seconds=0):
        pass


def test_its_folder_is_made(tmp_path):
    with exclusive_lock(tmp_path / "new" / "deeper" / "a.lock"):
        assert (tmp_path / "new" / "deeper").is_dir()


def test_where_only_one_may_be_a_second_is_refused_at_once_and_errors_inside_stay(tmp_path):
    path = tmp_path / "one.lock"
    refused = pytest.raises(WrongUse, match="one is running")
    with (
        only_one(path, lambda: "one is running"),
        refused,
        only_one(path, lambda: "one is running"),
    ):
        pass
    with pytest.raises(Locked, match="another"), only_one(path, lambda: "one is running"):
        raise Locked("another lock")
