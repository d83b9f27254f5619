"""Whether a process still lives is known for certain, whatever its number and the clock say."""

import os
import socket
import subprocess
import sys

import psutil
import pytest

from pipelines import process_identity
from pipelines.process_identity import has_ended, this_process
from tests.support.waiting import wait_for

HOST = socket.gethostname()


def parts() -> tuple[str, float, str]:
    """Number, start and boot of this process."""
    _, process, *boot = this_process().split(" ")
    pid, start = process.split("@")
    return pid, float(start), "".join(boot)


def test_this_process_lives_and_one_that_was_killed_does_not():
    assert not has_ended(this_process())
    code = "from pipelines.process_identity import this_process; print(this_process(), flush=True)"
    other = subprocess.Popen(
        [sys.executable, "-c", f"{code}; input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=os.getcwd(),
    )
    identity = other.stdout.readline().strip()
    assert not has_ended(identity)
    other.kill()
    wait_for(lambda: psutil.Process(other.pid).status() == psutil.STATUS_ZOMBIE)
    assert has_ended(identity), (
        "in a container nobody may ask how it ended: it is gone all the same"
    )
    other.communicate(timeout=30)
    assert has_ended(identity)


@pytest.mark.parametrize("seconds", [3600, -3600, 400 * 86400])
def test_a_clock_that_jumps_ends_nobody(monkeypatch, seconds):
    before, created = this_process(), psutil.Process().create_time()
    boot_time = psutil.boot_time() + seconds
    if sys.platform != "linux":
        pytest.skip("simulates Linux's clock")
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: boot_time)
    assert psutil.Process().create_time() == pytest.approx(created + seconds, abs=60)  # it jumped
    assert not has_ended(before)
    assert not has_ended(this_process())


@pytest.mark.parametrize(
    ("later", "another"), [(-60, True), (-2.5, True), (-1.5, False), (1.5, False), (2.5, True)]
)
def test_who_started_two_seconds_later_or_earlier_with_the_same_number_is_another(later, another):
    pid, start, boot = parts()
    assert has_ended(f"{HOST} {pid}@{start + later:.2f} {boot}".rstrip()) == another


def test_the_same_number_after_a_restart_of_the_machine_is_another(monkeypatch):
    before = this_process()
    monkeypatch.setattr(process_identity, "_boot", lambda: "another-boot")
    assert has_ended(before)


def test_where_a_boot_has_no_id_processes_are_known_by_number_and_start(monkeypatch, tmp_path):
    monkeypatch.setattr(process_identity, "BOOT", tmp_path / "no such file")
    assert not has_ended(this_process())


def test_nothing_is_known_of_other_machines_processes():
    assert not has_ended("another-machine 1@1.00")
    assert not has_ended("")


@pytest.mark.parametrize("garbled", ["garbled", "1@", "@", "x@1", "1@1.0@1"])
def test_an_identity_that_nobody_can_read_is_nobodys(garbled):
    assert has_ended(f"{HOST} {garbled}")
