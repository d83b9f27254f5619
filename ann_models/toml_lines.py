"""On which line of a TOML file a key stands; `tomllib` does not say."""

from __future__ import annotations

import re
from collections import Counter

_HEADING = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")


class TomlLines:
    """The lines of the keys of a file, by their path from the top."""

    def __init__(self, text: str) -> None:
        """Find every heading and key; those within an inline table stand where it stands."""
        self._lines: dict[tuple[str, ...], int] = {}
        counts: Counter[str] = Counter()
        heading: tuple[str, ...] = ()
        within = False  # a text of several lines
        for number, line in enumerate(text.splitlines(), 1):
            ends = len(re.findall(r'"""|' + "'''", line)) % 2
            if not within and (match := _HEADING.match(line)):
                name, *rest = _parts(match[2])
                if match[1] == "[[" and not rest:
                    counts[name] += 1
                number_of = (str(counts[name] - 1),) if counts[name] else ()
                heading = (name, *number_of, *rest)
                self._add(heading, number)
            elif not within and (match := _KEY.match(line)):
                self._add((*heading, *_parts(match[1])), number)
            within ^= bool(ends)

    def _add(self, path: tuple[str, ...], number: int) -> None:
        for n in range(1, len(path) + 1):
            self._lines.setdefault(path[:n], number)

    def of(self, *path: str) -> int:
        """The line of a path such as `"variant", "0", "optimizer.rate"`, or of what holds it."""
        parts = _parts(".".join(path))
        found = (self._lines.get(tuple(parts[:n])) for n in range(len(parts), 0, -1))
        return next((line for line in found if line), 1)


def _parts(key: str) -> list[str]:
    """The parts of a dotted key without quotes."""
    return [part.strip().strip("\"'") for part in key.split(".")]
