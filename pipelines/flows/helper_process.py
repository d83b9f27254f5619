"""Work beside the training: one process draws and logs while this one trains the next variant.

A process and not a thread, since drawing is Python's work and would take turns with who trains.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import util
from typing import Any

from prefect import Task
from prefect.task_runners import ProcessPoolTaskRunner

WORTH_A_PROCESS = 5  # variants from which its start, four seconds of a core, pays for itself
BACKLOG = 8

Result = Callable[[], Any]


@dataclass(frozen=True)
class Hand:
    """Who does what needs no TensorFlow.

    Attributes:
        submit: takes a task and its arguments by name; returns how to await its result.
        backlog: variants that may wait for it: each keeps its figures in memory.
    """

    submit: Callable[..., Result]
    backlog: int


def _here_and_now(task: Task[..., Any], **call: Any) -> Result:
    result: Result = task(**call, return_state=True).result
    return result


HERE = Hand(_here_and_now, backlog=0)


@contextmanager
def hand(variants: int) -> Iterator[Hand]:
    """Who helps with a job of so many variants."""
    if variants < WORTH_A_PROCESS:
        yield HERE
        return
    with ProcessPoolTaskRunner(max_workers=1, initializer=_accompany) as runner:
        if runner._subprocess_message_queue:  # locked for ever where a kill met it in mid-sentence
            runner._subprocess_message_queue.cancel_join_thread()
        yield Hand(partial(_there, runner), BACKLOG)


def _there(runner: ProcessPoolTaskRunner, task: Task[..., Any], **call: Any) -> Result:
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        future = runner.submit(task, call)  # its process inherits the mask: Ctrl-C is ours alone
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)

    def result() -> Any:
        try:
            return future.result()
        except BrokenExecutor:  # its process was killed
            return task(**call)

    return result


def _accompany() -> None:
    """In that process: end when who asked ends, however that may be."""
    util.Finalize(None, os._exit, (0,), exitpriority=-100)  # idle threads would take seconds
    asking = multiprocessing.parent_process()

    def end_too() -> None:
        if asking:
            asking.join()
        os._exit(1)

    threading.Thread(target=end_too, daemon=True).start()
