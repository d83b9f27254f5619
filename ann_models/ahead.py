"""One thing made in a thread before it is needed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """Holds one thing in the making; what nobody fetches gives way to the next."""

    def __init__(self) -> None:
        """Nothing is in the making yet."""
        self._thread = ThreadPoolExecutor(1, "ahead")
        self._begun: tuple[Hashable, Future[T]] | None = None

    def begin(self, key: Hashable, make: Callable[[], T]) -> None:
        """Let the thread make what `key` stands for, unless it does already."""
        if self._begun is None or self._begun[0] != key:
            self._begun = key, self._thread.submit(make)

    def fetch(self, key: Hashable) -> T | None:
        """What was begun for `key`, once it is made; an error in the making is raised here."""
        if self._begun is None or self._begun[0] != key:
            return None
        made = self._begun[1]
        self._begun = None
        return made.result()
