"""A child learns of its parent's end by a pipe of which the parent alone holds the other end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.local.parent_death import start_child

WAITING = """
from pipelines.local.parent_death import wait_for_parents_death
print("on", flush=True)
wait_for_parents_death()
print("alone", flush=True)
"""
PARENT = """
import os, subprocess, sys
from pipelines.local.parent_death import start_child
child, pipe = start_child([sys.executable, "-c", sys.argv[1]])
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def child():
    """A child that waits, and the pipe whose end it waits for."""
    process, pipe = start_child([sys.executable, "-c", WAITING], stdout=subprocess.PIPE)
    yield process, pipe
    process.kill()
    process.wait(timeout=10)
    process.stdout.close()


def test_a_child_waits_until_the_pipe_is_closed(child):
    process, pipe = child
    assert process.stdout.readline() == b"on\n"
    assert process.poll() is None
    os.close(pipe)
    assert process.wait(timeout=60) == 0
    assert process.stdout.read() == b"alone\n"


def test_a_child_has_a_session_of_its_own_which_ctrl_c_does_not_reach(child):
    process, pipe = child
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    os.close(pipe)


def test_a_child_of_a_parent_that_is_killed_goes_on_alone():
    done = subprocess.run(
        [sys.executable, "-c", PARENT, WAITING], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == -9
    assert done.stdout == "on\nalone\n"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_the_childs_end_of_the_pipe_is_not_kept(child):
    _, pipe = child
    folder = Path("/proc/self/fd")
    mine = folder.joinpath(str(pipe)).readlink()
    held = [int(fd.name) for fd in folder.iterdir() if fd.is_symlink() and fd.readlink() == mine]
    assert held == [pipe]
    os.close(pipe)
