"""A deadline for the whole of a request."""

import threading

import pytest

from mlflow_reader.deadline import within


def test_what_ends_in_time_is_returned():
    assert within(60, lambda: "answer") == "answer"
    assert within(1e300, lambda: "answer") == "answer"


def test_what_takes_longer_is_left_behind_and_does_not_keep_the_process_from_ending():
    ended, threads = threading.Event(), []

    def ask() -> None:
        threads.append(threading.current_thread())
        ended.wait(60)

    with pytest.raises(TimeoutError, match="no complete answer within 0 s"):
        within(0.05, ask)
    assert threads[0].daemon
    ended.set()


@pytest.mark.parametrize("error", [ValueError("no JSON"), TimeoutError("timed out")])
def test_what_is_raised_is_passed_on(error):
    def ask() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        within(60, ask)
    assert raised.value is error
