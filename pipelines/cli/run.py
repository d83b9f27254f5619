"""`ann run` and `ann list`."""

from __future__ import annotations

import click

from pipelines.cli import session
from pipelines.cli.printing import as_json, print_table, show_report


@click.command("list")
def list_variants() -> None:
    """List the variants of the lecture's table.

    Example: ann list
    """
    from rich.table import Table

    from ann_models.questions import QUESTIONS
    from ann_models.variants import VARIANTS

    table = Table("row", "variant", "what it shows", box=None)
    question = ""
    for variant in VARIANTS.values():
        if variant.question != question:
            question = variant.question
            table.add_section()
            table.add_row("", "", f"[bold]{QUESTIONS[question].title}")
        table.add_row(str(variant.row), variant.name, variant.look_at)
    print_table(table)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--quick", is_flag=True, help="Shorten every row; its numbers are not results.")
@click.option("--seeds", type=click.IntRange(1, 100), help="Initialisations of each variant.")
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 256),
    help="Processes that share the variants; for one variant after the other: 1.",
)
@click.option("--cluster", metavar="ADDRESS", help="A Dask scheduler whose workers share them.")
@as_json
def run(
    names: tuple[str, ...],
    quick: bool,
    seeds: int | None,
    workers: int,
    cluster: str | None,
    as_json: bool,
) -> None:
    """Run the lecture, all rows or the named ones: data, training, tracking, gate.

    Example: ann run relu_regression_2 --seeds 16
    """
    from ann_models import variants

    variants.find(names)  # before anything heavy is imported
    if cluster and workers > 1:
        raise click.UsageError("--workers starts processes here, --cluster uses others: name one.")
    settings = session.load_settings()
    session.prepare_flows(settings, trains_here=workers == 1 and not cluster)
    from pipelines.flows import lecture

    try:
        report = lecture.lecture(list(names), seeds, quick, workers, cluster)
    except lecture.VariantsFailed as failure:
        show_report(failure.report, settings, as_json)
        raise
    show_report(report, settings, as_json)
