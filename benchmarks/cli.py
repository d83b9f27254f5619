"""`ann benchmark …`: commands that measure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from benchmarks.pipeline import Overhead, Sweep
    from benchmarks.training import Row

QUICK_LOOK = "SHORTENED: a quick look at a twentieth of the epochs, not the benchmark."
QUICK_ROWS = "SHORTENED: each row as `ann run --quick` shortens it, not the benchmark."


@click.group()
def benchmark() -> None:
    """Measure what this project claims."""


@benchmark.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1, 100))
@click.option("--shortened", is_flag=True, help="A twentieth of the epochs; not the benchmark.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the seconds into this PNG.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def training(
    names: tuple[str, ...], seeds: int, shortened: bool, plot: Path | None, as_json: bool
) -> None:
    """Compare the trainer with Keras's fit on the lecture's ten trainings (about 13 minutes).

    Or on the named ones. With several seeds both engines train each of them, and a rank test
    compares the losses.

    Example: ann benchmark training --shortened
    """
    from ann_models import variants
    from benchmarks import training as measured

    untrained = [v.name for v in variants.find(names) if names and not v.layers]
    if untrained:
        raise click.BadParameter(f"{', '.join(untrained)} trains no network.")
    if shortened:
        click.secho(QUICK_LOOK, fg="yellow", err=True)
    rows = measured.compare(names or measured.NAMES, seeds, shortened, _say)
    if plot:
        measured.plot(rows, shortened).savefig(plot, dpi=100)
    if as_json:
        click.echo(json.dumps(measured.document(rows, shortened)))
        return
    _table(rows)
    click.echo(f"the whole set: {measured.ratio_total(rows):.1f} times faster")
    if shortened:
        click.secho(QUICK_LOOK, fg="yellow")


@benchmark.command()
def engines() -> None:
    """Train networks of each kind with both of the trainer's engines (about a minute).

    Example: ann benchmark engines
    """
    from rich.console import Console
    from rich.table import Table

    from benchmarks.engines import compare

    table = Table("network", "steps", "XLA s", "graph s", "the rule takes")
    for row in compare(lambda row: click.echo(f"{row.name} …", err=True)):
        seconds = f"{row.xla_seconds:.2f}", f"{row.graph_seconds:.2f}"
        table.add_row(row.name, str(row.steps), *seconds, row.chosen)
    Console(highlight=False).print(table)


@benchmark.command()
@click.option("--connections", multiple=True, default=(1, 32), show_default=True, type=int)
@click.option("--seconds", default=5.0, show_default=True, help="Of each load.")
@click.option("--turns", default=3, show_default=True, help="Of each server.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the rates into this PNG.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def serving(
    connections: tuple[int, ...], seconds: float, turns: int, plot: Path | None, as_json: bool
) -> None:
    """Compare the digit service with MLflow's server and a bare handler (about 5 minutes).

    With MLServer and BentoML too, where their commands are on the PATH. Their pins clash with this
    project's and with each other's; give each an environment of its own:

    \b
      python -m venv rivals/mlserver && rivals/mlserver/bin/pip install mlserver onnxruntime
      python -m venv rivals/bentoml && rivals/bentoml/bin/pip install bentoml onnxruntime
      export PATH=$PATH:$PWD/rivals/mlserver/bin:$PWD/rivals/bentoml/bin

    Example: ann benchmark serving --connections 1 --connections 64
    """  # noqa: D301
    from rich.console import Console
    from rich.table import Table

    from benchmarks import serving as measured

    try:
        results, footprints = measured.compare(
            connections, seconds, turns, lambda line: click.echo(line, err=True)
        )
    except measured.CannotMeasure as error:
        raise click.ClickException(str(error)) from error
    if plot:
        measured.plot(results).savefig(plot, dpi=100)
    if as_json:
        click.echo(json.dumps(measured.document(results, footprints)))
        return
    table = Table("server", "body", "connections", "requests/s", "p50 ms", "p99 ms", "errors")
    for result in results:
        latencies = f"{result.p50_ms:.2f}", f"{result.p99_ms:.2f}"
        rate = f"{result.requests_per_second:,.0f}"
        table.add_row(
            result.server,
            result.body,
            str(result.connections),
            rate,
            *latencies,
            str(result.errors),
        )
    Console(highlight=False).print(table)
    for name, footprint in footprints.items():
        click.echo(
            f"{name}: first answer after {footprint.ready_seconds:.1f} s, "
            f"{footprint.resident_mb:.0f} MB"
        )


@benchmark.command()
@click.option("--workers", multiple=True, default=(1, 2), show_default=True, type=int)
@click.option("--shortened", is_flag=True, help="Each row as `--quick` shortens it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
def pipeline(workers: tuple[int, ...], shortened: bool, as_json: bool) -> None:
    """Measure what orchestration and tracking add, and what workers take away (about 7 minutes).

    The whole table, bare and by `ann run`; then a sweep of small rows on several workers.

    Example: ann benchmark pipeline --shortened
    """
    from benchmarks import pipeline as measured

    def say(line: str) -> None:
        click.echo(line, err=True)

    if shortened:
        click.secho(QUICK_ROWS, fg="yellow", err=True)
    try:
        added = measured.overhead(shortened, say)
        swept = measured.sweeps(workers, shortened, say)
    except measured.CannotMeasure as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(measured.document(added, swept, shortened)))
        return
    _pipeline_table(added, swept)
    if shortened:
        click.secho(QUICK_ROWS, fg="yellow")


def _pipeline_table(added: Overhead, swept: list[Sweep]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("the whole table", "s")
    table.add_row("bare", f"{added.bare_seconds:.1f}")
    table.add_row("`ann run`", f"{added.pipeline_seconds:.1f}")
    table.add_row("more", f"{added.overhead_seconds:.1f}")
    table.add_row("more for a variant", f"{added.overhead_per_variant_seconds:.2f}")
    Console(highlight=False).print(table)
    table = Table("small rows", "s", "times faster than on one worker")
    one = next((sweep.seconds for sweep in swept if sweep.workers == 1), None)
    for sweep in swept:
        ratio = f"{one / sweep.seconds:.2f}" if one else ""
        where = f"{sweep.workers} of one thread" if sweep.workers else "in turn"
        table.add_row(where, f"{sweep.seconds:.1f}", ratio)
    Console(highlight=False).print(table)


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
