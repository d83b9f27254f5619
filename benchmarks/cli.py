"""`ann benchmark …`: commands that measure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from benchmarks.training import Row

QUICK_LOOK = "SHORTENED: a quick look at a twentieth of the epochs, not the benchmark."


@click.group()
def benchmark() -> None:
    """Measure what this project claims."""


@benchmark.command()
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1, 100))
@click.option("--shortened", is_flag=True, help="A twentieth of the epochs; not the benchmark.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the seconds into this PNG.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def training(seeds: int, shortened: bool, plot: Path | None, as_json: bool) -> None:
    """Compare the trainer with Keras's fit on the lecture's ten trainings (about 13 minutes).

    With several seeds both engines train each of them, and a rank test compares the losses.

    Example: ann benchmark training --shortened
    """
    from benchmarks import training as measured

    if shortened:
        click.secho(QUICK_LOOK, fg="yellow", err=True)
    rows = measured.compare(seeds=seeds, shortened=shortened, report=_say)
    if plot:
        measured.plot(rows, shortened).savefig(plot, dpi=100)
    if as_json:
        click.echo(json.dumps(measured.document(rows, shortened)))
        return
    _table(rows)
    click.echo(f"the whole set: {measured.ratio_total(rows):.1f} times faster")
    if shortened:
        click.secho(QUICK_LOOK, fg="yellow")


def _say(row: Row) -> None:
    click.echo(
        f"{row.name}: fit {row.fit_seconds:.1f} s, trainer {row.trainer_seconds:.1f} s", err=True
    )


def _table(rows: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("training", "fit s", "trainer s", "ratio", "fit loss", "trainer loss", "p", "MB")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.fit_seconds:.1f}",
            f"{row.trainer_seconds:.1f}",
            f"{row.ratio:.1f}",
            _losses(row.fit_loss),
            _losses(row.trainer_loss),
            "" if row.p_value is None else f"{row.p_value:.2f}",
            f"{row.trainer_megabytes:.0f}",
        )
    Console(highlight=False).print(table)


def _losses(losses: list[float]) -> str:
    """The median, and the range of several seeds."""
    low, middle, high = min(losses), sorted(losses)[(len(losses) - 1) // 2], max(losses)
    return f"{middle:.3g}" + (f" ({low:.2g} … {high:.2g})" if len(losses) > 1 else "")
