"""One log of many services: whole in a file, readable on the terminal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path


class UpLog:
    """Every service's lines, each behind its name: in a file, and where a person watches."""

    LARGEST = 10 * 1024**2  # bytes; the file before it is kept

    def __init__(self, path: Path, show: Callable[[str, str], None]) -> None:
        """Append to a file; `show` is given each name and line that a person wants to see."""
        self._path = path
        self._show = show
        self._file = path.open("a")
        self._in_traceback: set[str] = set()

    def __call__(self, name: str, line: str) -> None:
        """Keep and show one line."""
        if not line.strip():
            return
        if self._file.tell() > self.LARGEST:
            self._file.close()
            self._path.replace(self._path.with_suffix(".log.1"))
            self._file = self._path.open("a")
        print(f"{datetime.now():%F %T} {name:<9} {line}", file=self._file, flush=True)
        if self._for_people(name, line):
            self._show(name, line)

    def _for_people(self, name: str, line: str) -> bool:
        """Whether a line tells a person something: no traceback, request or banner does."""
        if line.startswith("Traceback"):
            self._in_traceback.add(name)
        elif line[0].isdigit() or name == "ann":  # a time: the next message
            self._in_traceback.discard(name)
        return name not in self._in_traceback and line[0] not in " \t{|_"
