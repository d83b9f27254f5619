"""What a person sees while a flow runs: a bar for each training, one line for each result."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


@contextmanager
def native_errors_to(log: Path) -> Iterator[None]:
    """Redirect what compiled libraries write to the standard error stream to the log.

    TensorFlow writes there while it is imported, whatever its log level.
    """
    terminal = os.dup(2)
    with log.open("a") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)


class ProgressReporter:
    """Reports nothing: flows that a server starts are followed in Prefect's UI."""

    def stage(self, text: str) -> None:
        """Report what begins."""

    def notice(self, text: str) -> None:
        """Report something that must not be overlooked."""

    def failure(self, text: str) -> None:
        """Report why something failed."""

    @contextmanager
    def training(self, name: str) -> Iterator[None]:
        """Show a bar while the variant of that name is trained in this process."""
        yield

    def epochs(self, done: int, total: int, loss: float) -> None:
        """Move the bar of the variant that is trained in this process."""

    def moved(self, name: str, done: int, total: int, loss: float) -> None:
        """Move the bar of a variant that is trained on a worker."""

    def ended(self, name: str, position: int, total: int, succeeded: bool, seconds: float) -> None:
        """Report the final status of a variant, in one line, and remove its bar."""

    def cleared(self) -> None:
        """Remove all bars."""


class Terminal(ProgressReporter):
    """Bars and lines on the standard error stream: standard output is for results."""

    def __init__(self) -> None:
        """Write to the standard error stream."""
        from rich.console import Console

        self.console: Console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._progress: Progress | None = None
        self._bars: dict[str, TaskID] = {}

    def stage(self, text: str) -> None:
        """Print what begins."""
        self._print(("▸", "bold cyan"), f" {text}")

    def notice(self, text: str) -> None:
        """Print a warning."""
        self._print((f"! {text}", "bold yellow"))

    def failure(self, text: str) -> None:
        """Print an error."""
        self._print((f"! {text}", "bold red"))

    @contextmanager
    def training(self, name: str) -> Iterator[None]:
        """Show a bar with loss and time left."""
        self._bar(name)
        try:
            yield
        finally:
            self._remove(name)

    def epochs(self, done: int, total: int, loss: float) -> None:
        """Move the bar of the variant that is trained in this process."""
        for name in self._bars:
            self.moved(name, done, total, loss)

    def moved(self, name: str, done: int, total: int, loss: float) -> None:
        """Move one of several bars; it is made at its first move."""
        bar = self._bar(name)
        if self._progress:
            self._progress.update(bar, completed=done, total=total, loss=f"loss {loss:.4g}")

    def ended(self, name: str, position: int, total: int, succeeded: bool, seconds: float) -> None:
        """Print a line with a check mark or a cross."""
        self._remove(name)
        mark = ("✓", "green") if succeeded else ("✗", "red")
        self._print(f"  {position:>2}/{total} {name:<34} ", mark, f" {seconds:6.1f} s")

    def cleared(self) -> None:
        """Remove all bars."""
        if self._progress:
            self._progress.stop()
        self._progress, self._bars = None, {}

    def _print(self, *parts: str | tuple[str, str]) -> None:
        """Print a line of texts, some with a style; brackets in them are no markup."""
        from rich.text import Text

        self.console.print(Text.assemble(*parts))

    def _remove(self, name: str) -> None:
        bar = self._bars.pop(name, None)
        if self._progress and bar is not None:
            self._progress.remove_task(bar)
            if not self._bars:
                self.cleared()

    def _bar(self, name: str) -> TaskID:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        if self._progress is None:
            self._progress = Progress(
                TextColumn("  {task.description}", markup=False),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[loss]}"),
                TimeRemainingColumn(),
                console=self.console,
                transient=True,
                disable=not self.console.is_terminal,
            )
            self._progress.start()
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(f"{name:<34}", total=None, loss="")
        return self._bars[name]


_reporter: ContextVar[ProgressReporter] = ContextVar("progress reporter")


@contextmanager
def reporting_to(reporter: ProgressReporter) -> Iterator[None]:
    """Flows that are called in here report their progress to this reporter.

    A context variable, as Prefect's own `tags`: a flow's parameters must be JSON.
    """
    token = _reporter.set(reporter)
    try:
        yield
    finally:
        _reporter.reset(token)


def current() -> ProgressReporter:
    """The reporter of the caller; one that reports nothing where none was given."""
    return _reporter.get(ProgressReporter())
