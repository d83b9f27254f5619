"""`ann compare` and `ann leaderboard`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from pipelines.cli import session
from pipelines.cli.printing import (
    as_json,
    leaderboard_table,
    metrics_table,
    print_table,
    say,
    ui_address,
)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@as_json
def compare(names: tuple[str, ...], as_json: bool) -> None:
    """Show the newest run of each variant side by side, and where MLflow's UI compares them.

    Example: ann compare overfit_base overfit_dropout
    """
    from ann_models import variants

    chosen = variants.find(names)
    settings = session.load_settings()
    from pipelines.tracking import views
    from pipelines.tracking.client import Tracking

    tracking = Tracking(settings).open()
    runs = tracking.newest_by_variant()
    found = [runs[variant.name] for variant in chosen if variant.name in runs]
    if as_json:
        rows = [
            {"name": r.data.tags["variant"], "run_id": r.info.run_id, "metrics": r.data.metrics}
            for r in found
        ]
        click.echo(json.dumps(rows))
        return
    if not found:
        say("no finished runs yet; `ann run` makes them.")
        return
    print_table(metrics_table((run.data.tags["variant"], run.data.metrics, "") for run in found))
    for question in dict.fromkeys(v.question for v in chosen if v.name in runs):
        page = views.link("", tracking.experiment(question), question)
        click.echo(f"{ui_address(settings)}/{page}")


@click.command()
@as_json
def leaderboard(as_json: bool) -> None:
    """Rank the digit networks: accuracy with its spread, and what it costs.

    The validation digits rank; the test digits report. `ann run accuracy` trains the recipes.

    Example: ann leaderboard
    """
    settings = session.load_settings()
    from pipelines.maintenance.leaderboard import standings
    from pipelines.registry.client import Registry
    from pipelines.tracking import views
    from pipelines.tracking.client import Tracking

    tracking = Tracking(settings).open()
    found = standings(tracking, Registry(settings.tracking_uri, settings.home))
    if as_json:
        click.echo(json.dumps([asdict(standing) for standing in found]))
        return
    if not found:
        say("no digit network is trained yet; `ann run digits accuracy` trains them.")
        return
    print_table(leaderboard_table(found))
    page = views.link("", tracking.experiment("accuracy"), "accuracy")
    click.echo(f"The mistakes that remain, as pictures: {ui_address(settings)}/{page}")
