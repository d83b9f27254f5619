"""`ann retrain` and `ann drift`: the flows that schedules run, on demand."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pipelines.cli import session
from pipelines.cli.options import PositiveNumber, as_json, examples, registered_model, variant_names
from pipelines.cli.terminal import notify

if TYPE_CHECKING:
    from pipelines.flows import drift as drift_flow
    from pipelines.flows import retraining
    from pipelines.settings import Settings


@click.command(
    epilog=examples(
        "ann retrain",
        "ann retrain mnist_cnn",
        "ann retrain --force --json",
        "ann retrain --model letters",
    )
)
@variant_names
@click.option("--force", is_flag=True, help="Train even if no correction is new.")
@registered_model
@as_json
def retrain(names: tuple[str, ...], force: bool, model: str | None, as_json: bool) -> None:
    """Train a challenger with the corrections; the gate decides, the digit service follows.

    NAME is a variant of the digit networks; without one it is the champion's variant.
    """
    from ann_models import variants

    variants.find(names)  # before anything heavy is imported
    session.prepare_flows(session.load_settings_with_runs())
    from pipelines.flows import retraining

    try:
        report = retraining.retrain(list(names) or None, force, model)
    except retraining.RetrainingFailed as failure:
        _print_retraining(failure.report, as_json)
        raise
    _print_retraining(report, as_json)


@click.command(epilog=examples("ann drift", "ann drift --days 1", "ann drift --least 500 --json"))
@click.option(
    "--days",
    default=7.0,
    show_default=True,
    type=PositiveNumber(36_500),
    help="How far back requests count, in days.",
)
@click.option(
    "--least",
    default=100,
    show_default=True,
    type=click.IntRange(10, 1000),
    help="Different images below which nothing is decided.",
)
@registered_model
@as_json
def drift(days: float, least: int, model: str | None, as_json: bool) -> None:
    """Compare recent requests with known digits; drift starts the scheduled retraining."""
    settings = session.load_settings_with_runs()
    session.prepare_flows(settings)
    from pipelines.flows import drift as drift_flow

    _print_drift(drift_flow.drift(days, least, model), settings, as_json)


def _print_retraining(report: retraining.RetrainingReport, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(report)))
        return
    for verdict, count in report.corrections.items():
        click.echo(f"{count:>6} correction{'' if count == 1 else 's'}: {verdict}")
    for refusal in report.refusals:
        click.secho(refusal, fg="yellow")
    for challenger in report.challengers:
        click.echo(challenger.decision or f"{challenger.variant} failed: {challenger.error}")
    if report.status == "nothing new":
        notify(f"{report.reason}; --force trains all the same.")
    click.echo(f"{report.model} version {report.champion} is champion.")


def _print_drift(report: drift_flow.DriftReport, settings: Settings, as_json: bool) -> None:
    from pipelines.settings import ui_address

    if as_json:
        click.echo(json.dumps(asdict(report)))
        return
    for name, found in report.findings.items():
        verdict = "DRIFTED" if name in report.drifted else "no drift"
        click.echo(
            f"{name:<11} {verdict:<10} change {found['size']:.3f} (matters from {found['least']} "
            f"on), p = {found['p_value']:.2g} (level {found['level']})"
        )
    click.secho(f"{report.verdict}: {report.images} different images", bold=True)
    click.echo(f"Pictures: run {report.run_id} in MLflow's UI, {ui_address(settings)}")
