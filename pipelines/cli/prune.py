"""`ann prune`: parses, calls, prints."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from pipelines.cli import session
from pipelines.cli.options import Duration, as_json, examples
from pipelines.cli.terminal import notify, print_table

if TYPE_CHECKING:
    from pipelines.maintenance.retention import Outcome, RetentionPlan


@click.command(
    epilog=examples(
        "ann prune",
        "ann prune --older-than 90d --keep 5",
        "ann prune --older-than 12h --yes",
        "ann prune --json",
    )
)
@click.option(
    "--older-than",
    default="30d",
    show_default=True,
    type=Duration(),
    help="Only what ended, or was last used, that long ago: 90m, 6h, 30d.",
)
@click.option(
    "--keep",
    default=10,
    show_default=True,
    type=click.IntRange(1),
    help="The newest runs, and versions, of each variant that are kept, however old.",
)
@click.option("--yes", is_flag=True, help="Delete; without this option nothing is deleted.")
@as_json
@click.pass_context
def prune(
    context: click.Context, older_than: timedelta, keep: int, yes: bool, as_json: bool
) -> None:
    """List old runs, refused versions and files; with --yes, delete them permanently.

    Active runs, runs of the registered versions that stay, and versions with an alias or that were
    champion once are kept, however old.
    """
    settings = session.load_settings_with_runs()
    from pipelines.maintenance import retention
    from pipelines.tracking.client import Tracking

    tracking = Tracking(settings).open()
    planned = retention.plan(tracking, older_than, keep)
    outcome = retention.apply(tracking, planned) if yes else None
    if as_json:
        kept_now = outcome.kept if outcome else []
        document = {
            "removed": yes,
            "items": [asdict(item) for item in planned.items if item not in kept_now],
            "bytes": outcome.freed if outcome else planned.size,
            "flow_runs": planned.flow_runs,
            "kept": planned.kept,
            "failures": outcome.failures if outcome else [],
        }
        click.echo(json.dumps(document))
    else:
        _print_plan(planned)
        if outcome:
            _print_outcome(outcome)
        elif planned.items or planned.flow_runs:
            notify("nothing was deleted; --yes deletes this permanently.")
    if outcome and outcome.failures:
        context.exit(1)


def _print_plan(planned: RetentionPlan) -> None:
    from rich.table import Table

    table = Table("what", "", "days ago", "MB", box=None)
    for item in planned.items:
        days = f"{(time.time() - item.used) / 86400:.0f}"
        where = "" if item.kind == "file" else item.identity
        table.add_row(f"{item.kind} {item.name}", where, days, _megabytes(item.size))
    if planned.items:
        print_table(table)
    if planned.flow_runs:
        click.echo(f"{planned.flow_runs} finished flow runs in Prefect's database")
    for reason, count in planned.kept.items():
        click.echo(f"{count} old runs are kept: {reason}")
    if planned.active:
        click.echo("files are kept while a run is active")
    click.secho(f"{len(planned.items)} to delete: {_megabytes(planned.size)} MB", bold=True)


def _print_outcome(outcome: Outcome) -> None:
    click.echo(f"{outcome.removed} deleted, {_megabytes(outcome.freed)} MB freed.")
    if outcome.kept:
        click.echo(f"{len(outcome.kept)} are kept: they came into use, or went, meanwhile.")
    if outcome.rows_left:
        click.echo(
            f"The rows of {outcome.rows_left} runs are kept in the server's database, marked as "
            "deleted; `mlflow gc` on the server deletes them."
        )
    for failure in outcome.failures:
        notify(failure)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f}"
