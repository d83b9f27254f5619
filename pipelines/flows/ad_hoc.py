"""Ad hoc flow runs: begun by a command, not by a schedule, and tagged with that command's process.

`scheduling.orphaned_runs` reads the tag: a run whose process has ended is marked as crashed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefect import tags
from prefect.context import TagsContext

from pipelines.process_identity import this_process

PROCESS_TAG = "process: "  # how the tag begins


@contextmanager
def process_tag() -> Iterator[None]:
    """Flow runs begun in here carry this process's identity as a tag."""
    with tags(f"{PROCESS_TAG}{this_process()}"):
        yield


@contextmanager
def untagged() -> Iterator[None]:
    """Tasks begun in here do not inherit the tag: each would ask the server for a limit on it."""
    with TagsContext(current_tags=set()):
        yield
