"""`ann benchmark …`: commands that measure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.options import FilePath, PositiveNumber, as_json, examples, variant_names

if TYPE_CHECKING:
    from benchmarks.pipeline import Overhead, Sweep
    from benchmarks.training import Row

QUICK_LOOK = "SHORTENED: a quick look at a twentieth of the epochs, not the benchmark."
QUICK_ROWS = "SHORTENED: each row as `ann run --quick` shortens it, not the benchmark."


class PlotFile(FilePath):
    """A file in a folder that exists: checked before minutes are spent."""

    def __init__(self) -> None:
        """Accept a path; the file is made or replaced."""
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Refuse a file whose folder is missing."""
        path = Path(str(super().convert(value, param, ctx)))
        if not path.parent.is_dir():
            self.fail(f"{path.parent} is not a folder.", param, ctx)
        return path


@click.group()
def benchmark() -> None:
    """Measure training, serving and pipeline speed on this machine."""


@benchmark.command(
    epilog=examples(
        "ann benchmark training",
        "ann benchmark training relu_regression_2 --seeds 5",
        "ann benchmark training --shortened --plot seconds.png",
    )
)
@variant_names
@click.option(
    "--seeds",
    default=1,
    show_default=True,
    type=click.IntRange(1, 100),
    help="Initialisations of each training.",
)
@click.option("--shortened", is_flag=True, help="A twentieth of the epochs; not the benchmark.")
@click.option("--plot", type=PlotFile(), help="Draw the seconds into this PNG.")
@as_json
def training(
    names: tuple[str, ...], seeds: int, shortened: bool, plot: Path | None, as_json: bool
) -> None:
    """Compare the trainer with Keras's fit on the lecture's ten trainings (about 13 minutes).

    Or on the named ones. With several seeds both train each of them, and a rank test
    compares the losses.
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


@benchmark.command(epilog=examples("ann benchmark backends"))
def backends() -> None:
    """Train networks of each kind with both of the trainer's backends (about a minute)."""
    from rich.console import Console
    from rich.table import Table

    from benchmarks.backends import compare

    table = Table("network", "steps", "XLA s", "graph s", "the rule takes")
    for row in compare(lambda row: click.echo(f"{row.name} …", err=True)):
        seconds = f"{row.xla_seconds:.2f}", f"{row.graph_seconds:.2f}"
        table.add_row(row.name, str(row.steps), *seconds, row.chosen)
    Console(highlight=False).print(table)


