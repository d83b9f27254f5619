"""A deadline for the whole of a request: a socket's time-out begins again with each byte."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, ask: Callable[[], T]) -> T:
    """Return what a function returns; its thread is left behind if it takes longer.

    Raises:
        TimeoutError: it took longer, or raised that; other exceptions are the function's.
    """
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=run, name="request", daemon=True).start()
    try:
        return answer.result(min(seconds, threading.TIMEOUT_MAX))
    except TimeoutError:
        if answer.done():
            raise
        raise TimeoutError(f"no complete answer within {seconds:.0f} s") from None
