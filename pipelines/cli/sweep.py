"""`ann sweep`: parse, call, print."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli import session
from pipelines.cli.options import VariantName, as_json, examples, set_settings, table_file
from pipelines.cli.terminal import print_table

if TYPE_CHECKING:
    from pipelines.flows.sweep import SweepReport
    from pipelines.settings import Settings

SHOWN = 10  # trials, the best first


@click.command(
    epilog=examples(
        "ann sweep relu_regression_4 --over optimizer.learning_rate=1e-4..1e-1:log",
        "ann sweep mnist_ann --over layers.1.units=30,100,300 --trials 12 --seeds 1",
        "ann sweep mnist_cnn --over optimizer.learning_rate=1e-4..1e-2:log --workers 2",
        "ann sweep overfit_base --over penalty.strength=1e-5..1:log --over layers.0.units=5..100",
        "ann sweep --table mine.toml deep --over epochs=100,500",
    )
)
@click.argument("name", type=VariantName())
@click.option(
    "--over",
    multiple=True,
    required=True,
    metavar="KEY=LO..HI[:log]|KEY=A,B,C",
    help="A setting and its range or values; can be repeated.",
)
@click.option(
    "--trials",
    default=30,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="Combinations of settings to train.",
)
@set_settings
@click.option("--seeds", type=click.IntRange(1, 100), help="Initialisations of each trial.")
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 256),
    help="Processes of this machine that share the trials.",
)
@table_file
@as_json
def sweep(
    name: str,
    over: tuple[str, ...],
    trials: int,
    changes: tuple[str, ...],
    seeds: int | None,
    workers: int,
    table: Path | None,
    as_json: bool,
) -> None:
    """Search the settings of a variant; validation data decides, never a test digit.

    The same command resumes a sweep that was interrupted.
    """
    from ann_models.derive import derive, parse_changes
    from ann_models.search import parse_space
    from ann_models.selection import select

    changed = parse_changes(changes)
    path = str(table.resolve()) if table else None
    found, _ = select([name], {}, path)
    if len(found) == 1:  # before anything heavy is imported; the flow refuses a question
        parse_space(derive(found[0], changed), over)
    settings = session.load_settings()
    session.prepare_flows(settings, trains_here=workers == 1)
    from pipelines.flows import sweep as flows

    report = flows.sweep(name, list(over), trials, seeds, changed or None, workers, path)
    _show(report, settings, as_json)


def _show(report: SweepReport, settings: Settings, as_json: bool) -> None:
    if as_json:
        best = {"best": report.best, "command": report.command}
        click.echo(json.dumps(asdict(report) | best))
        return
    from rich.table import Table

    from pipelines.settings import ui_address

    done = [trial for trial in report.trials if trial["objective"] is not None]
    keys = list(done[0]["settings"])
    table = Table("validation loss", *keys, box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for trial in sorted(done, key=lambda trial: float(trial["objective"]))[:SHOWN]:
        table.add_row(f"{trial['objective']:.4g}", *trial["settings"].values())
    print_table(table)
    others = sum(t["state"] in ("pruned", "diverged", "refused") for t in report.trials)
    click.echo(
        f"{len(done)} trials, {others} pruned, diverged or refused; judged by {report.judged_by}."
    )
    click.echo(f"Figures and all trials: {ui_address(settings)}/{report.view}")
    click.echo(f"Run the best: {report.command}")
