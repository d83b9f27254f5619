"""Recursion and its memory: equal values, very different numbers of calls."""

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ann_models.errors import InvalidData
from ann_models.scratch.recursion import factorial, memoised_fibonacci, naive_fibonacci

FUNCTIONS = [factorial, naive_fibonacci, memoised_fibonacci]


@given(n=st.integers(1, 200))
def test_the_factorial_is_right_and_takes_n_calls(n):
    calls = Counter()
    assert factorial(n, calls) == math.factorial(n)
    assert calls.total() == n


@settings(deadline=None)
@given(n=st.integers(1, 18))
def test_memoised_and_naive_fibonacci_numbers_are_equal(n):
    assert memoised_fibonacci(n, Counter()) == naive_fibonacci(n, Counter())


def test_the_first_fibonacci_numbers_are_the_known_ones():
    numbers = [memoised_fibonacci(n, Counter()) for n in range(1, 11)]
    assert numbers == [1, 1, 2, 3, 5, 8, 13, 21, 34, 55]


@settings(deadline=None)
@given(n=st.integers(1, 18))
def test_naive_calls_grow_like_the_number_itself(n):
    calls = Counter()
    value = naive_fibonacci(n, calls)
    assert calls.total() == 2 * value - 1


@given(n=st.integers(2, 200))
def test_memoised_calls_grow_linearly_because_each_subproblem_is_solved_once(n):
    calls = Counter()
    memoised_fibonacci(n, calls)
    assert calls.total() == 2 * n - 3
    assert max(calls.values()) <= 2  # once to solve it, once to be reminded


def test_without_memory_a_subproblem_is_solved_again_and_again():
    calls = Counter()
    naive_fibonacci(10, calls)
    assert calls[3] == memoised_fibonacci(8, Counter()) == 21


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("n", [0, -3])
def test_an_n_below_one_is_refused(function, n):
    with pytest.raises(InvalidData, match=f"n is {n}"):
        function(n, Counter())
