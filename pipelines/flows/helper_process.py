"""The helper process: it draws and logs while this process trains the next variant.

A process and not a thread, since drawing is Python code, which would take turns with the training.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from multiprocessing import util
from typing import Any, TypeVar

from prefect import Task
from prefect.task_runners import ProcessPoolTaskRunner

WORTH_A_PROCESS = 5  # variants from which its start, four seconds of a core, pays for itself

T = TypeVar("T")


class Executor:
    """Runs what follows a training in the order of submission: here and at once.

    Attributes:
        backlog: how many submissions may wait: each keeps a variant's figures in memory.
    """

    backlog = 0

    def submit(self, function: Callable[..., T], *arguments: Any) -> Future[T]:
        """Call a function, which may call `run`; its result or exception as a future."""
        future: Future[T] = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def run(self, task: Task[..., Any], **parameters: Any) -> Any:
        """Run a Prefect task to its end and return its result."""
        return task(**parameters)

    def ahead(self, task: Task[..., T], **parameters: Any) -> Future[T] | None:
        """Begin a task whose result is needed later; None: nothing runs ahead of its turn here."""
        return None


class HelperProcess(Executor):
    """Functions are called in a thread of this process; their tasks run in the helper process."""

    backlog = 8

    def __init__(self, runner: ProcessPoolTaskRunner, thread: ThreadPoolExecutor) -> None:
        """Use a started runner and thread, each with one worker."""
        self._runner = runner
        self._thread = thread

    def submit(self, function: Callable[..., T], *arguments: Any) -> Future[T]:
        """Call a function in the thread, in the flow run's context."""
        return self._thread.submit(copy_context().run, function, *arguments)

    def run(self, task: Task[..., Any], **parameters: Any) -> Any:
        """Run a task in the helper process; in this one if the helper was killed."""
        try:
            return self._runner.submit(task, parameters).result()
        except BrokenExecutor:
            return task(**parameters)

    def ahead(self, task: Task[..., T], **parameters: Any) -> Future[T] | None:
        """Run a task in the helper process after what was submitted before."""
        return self.submit(partial(self.run, task, **parameters))


@contextmanager
def executor(variants: int) -> Iterator[Executor]:
    """The executor for a job of so many variants."""
    if variants < WORTH_A_PROCESS:
        yield Executor()
        return
    with (
        ProcessPoolTaskRunner(max_workers=1, initializer=_end_with_the_parent) as runner,
        ThreadPoolExecutor(1, initializer=_block_ctrl_c) as thread,
    ):
        if runner._subprocess_message_queue:  # its lock stays taken if the helper is killed
            runner._subprocess_message_queue.cancel_join_thread()
        yield HelperProcess(runner, thread)


def _block_ctrl_c() -> None:
    """In the thread: the process that it starts inherits the mask; the main thread gets SIGINT."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _end_with_the_parent() -> None:
    """In the helper process: end as soon as the parent process ends, even by `kill -9`."""
    util.Finalize(None, os._exit, (0,), exitpriority=-100)  # idle threads would take seconds
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent:
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
