"""`ann retrain` and `ann drift`: the closed loop by hand; schedules run the same flows."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pipelines.cli import session
from pipelines.cli.printing import as_json, say, ui_address

if TYPE_CHECKING:
    from pipelines.flows import drift as watching
    from pipelines.flows import retraining
    from pipelines.settings import Settings


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--force", is_flag=True, help="Train even if no correction is new.")
@as_json
def retrain(names: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Train a challenger with what people corrected; the gate decides, the endpoint follows.

    Without NAME it is the champion's variant.

    Example: ann retrain
    """
    from ann_models import variants

    variants.find(names)  # before anything heavy is imported
    session.prepare_flows(session.load_settings())
    from pipelines.flows import retraining

    try:
        report = retraining.retrain(list(names) or None, force)
    except retraining.RetrainingFailed as failure:
        _show_retraining(failure.report, as_json)
        raise
    _show_retraining(report, as_json)


@click.command()
@click.option("--days", default=7.0, show_default=True, help="How far back to look.")
@click.option(
    "--least",
    default=100,
    show_default=True,
    type=click.IntRange(10),
    help="Different images below which nothing is decided.",
)
@as_json
def drift(days: float, least: int, as_json: bool) -> None:
    """Compare recent traffic with known digits; drift starts the scheduled retraining.

    Example: ann drift --days 1
    """
    settings = session.load_settings()
    session.prepare_flows(settings)
    from pipelines.flows import drift as watching

    _show_drift(watching.drift(days, least), settings, as_json)


def _show_retraining(report: retraining.Report, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(report)))
        return
    for verdict, count in report.corrections.items():
        click.echo(f"{count:>6} corrections: {verdict}")
    for refusal in report.refusals:
        click.secho(refusal, fg="yellow")
    for challenger in report.challengers:
        click.echo(challenger.decision or f"{challenger.variant} failed: {challenger.error}")
    if report.status == "nothing new":
        say("no correction is new since the last retraining; --force trains all the same.")
    click.echo(f"{report.model} version {report.champion} is champion.")


def _show_drift(report: watching.Report, settings: Settings, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(report)))
        return
    for name, found in report.findings.items():
        verdict = "DRIFTED" if name in report.drifted else "as before"
        click.echo(
            f"{name:<11} {verdict:<10} change {found['size']:.3f} (matters from {found['least']} "
            f"on), p = {found['p_value']:.2g} (level {found['level']})"
        )
    click.secho(f"{report.verdict}: {report.images} different images", bold=True)
    click.echo(f"Pictures: run {report.run_id} in MLflow's UI, {ui_address(settings)}")
