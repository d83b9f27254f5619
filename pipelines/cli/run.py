"""`ann run` and `ann list`."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli import session
from pipelines.cli.options import (
    FilePath,
    as_json,
    examples,
    set_settings,
    table_file,
    variant_names,
)
from pipelines.cli.printing import print_report
from pipelines.cli.terminal import print_table


@click.command(
    "list", epilog=examples("ann list", "ann list | grep mnist", "ann list --table mine.toml")
)
@table_file
def list_variants(table: Path | None) -> None:
    """List the variants of the lecture's table, by question.

    `ann run`, `compare` and `retrain` take a variant's name; `run` and `compare` also take a
    question's KEY, which is shown in brackets and stands for all of its variants.
    """
    from rich.table import Table
    from rich.text import Text

    from ann_models.questions import QUESTIONS
    from ann_models.selection import select
    from ann_models.variants import VARIANTS

    variants, questions = list(VARIANTS.values()), dict(QUESTIONS)
    if table:
        variants, own = select([], {}, str(table))
        questions |= own
    listed = Table("row", "variant", "what it shows", box=None)
    question = ""
    for variant in sorted(variants, key=lambda v: list(questions).index(v.question)):
        if variant.question != question:
            question = variant.question
            listed.add_section()
            title = questions[question].title, "bold"
            listed.add_row("", "", Text.assemble(title, f"  [{question}]"))
        listed.add_row(str(variant.row or ""), variant.name, variant.look_at)
    print_table(listed)


@click.command(
    epilog=examples(
        "ann run",
        "ann run --quick",
        "ann run neurons",
        "ann run relu_regression_2 --seeds 16",
        "ann run digits accuracy --workers 2",
        "ann run mnist_ann --json",
        "ann run relu_regression_4 --set layers.0.activation=tanh --set epochs=2000",
        "ann run nonlinear_classification --data points.csv",
        "ann run mnist_cnn --images letters=pictures/letters",
        "ann run --table mine.toml",
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
@set_settings
@click.option(
    "--data",
    type=FilePath(dir_okay=False),
    help="A CSV file of points, x1, x2, class or x, y, in place of the variants' data.",
)
@click.option(
    "--images",
    metavar="SET",
    help="Pictures in place of the digits: fashion-mnist, or NAME=PATH of an .npz, a folder of IDX "
    "files, or a folder with a subfolder of pictures for each class.",
)
@table_file
@as_json
def run(
    names: tuple[str, ...],
    quick: bool,
    seeds: int | None,
    workers: int,
    cluster: str | None,
    changes: tuple[str, ...],
    data: str | None,
    images: str | None,
    table: Path | None,
    as_json: bool,
) -> None:
    """Run the lecture, all rows or the named ones: data, training, tracking, gate.

    A NAME is a variant's, or the key of a question, for all of its variants; `ann list` shows
    both. Without a NAME all rows of the lecture run; `ann run accuracy` runs the recipes.
    """
    from ann_models import data_name
    from ann_models.derive import parse_changes
    from ann_models.entry import IMAGES
    from ann_models.selection import select

    own = [] if data is None else [f"data={data_name.of_ones_own(data)}"]
    own += [] if images is None else [f"data={IMAGES}{images}"]
    changed = parse_changes([*changes, *own])
    path = str(table.resolve()) if table else None
    select(names, changed, path)  # before anything heavy is imported
    if cluster and workers > 1:
        raise click.UsageError("--workers starts processes here, --cluster uses others: name one.")
    settings = session.load_settings()
    session.prepare_flows(settings, trains_here=workers == 1 and not cluster)
    from pipelines.flows import lecture

    try:
        report = lecture.lecture(list(names), seeds, quick, workers, cluster, changed or None, path)
    except lecture.VariantsFailed as failure:
        print_report(failure.report, settings, as_json)
        raise
    print_report(report, settings, as_json)
