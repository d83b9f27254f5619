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


class Terminal(Silent):
    """A bar for the variant at work, and one line for each that is done."""

    def __init__(self) -> None:
        """Write to the standard error stream: results alone go to standard output."""
        from rich.console import Console

        self.console: Console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._live: tuple[Progress, TaskID] | None = None
        self._outcome = ""

    def stage(self, text: str) -> None:
        """Say what begins."""
        self.console.print(f"[bold cyan]▸[/] {text}")

    def notice(self, text: str) -> None:
        """Say something that must not be overlooked."""
        self.console.print(f"[bold yellow]! {text}[/]")

    def failure(self, text: str) -> None:
        """Say why the variant at work failed."""
        self._outcome = "[red]✗[/]"
        self.console.print(f"[bold red]! {text}[/]")

    @contextmanager
    def variant(self, name: str, position: int, total: int) -> Iterator[None]:
        """Show a bar with loss and time left, then a line with the seconds it took."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        label = f"{position:>2}/{total} {name:<34}"
        started = time.perf_counter()
        with Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[loss]}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        ) as progress:
            self._live = progress, progress.add_task(label, total=None, loss="")
            self._outcome = "[green]✓[/]"
            try:
                yield
            except BaseException:
                self._outcome = "[red]✗[/]"
                raise
            finally:
                self._live = None
                progress.stop()
                seconds = time.perf_counter() - started
                self.console.print(f"  {label} {self._outcome} {seconds:6.1f} s")

    def epochs(self, done: int, total: int, loss: float) -> None:
        """Move the bar of the variant that is training."""
        if self._live:
            progress, task = self._live
            progress.update(task, completed=done, total=total, loss=f"loss {loss:.4g}")
