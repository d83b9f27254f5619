"""A function that calls itself, and the memory that makes it affordable (row 11).

Each function notes its calls in a `Counter`, one entry a subproblem; n is at least 1.
"""

from __future__ import annotations

from collections import Counter

from ann_models.errors import InvalidData


def factorial(n: int, calls: Counter[int]) -> int:
    """The factorial n! = n·(n − 1)!, with n calls (lecture 6.1)."""
    calls[n] += 1
    if n <= 1:
        return _base_case(n)
    return n * factorial(n - 1, calls)


def naive_fibonacci(n: int, calls: Counter[int]) -> int:
    """The Fibonacci number Fₙ = Fₙ₋₁ + Fₙ₋₂, each subproblem again: 2Fₙ − 1 calls (lecture 6.2)."""
    calls[n] += 1
    if n <= 2:
        return _base_case(n)
    return naive_fibonacci(n - 1, calls) + naive_fibonacci(n - 2, calls)


def memoised_fibonacci(n: int, calls: Counter[int], memo: dict[int, int] | None = None) -> int:
    """The Fibonacci number Fₙ, each subproblem once: 2n − 3 calls for n ≥ 2 (lecture 6.2)."""
    memo = {} if memo is None else memo
    calls[n] += 1
    if n <= 2:
        return _base_case(n)
    if n not in memo:
        memo[n] = memoised_fibonacci(n - 1, calls, memo) + memoised_fibonacci(n - 2, calls, memo)
    return memo[n]


def _base_case(n: int) -> int:
    if n < 1:
        raise InvalidData(f"n is {n}: factorials and Fibonacci numbers are taken from n = 1 on")
    return 1
