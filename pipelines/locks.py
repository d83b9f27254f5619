"""One process of this machine at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pipelines.errors import Locked, WrongUse

LOCK_SECONDS = 60.0


@contextmanager
def exclusive_lock(path: Path, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold a lock file; the operating system releases it when its holder is killed.

    Raises:
        Locked: another process held it for so long.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        raise Locked(
            f"{path} could not be locked within {seconds:.0f} s: another process of this machine "
            "holds it; wait until it has finished, or end it."
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def only_one(path: Path, refusal: Callable[[], str]) -> Iterator[None]:
    """Hold a lock file; where another process holds it, refuse at once.

    Raises:
        WrongUse: another process holds it; `refusal` says what that means.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive_lock(path, seconds=0))
        except Locked:
            raise WrongUse(refusal()) from None
        yield
