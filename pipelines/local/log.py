"""One log of all services: complete in a file, filtered on the terminal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path


class ServiceLog:
    """Every service's lines, each behind its name: in a file, and on the terminal."""

    LARGEST = 10 * 1024**2  # bytes; the file before it is kept

    def __init__(self, path: Path, show: Callable[[str, str], None]) -> None:
        """Append to a file; `show` is called with each name and line for the terminal."""
        self._path = path
        self._show: Callable[[str, str], None] | None = show
        self._file = path.open("ab", buffering=0)  # no line that failed is kept for the next
        self._in_traceback: set[str] = set()

    def __call__(self, name: str, line: str) -> None:
        """Write one line to the file, and show it; on a full disk the file lacks it."""
        if not line.strip():
            return
        with suppress(OSError):  # the file that is too large goes on, until there is room
            if self._file.tell() > self.LARGEST:
                self._begin_file()
        with suppress(OSError):
            written = f"{datetime.now():%F %T} {name:<9} {line}\n"
            self._file.write(written.encode(errors="replace"))
        if self._show and self._for_people(name, line):
            try:
                self._show(name, line)
            except OSError:  # the terminal was closed, or nobody reads the pipe any more
                self._show = None

    def _begin_file(self) -> None:
        with suppress(FileNotFoundError):  # moved already, when the new one could not be made
            self._path.replace(self._path.with_suffix(".log.1"))
        new = self._path.open("ab", buffering=0)
        self._file.close()
        self._file = new

    def _for_people(self, name: str, line: str) -> bool:
        """Whether a line is worth showing: no traceback, request or banner is."""
        if line.startswith("Traceback"):
            self._in_traceback.add(name)
        elif line[0].isdigit() or name == "ann":  # a time: the next message
            self._in_traceback.discard(name)
        return name not in self._in_traceback and line[0] not in " \t{|_"
