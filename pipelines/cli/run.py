"""`ann run` and `ann list`."""

from __future__ import annotations

import click

from pipelines.cli import session
from pipelines.cli.options import as_json, examples, variant_names
from pipelines.cli.printing import print_report
from pipelines.cli.terminal import print_table


@click.command("list", epilog=examples("ann list", "ann list | grep mnist"))
def list_variants() -> None:
    """List the variants of the lecture's table, by question.

    `ann run`, `compare` and `retrain` take a variant's name; `run` and `compare` also take a
    question's KEY, which is shown in brackets and stands for all of its variants.
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
            table.add_row("", "", rf"[bold]{QUESTIONS[question].title}[/]  \[{question}]")
        table.add_row(str(variant.row), variant.name, variant.look_at)
    print_table(table)


@click.command(
    epilog=examples(
        "ann run",
        "ann run --quick",
        "ann run neurons",
        "ann run relu_regression_2 --seeds 16",
        "ann run digits accuracy --workers 2",
        "ann run mnist_ann --json",
        "ann run --cluster tcp://scheduler:8786",
    )
)
@variant_names
@click.option("--quick", is_flag=True, help="Shorten every row; its numbers are not results.")
@click.option("--seeds", type=click.IntRange(1, 100), help="Initialisations of each variant.")
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 256),
    help="Processes that share the variants; 1 runs one variant after the other.",
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

    A NAME is a variant's, or the key of a question, for all of its variants; `ann list` shows
    both. Without a NAME all rows of the lecture run; `ann run accuracy` runs the recipes.
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
        print_report(failure.report, settings, as_json)
        raise
    print_report(report, settings, as_json)
