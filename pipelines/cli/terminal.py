"""Output on any terminal: narrow ones, ASCII ones, closed ones, and none at all."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

ASCII = {"✓": "ok", "✗": "!!", "–": "-", "±": "+-", "×": "x", "…": "...", "→": "->", "·": "-"}
ASCII_CODEC = "ann_ascii"  # click writes UTF-8 to a stream whose encoding is called "ascii"
UNLIMITED = 10_000  # columns, where output is no terminal's


def open_closed_streams() -> None:
    """Lead a standard stream that is closed (`>&-`) to nowhere: no file gets its descriptor."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:  # the lowest that is free
        os.set_inheritable(opened, True)
    os.close(opened)
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", closefd=False))


def accept_any_encoding() -> None:
    """Replace what the terminal's encoding lacks, instead of failing."""
    codecs.register_error("ann", _replace)
    codecs.register(_find_codec)
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"
            reconfigure(encoding=ASCII_CODEC if is_ascii else None, errors="ann")


def _find_codec(name: str) -> codecs.CodecInfo | None:
    if name != ASCII_CODEC:
        return None
    known = codecs.lookup("ascii")
    return codecs.CodecInfo(
        known.encode,
        known.decode,
        known.streamreader,
        known.streamwriter,
        known.incrementalencoder,
        known.incrementaldecoder,
        name=ASCII_CODEC,
    )


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(ASCII.get(character, "?") for character in lacking), error.end


def notify(message: str) -> None:
    """A message on standard error, if somebody can read it; standard output is for results."""
    with contextlib.suppress(OSError):  # the terminal was closed
        click.echo(f"ann: {message}", err=True)


def console() -> Console:
    """Rich's console on standard output, as wide as the terminal; brackets are no markup."""
    from rich.console import Console

    limited = sys.stdout.isatty() or "COLUMNS" in os.environ
    width = None if limited else UNLIMITED
    return Console(highlight=False, markup=False, emoji=False, width=width)


def print_table(table: Table) -> None:
    """Print a table; where it is wider than the terminal, one line a value: nothing is cut.

    Strings are printed as they are; a cell with a style is a `rich.text.Text`.
    """
    from rich.measure import Measurement
    from rich.text import Text

    out = console()
    if Measurement.get(out, out.options.update(max_width=UNLIMITED), table).maximum <= out.width:
        out.print(table)
        return
    for row in zip(*(column.cells for column in table.columns), strict=True):
        out.print(row[0], style="bold", soft_wrap=True)
        for column, cell in zip(table.columns[1:], row[1:], strict=True):
            if cell:
                head = f"{column.header}: " if column.header else ""
                out.print(Text.assemble(f"  {head}", cell), soft_wrap=True)
