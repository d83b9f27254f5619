"""One thing is made before it is needed, and only that one."""

from __future__ import annotations

import threading

import pytest

from ann_models.ahead import Ahead


@pytest.fixture
def ahead():
    return Ahead()


def test_what_was_begun_is_made_in_a_thread_and_fetched_once(ahead):
    ahead.begin("a", threading.current_thread)
    assert ahead.fetch("a") is not threading.current_thread()
    assert ahead.fetch("a") is None


def test_the_same_key_is_made_once(ahead):
    made = []
    for _ in range(2):
        ahead.begin("a", lambda: made.append(1) or len(made))
    assert ahead.fetch("a") == 1


def test_another_key_finds_nothing_and_gives_way_to_the_next(ahead):
    ahead.begin("a", lambda: 1)
    assert ahead.fetch("b") is None
    ahead.begin("b", lambda: 2)
    assert ahead.fetch("a") is None
    assert ahead.fetch("b") == 2


def test_an_error_is_raised_where_the_thing_is_fetched(ahead):
    ahead.begin("a", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ahead.fetch("a")
