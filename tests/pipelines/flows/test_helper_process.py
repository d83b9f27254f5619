"""What draws and logs: this process for a small job, a helper process for a large one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from functools import partial

import psutil
import pytest
from prefect import task
from prefect.settings import get_current_settings

from pipelines.flows import helper_process
from pipelines.flows.helper_process import WORTH_A_PROCESS
from tests.support.waiting import PATIENCE, wait_for

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
    with helper_process.executor(WORTH_A_PROCESS - 1) as executor:
        asking, answering = executor.run(who_asked_and_who_answers, asking=os.getpid())
        assert executor.submit(threading.get_ident).result() == threading.get_ident()
    assert answering == asking
    assert executor.backlog == 0


def test_an_error_is_in_the_future_with_and_without_a_helper():
    for variants in (1, WORTH_A_PROCESS):
        with helper_process.executor(variants) as executor:
            future = executor.submit(executor.run, refuse)
            with pytest.raises(ValueError, match="cannot be drawn"):
                future.result(timeout=PATIENCE)


def test_a_large_job_has_a_helper_whose_death_stops_nothing():
    with helper_process.executor(WORTH_A_PROCESS) as executor:
        asking, answering = executor.run(who_asked_and_who_answers, asking=os.getpid())
        assert answering != asking == os.getpid()
        for _ in range(2):  # when it dies, and when it is dead
            assert executor.run(end_abruptly_unless_asked_by, asking=os.getpid()) == os.getpid()
    assert not psutil.pid_exists(answering)


def test_only_a_helper_begins_what_is_needed_later():
    for variants, begins in ((WORTH_A_PROCESS - 1, False), (WORTH_A_PROCESS, True)):
        with helper_process.executor(variants) as executor:
            future = executor.ahead(who_asked_and_who_answers, asking=os.getpid())
            assert (future is not None) is begins
    assert future.result(PATIENCE)[1] != os.getpid()


def test_submissions_are_called_in_order_while_this_thread_goes_on():
    entered, may_go_on, calls = threading.Event(), threading.Event(), []

    def first():
        entered.set()
        may_go_on.wait(PATIENCE)
        calls.append("first")

    with helper_process.executor(WORTH_A_PROCESS) as executor:
        executor.submit(first)
        second = executor.submit(calls.append, "second")
        assert entered.wait(PATIENCE)
        assert not second.done()
        may_go_on.set()
        second.result(timeout=PATIENCE)
    assert calls == ["first", "second"]


def test_ctrl_c_in_the_terminal_does_not_reach_a_helper_that_works_or_only_starts():
    with helper_process.executor(WORTH_A_PROCESS) as executor:
        future = executor.submit(
            partial(executor.run, who_asked_and_who_answers, asking=os.getpid())
        )
        wait_for(helpers)
        helpers()[0].send_signal(signal.SIGINT)
        asking, answering = future.result(timeout=PATIENCE)
        assert answering != asking
        os.kill(answering, signal.SIGINT)
        assert executor.run(who_asked_and_who_answers, asking=asking) == (asking, answering)


def helpers() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def test_a_helper_killed_while_it_sends_a_message_does_not_keep_this_process_from_ending(tmp_path):
    job = tmp_path / "job.py"
    job.write_text(
        textwrap.dedent("""
            import gc, os, signal
            from multiprocessing.queues import Queue
            from prefect import task
            from pipelines.flows import helper_process

            @task
            def die_while_sending(asking):
                if os.getpid() != asking:
                    for queue in gc.get_objects():
                        if type(queue) is Queue:
                            queue._wlock.acquire()
                    os.kill(os.getpid(), signal.SIGKILL)
                return "done"

            if __name__ == "__main__":
                with helper_process.executor(helper_process.WORTH_A_PROCESS) as executor:
                    print(executor.run(die_while_sending, asking=os.getpid()))
        """)
    )
    server = get_current_settings().to_environment_variables(exclude_unset=True)
    ended = subprocess.run(
        [sys.executable, job],
        env=os.environ | server,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ended.stdout.endswith("done\n"), ended.stderr
    assert ended.returncode == 0
