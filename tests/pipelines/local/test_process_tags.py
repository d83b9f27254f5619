"""Processes are found by a tag in their environment, and ended with whatever they started."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import psutil
import pytest

from pipelines.local import process_tags
from pipelines.local.process_tags import tag_of, tagged, terminate, terminate_orphans
from tests.support.waiting import wait_for

SLEEP = "import time; time.sleep(600)"
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("on", flush=True)
time.sleep(600)
"""
OWNER = """
import asyncio, sys
from pipelines.local.process_tags import watchdog

async def own():
    async with watchdog(sys.argv[1]):
        print("on", flush=True)
        await asyncio.sleep(600)

asyncio.run(own())
"""


@pytest.fixture
def group(tmp_path):
    yield str(tmp_path)
    terminate(str(tmp_path), grace=0)


@contextmanager
def running(tag: str, code: str = SLEEP):
    """A process with a tag."""
    environment = os.environ | {process_tags.VARIABLE: tag}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=10)


def pids(tag: str) -> set[int]:
    return {process.pid for process in tagged(tag)}


@pytest.mark.parametrize(
    ("service", "tag"), [("MLflow", "/home/a|MLflow|"), ("", "/home/a|")], ids=["one", "all"]
)
def test_the_tags_of_a_groups_services_begin_with_that_of_the_group(service, tag):
    assert tag_of("/home/a", service) == tag


def test_a_service_is_found_by_its_tag_and_by_its_groups(group):
    with running(tag_of(group, "one")) as one, running(tag_of(group, "two")) as two:
        assert pids(tag_of(group, "one")) == {one.pid}
        assert pids(tag_of(group)) == {one.pid, two.pid}


def test_this_process_is_never_among_them(group, monkeypatch):
    monkeypatch.setattr(psutil.Process, "environ", lambda process: {process_tags.VARIABLE: group})
    found = pids(group)
    assert os.getpid() not in found
    assert os.getppid() in found


def test_processes_that_cannot_be_seen_are_passed_over(group, monkeypatch):
    environ = psutil.Process.environ

    def hidden(process):
        if process.pid == os.getppid():
            raise psutil.AccessDenied(process.pid)
        return environ(process)

    monkeypatch.setattr(psutil.Process, "environ", hidden)
    with running(tag_of(group, "one")) as one:
        assert pids(group) == {one.pid}


def test_all_of_a_group_are_asked_to_end_and_counted(group):
    with running(tag_of(group, "one")) as one, running(tag_of(group, "two")) as two:
        ends = asyncio.run(ended(group, one, two))
    assert ends == (2, -signal.SIGTERM, -signal.SIGTERM)


async def ended(group: str, *processes: subprocess.Popen) -> tuple[int, ...]:
    """How many there were, and their exit codes; a child that nobody waits for stays a zombie."""
    waiting = [asyncio.to_thread(process.wait, 60) for process in processes]
    return tuple(await asyncio.gather(asyncio.to_thread(terminate_orphans, group), *waiting))


def test_where_there_is_none_there_is_nothing_to_end(group):
    assert terminate(tag_of(group)) == 0


def test_a_watchdog_ends_the_services_of_a_process_that_is_killed(group):
    owner = subprocess.Popen([sys.executable, "-c", OWNER, group], stdout=subprocess.PIPE)
    assert owner.stdout.readline() == b"on\n"
    (dog,) = psutil.Process(owner.pid).children()
    with running(tag_of(group, "one")) as one:
        owner.kill()
        owner.wait(timeout=10)
        owner.stdout.close()
        assert one.wait(timeout=60) == -signal.SIGTERM
    # where nobody asks how it ended, as in many containers, it stays listed
    wait_for(lambda: not dog.is_running() or dog.status() == psutil.STATUS_ZOMBIE)


def test_a_watchdog_goes_with_its_owners_work_and_ends_what_is_left(group):
    async def work() -> psutil.Process:
        async with process_tags.watchdog(group):
            while not (dogs := watchdogs()):
                await asyncio.sleep(0.01)
            return dogs[0]

    def watchdogs() -> list[psutil.Process]:
        return [p for p in psutil.Process().children() if group in " ".join(p.cmdline())]

    with running(tag_of(group, "one")) as one:
        dog = asyncio.run(work())
        assert not dog.is_running()
        assert one.wait(timeout=60) == -signal.SIGTERM


def test_who_ignores_sigterm_is_killed(group):
    environment = os.environ | {process_tags.VARIABLE: f"{group}|stubborn|"}
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN], env=environment, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"on\n"
    assert terminate(f"{group}|", grace=0.3) == 1
    assert process.wait(timeout=10) == -signal.SIGKILL
    process.stdout.close()


def test_others_are_left_alone(group):
    environment = os.environ | {process_tags.VARIABLE: f"{group}-of-another|some|"}
    other = subprocess.Popen([sys.executable, "-c", SLEEP], env=environment)
    try:
        assert terminate_orphans(group) == 0
        assert other.poll() is None
    finally:
        other.kill()
        other.wait(timeout=10)