@benchmark.command(
    epilog=examples(
        "ann benchmark serving",
        "ann benchmark serving --connections 1 --connections 64",
        "ann benchmark serving --seconds 1 --turns 1 --json",
    )
)
@click.option(
    "--connections",
    multiple=True,
    default=(1, 32),
    show_default=True,
    type=click.IntRange(1, 4096),
    help="Connections that send at once; can be repeated.",
)
@click.option(
    "--seconds",
    default=5.0,
    show_default=True,
    type=PositiveNumber(3600),
    help="Duration of each load.",
)
@click.option(
    "--turns",
    default=3,
    show_default=True,
    type=click.IntRange(1, 100),
    help="Measurements of each server; the median counts.",
)
@click.option("--plot", type=PlotFile(), help="Draw the rates into this PNG.")
@as_json
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
    """  # noqa: D301
    from rich.console import Console
    from rich.table import Table

    from benchmarks import serving as measured

    results, footprints = measured.compare(
        connections, seconds, turns, lambda line: click.echo(line, err=True)
    )
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


@benchmark.command(
    epilog=examples("ann benchmark hostile", "ann benchmark hostile --requests 100000 --seed 7")
)
@click.option(
    "--requests",
    default=10_000,
    show_default=True,
    type=click.IntRange(1, 10_000_000),
    help="Random requests, their headers included.",
)
@click.option("--seed", default=0, show_default=True, help="Of the random requests.")
@as_json
def hostile(requests: int, seed: int, as_json: bool) -> None:
    """Send the digit service what no client should, and see what others notice (about a minute).

    Random requests; a flood of endless headers, while others ask for /health/live; and 60 bodies
    of 9.9 MB without their last byte, while others ask for predictions.
    """
    from benchmarks import hostile as measured

    found = measured.attack(requests, seed, lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps(measured.document(*found)))
        return
    for line in measured.lines(*found):
        click.echo(line)


@benchmark.command(
    epilog=examples("ann benchmark pipeline", "ann benchmark pipeline --shortened --json")
)
@click.option(
    "--workers",
    multiple=True,
    default=(1, 2),
    show_default=True,
    type=click.IntRange(1, 256),
    help="Worker processes of a sweep; can be repeated.",
)
@click.option("--shortened", is_flag=True, help="Each row as `--quick` shortens it.")
@as_json
def pipeline(workers: tuple[int, ...], shortened: bool, as_json: bool) -> None:
    """Measure what orchestration and tracking add, and what workers take away (about 7 minutes).

    The whole table, bare and by `ann run`; then a sweep of small rows on several workers.
    """
    from benchmarks import pipeline as measured

    def say(line: str) -> None:
        click.echo(line, err=True)

    if shortened:
        click.secho(QUICK_ROWS, fg="yellow", err=True)
    added = measured.overhead(shortened, say)
    swept = measured.sweeps(workers, shortened, say)
    if as_json:
        click.echo(json.dumps(measured.document(added, swept, shortened)))
        return
    _pipeline_table(added, swept)
    if shortened:
        click.secho(QUICK_ROWS, fg="yellow")


@benchmark.command(epilog=examples("ann benchmark store", "ann benchmark store --json"))
@click.option(
    "--turns",
    default=3,
    show_default=True,
    type=click.IntRange(1, 100),
    help="Measurements of each command; the median counts.",
)
@as_json
def store(turns: int, as_json: bool) -> None:
    """Measure the commands on a small store and on 10,000 runs with 1,000 versions (5 minutes)."""
    from rich.console import Console
    from rich.table import Table

    from benchmarks import store as measured

    found = measured.compare(turns, lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps(measured.document(found)))
        return
    table = Table("command", "small s", "large s", "ratio")
    for row in found:
        seconds = f"{row.small_seconds:.2f}", f"{row.large_seconds:.2f}"
        table.add_row(row.command, *seconds, f"{row.ratio:.2f}")
    Console(highlight=False).print(table)


@benchmark.command(
    "all",
    epilog=examples(
        "ann benchmark all --json >result.json", "ann benchmark all --shortened --json >quick.json"
    ),
)
@click.option("--shortened", is_flag=True, help="A quick look at each; not the benchmark.")
@as_json
@click.pass_context
def everything(context: click.Context, shortened: bool, as_json: bool) -> None:
    """Measure training, time to accuracy, pipeline, serving and the store (about 40 minutes).

    Exit code 1 if a part could not be measured; the others are in the result.
    """
    from benchmarks import suite

    found = suite.run(shortened, lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps(found))
    else:
        for name, value in found["ratios"].items():
            click.echo(f"{name}: {value:.2f}")
    errors = {name: part["error"] for name, part in found.items() if _failed(part)}
    for name, error in errors.items():
        click.echo(f"{name} was not measured: {error}", err=True)
    if errors:
        context.exit(1)


def _failed(part: Any) -> bool:
    return isinstance(part, dict) and "error" in part


@benchmark.command(
    epilog=examples(
        "ann benchmark guard result.json",
        "ann benchmark guard result.json --recorded benchmarks/ratios.json",
        "ann benchmark store --json | ann benchmark guard -",
    )
)
@click.argument("result", type=FilePath(allow_dash=True))
@click.option(
    "--recorded",
    type=FilePath(path_type=Path),
    default=Path(__file__).with_name("ratios.json"),
    help="The ratios to reach, as JSON by name; benchmarks/ratios.json by default.",
)
@click.pass_context
def guard(context: click.Context, result: str, recorded: Path) -> None:
    """Fail if a ratio in RESULT fell by a third; `-` is standard input.

    RESULT is the output of `ann benchmark all --json`, or of training, pipeline, serving or store
    alone with --json: then only what it measured counts.
    """
    from benchmarks import suite

    try:
        recorded_ratios = dict(json.loads(recorded.read_text()))
        with click.open_file(result) as file:
            measured, expected = suite.compared(dict(json.load(file)), recorded_ratios)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise click.UsageError(
            f"{result} or {recorded} is not the JSON that `ann benchmark … --json` "
            f"prints or `ratios.json` holds ({error})."
        ) from error
    messages = suite.dropped(measured, expected)
    for message in messages:
        click.echo(message)
    if messages:
        context.exit(1)
    click.echo(f"{len(expected)} ratios reach two thirds of what is recorded.")


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
        where = f"{sweep.workers} of one thread" if sweep.workers else "sequential"
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
