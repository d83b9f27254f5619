"""What a person sees while the pipeline works: one live line a variant, one line a stage."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


@contextmanager
def native_errors_to(log: Path) -> Iterator[None]:
    """Keep what compiled libraries write to the standard error stream for the log.

    TensorFlow greets there while it is imported, whatever its log level.
    """
    terminal = os.dup(2)
    with log.open("a") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)


class Silent:
    """Shows nothing: flows that a server starts have the Prefect UI."""

    def stage(self, text: str) -> None:
        """Say what begins."""

    def notice(self, text: str) -> None:
        """Say something that must not be overlooked."""

    def failure(self, text: str) -> None:
        """Say why the variant at work failed."""

    @contextmanager
    def variant(self, name: str, position: int, total: int) -> Iterator[None]:
        """Show one variant's line while it is worked on."""
        yield

    def epochs(self, done: int, total: int, loss: float) -> None:
        """Move the bar of the variant that is training."""

    def moved(self, name: str, done: int, total: int, loss: float) -> None:
        """Move the bar of a variant, one of several that are training."""

    def ended(self, name: str, position: int, total: int, well: bool, seconds: float) -> None:
        """Say how a variant ended, in one line."""

    def cleared(self) -> None:
        """Remove the bars of what will not end."""


class Terminal(Silent):
    """A bar for each variant at work, and one line for each that is done."""

    def __init__(self) -> None:
        """Write to the standard error stream: results alone go to standard output."""
        from rich.console import Console

        self.console: Console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bars: Progress | None = None
        self._live: dict[str, TaskID] = {}
        self._failed = False

    def stage(self, text: str) -> None:
        """Say what begins."""
        self.console.print(f"[bold cyan]▸[/] {text}")

    def notice(self, text: str) -> None:
        """Say something that must not be overlooked."""
        self.console.print(f"[bold yellow]! {text}[/]")

    def failure(self, text: str) -> None:
        """Say why the variant at work failed."""
        self._failed = True
        self.console.print(f"[bold red]! {text}[/]")

    @contextmanager
    def variant(self, name: str, position: int, total: int) -> Iterator[None]:
        """Show a bar with loss and time left, then a line with the seconds it took."""
        started = time.perf_counter()
        self._failed = False
        self._bar(name)
        try:
            yield
        except BaseException:
            self._failed = True
            raise
        finally:
            self.ended(name, position, total, not self._failed, time.perf_counter() - started)

    def epochs(self, done: int, total: int, loss: float) -> None:
        """Move the bar of the variant that is training."""
        for name in self._live:
            self.moved(name, done, total, loss)

    def moved(self, name: str, done: int, total: int, loss: float) -> None:
        """Move the bar of a variant, one of several that are training."""
        bar = self._bar(name)
        if self._bars:
            self._bars.update(bar, completed=done, total=total, loss=f"loss {loss:.4g}")

    def ended(self, name: str, position: int, total: int, well: bool, seconds: float) -> None:
        """Say how a variant ended, in one line, and remove its bar."""
        if self._bars and name in self._live:
            self._bars.remove_task(self._live.pop(name))
            if not self._live:
                self.cleared()
        mark = "[green]✓[/]" if well else "[red]✗[/]"
        self.console.print(f"  {position:>2}/{total} {name:<34} {mark} {seconds:6.1f} s")

    def cleared(self) -> None:
        """Remove the bars of what will not end."""
        if self._bars:
            self._bars.stop()
        self._bars, self._live = None, {}

    def _bar(self, name: str) -> TaskID:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        if self._bars is None:
            self._bars = Progress(
                TextColumn("  {task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[loss]}"),
                TimeRemainingColumn(),
                console=self.console,
                transient=True,
                disable=not self.console.is_terminal,
            )
            self._bars.start()
        if name not in self._live:
            self._live[name] = self._bars.add_task(f"{name:<34}", total=None, loss="")
        return self._live[name]


display = Silent()  # the command line puts its terminal here
