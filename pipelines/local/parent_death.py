"""A child process that learns of its parent's death, in whatever way the parent ends.

The child's standard input is a pipe whose other end only the parent holds: the operating system
closes it with the parent.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any


def start_child(command: Sequence[str], **options: Any) -> tuple[subprocess.Popen[bytes], int]:
    """Start a child in a session of its own, so that Ctrl-C does not reach it.

    Returns:
        The child, and the file descriptor that closes with this process or by `os.close`.
    """
    read_end, write_end = os.pipe()
    try:
        child = subprocess.Popen(command, stdin=read_end, start_new_session=True, **options)
    finally:
        os.close(read_end)
    return child, write_end


def wait_for_parents_death() -> None:
    """In the child: return when the parent has ended or closed the pipe."""
    sys.stdin.read()
