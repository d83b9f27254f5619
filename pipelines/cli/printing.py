"""What the commands print for a person."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pipelines.cli.terminal import print_table

if TYPE_CHECKING:
    from rich.table import Table

    from pipelines.flows.report import JobReport
    from pipelines.maintenance.leaderboard import LeaderboardEntry
    from pipelines.registry.versions import Version
    from pipelines.settings import Settings

OFFLINE = "offline-digits"  # the source of digits that stand in for MNIST's, and their model


def warn_of_offline_digits() -> None:
    """Say that the numbers are not MNIST's."""
    click.secho("OFFLINE DIGITS: not MNIST; do not compare with MNIST's numbers.", fg="yellow")


def metrics_table(rows: Iterable[tuple[str, Mapping[str, float], str]]) -> Table:
    """The numbers that most rows have, and a remark on each."""
    from rich.table import Table

    from ann_models.evaluation import deviation

    heads = "variant", "training loss", "±", "val. acc.", "test acc.", "s", ""
    table = Table(*heads, box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name, metrics, remark in rows:
        table.add_row(
            name,
            _number(metrics, "final_train_loss", "{:.3g}"),
            "" if (spread := deviation(metrics, "final_train_loss")) is None else f"{spread:.2g}",
            _number(metrics, "val_accuracy", "{:.2%}"),
            _number(metrics, "test_accuracy", "{:.2%}"),
            _number(metrics, "train_seconds", "{:.1f}"),
            remark,
        )
    return table


def leaderboard_table(entries: Iterable[LeaderboardEntry]) -> Table:
    """Accuracy, errors on the test digits, what a seed costs, other hands and non-digits."""
    from rich.table import Table

    heads = ["variant", "seeds", "val.", "test", "±", "errors", "weights", "s", "ms", "ECE"]
    heads += ["robust", "hands", "none"]
    table = Table(*heads, box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for entry in entries:
        row = asdict(entry)
        errors = entry.test_images * (1 - entry.test_accuracy_mean)
        table.add_row(
            entry.name,
            str(entry.seeds),
            f"{entry.val_accuracy_mean:.2%}",
            f"{entry.test_accuracy_mean:.2%}",
            _number(row, "test_accuracy_std", "{:.2%}"),
            f"{errors:.0f}" + (f"/{entry.test_images} OFFLINE" if entry.data == OFFLINE else ""),
            f"{entry.parameters / 1000:,.0f} k",
            f"{entry.train_seconds:.0f}",
            _number(row, "onnx_ms", "{:.3f}"),
            f"{entry.ece:.2%}",
            _number(row, "robustness", "{:.1%}"),
            _number(row, "hands_accuracy_mean", "{:.1%}"),
            _number(row, "non_digits_marked", "{:.1%}"),
        )
    return table


def _number(metrics: Mapping[str, float], name: str, form: str) -> str:
    return form.format(metrics[name]) if metrics.get(name) is not None else ""


def print_report(report: JobReport, settings: Settings, as_json: bool) -> None:
    """How a job ended: its rows, the gate's decisions, the pages that compare them."""
    from pipelines.settings import ui_address

    if as_json:
        document = {
            "pipeline_run_id": report.pipeline_run_id,
            "data": report.data,
            "rows": [asdict(row) for row in report.rows],
            "champion": report.champion,
        }
        click.echo(json.dumps(document))
        return
    failed = {row.name: row.error for row in report.rows if row.error}
    print_table(
        metrics_table((r.name, r.metrics, "FAILED" if r.error else "") for r in report.rows)
    )
    for name, error in failed.items():
        click.secho(f"{name}: {error}", fg="red")
    if report.quick:
        click.secho("A quick look: these numbers are NOT results.", fg="yellow")
    for decision in report.decisions:
        click.echo(decision)
    if report.data == OFFLINE:
        click.secho("The digits are the OFFLINE DIGITS, not MNIST.", fg="yellow")
    click.echo(
        "\nCompare in MLflow's UI" + (" (start it with `ann ui`):" if settings.embedded else ":")
    )
    for page in report.views.values():
        click.echo(f"  {ui_address(settings)}/{page}")
    if report.champion:
        click.echo(_next_steps(report.champion["name"]))


def _next_steps(model: str) -> str:
    from pipelines.registry.reader import MODEL_NAMES

    if model in MODEL_NAMES.values():
        return "Next: `ann up`, and draw a digit · `ann predict FILE.png` · `ann models`"
    return (
        f"Next: `ann up`, and choose {model} on the digit service's page · "
        f"`ann predict --model {model} FILE.png` · `ann models --name {model}`"
    )


def print_version(version: Version) -> None:
    """A registered version, the gate's decision and reasons."""
    aliases = f" [{', '.join(version.aliases)}]" if version.aliases else ""
    form = f"{{:.2%}} of the validation {version.examples}"
    accuracy = _number(version.metrics, "val_accuracy", form)
    click.secho(f"{version.name} version {version.number}{aliases}", bold=True)
    decision = ", ".join(filter(None, [version.decision, accuracy]))
    click.echo(f"  {version.tags.get('variant', '')}: {decision}")
    for reason in version.reasons:
        click.echo(f"    {reason}")
    if "shadow" in version.tags:
        click.echo(f"    shadow mode: {version.tags['shadow']}")
    if "imported_version" in version.tags:
        there = version.tags.get("origin_decision", "undecided")
        click.echo(f"    imported: {version.tags['imported_version']}, {there} there")
    if "forced_reason" in version.tags:
        click.echo(f"    forced: {version.tags['forced_reason']}")
