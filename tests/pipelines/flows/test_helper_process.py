"""Who helps with a job: nobody with a small one, a process of its own with a large one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import psutil
import pytest
from prefect import task
from prefect.settings import get_current_settings

from pipelines.flows import helper_process

pytestmark = pytest.mark.usefixtures("prefect")


@task
def who_asked_and_who_answers(asking: int) -> tuple[int, int]:
    return asking, os.getpid()


@task
def refuse() -> None:
    raise ValueError("a figure cannot be drawn")


@task
def end_abruptly_unless_asked_by(asking: int) -> int:
    if os.getpid() != asking:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def test_a_small_job_needs_no_helper():
    with helper_process.hand(helper_process.WORTH_A_PROCESS - 1) as hand:
        assert hand is helper_process.HERE
        asking, answering = hand.submit(who_asked_and_who_answers, asking=os.getpid())()
    assert answering == asking


def test_what_fails_here_fails_when_it_is_awaited_as_it_would_in_the_process():
    result = helper_process.HERE.submit(refuse)
    with pytest.raises(ValueError, match="cannot be drawn"):
        result()


def test_a_large_job_has_a_process_whose_errors_come_back_and_whose_death_stops_nothing():
    with helper_process.hand(helper_process.WORTH_A_PROCESS) as hand:
        asking, answering = hand.submit(who_asked_and_who_answers, asking=os.getpid())()
        assert answering != asking == os.getpid()
        os.kill(answering, signal.SIGINT)  # Ctrl-C reaches all processes of a terminal
        with pytest.raises(ValueError, match="cannot be drawn"):
            hand.submit(refuse)()
        assert psutil.pid_exists(answering)
        for _ in range(2):  # when it dies, and when it is dead
            assert hand.submit(end_abruptly_unless_asked_by, asking=os.getpid())() == os.getpid()
    assert not psutil.pid_exists(answering)


def test_ctrl_c_does_not_reach_a_process_that_is_only_starting():
    with helper_process.hand(helper_process.WORTH_A_PROCESS) as hand:
        result = hand.submit(who_asked_and_who_answers, asking=os.getpid())
        while not helpers():
            time.sleep(0.01)
        helpers()[0].send_signal(signal.SIGINT)
        asking, answering = result()
    assert answering != asking


def helpers() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def test_a_process_killed_while_it_tells_something_does_not_keep_this_one_from_ending(tmp_path):
    job = tmp_path / "job.py"
    job.write_text(
        textwrap.dedent("""
            import gc, os, signal
            from multiprocessing.queues import Queue
            from prefect import task
            from pipelines import beside

            @task
            def die_in_mid_sentence(asking):
                if os.getpid() != asking:
                    for queue in gc.get_objects():
                        if type(queue) is Queue:
                            queue._wlock.acquire()
                    os.kill(os.getpid(), signal.SIGKILL)
                return "done"

            if __name__ == "__main__":
                with beside.hand(beside.WORTH_A_PROCESS) as hand:
                    print(hand.submit(die_in_mid_sentence, asking=os.getpid())())
        """)
    )
    server = get_current_settings().to_environment_variables(exclude_unset=True)
    ended = subprocess.run(
        [sys.executable, job], env=os.environ | server, capture_output=True, text=True, timeout=60
    )
    assert ended.stdout.endswith("done\n"), ended.stderr
    assert ended.returncode == 0
