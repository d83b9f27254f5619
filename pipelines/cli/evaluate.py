"""`ann evaluate`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli import session
from pipelines.cli.options import FilePath, as_json, examples
from pipelines.cli.terminal import notify

if TYPE_CHECKING:
    from pipelines.evaluation.evaluate import Outcome
    from pipelines.registry.client import Registry
    from pipelines.registry.versions import Version

FAULTS_SHOWN = 10


@click.command(
    epilog=examples(
        "ann evaluate photos/", "ann evaluate own.npz --version 3", "ann evaluate test.csv --json"
    )
)
@click.argument("pictures", type=FilePath(path_type=Path))
@click.option(
    "--name", default=None, help="A registered digit model. Default: the one that serves."
)
@click.option(
    "--version", "number", default=None, help="A version's number. Default: the champion."
)
@click.option("--run", "run_id", default=None, help="The version that this run registered.")
@as_json
def evaluate(
    pictures: Path, name: str | None, number: str | None, run_id: str | None, as_json: bool
) -> None:
    """Evaluate the champion, a version or a run on your own labelled pictures.

    PICTURES is a folder with a subfolder for each digit (and `none` for what is no digit; a
    subfolder in it names the writer), an .npz, an IDX file, a CSV as Kaggle's, or pen strokes in
    UNIPEN's form. Digit models alone are evaluated; the run of a model of other pictures has its
    test pictures and their confusion matrix. The outcome is logged to MLflow, so that versions can
    be compared.
    """
    settings = session.load_settings_with_runs()
    from pipelines.errors import WrongUse
    from pipelines.evaluation import labelled
    from pipelines.evaluation.evaluate import evaluate as evaluate_version
    from pipelines.registry.client import Registry
    from pipelines.tracking.client import Tracking

    tracking = Tracking(settings).open()
    registry = Registry(settings.tracking_uri, settings.home)
    version = _version(registry, name, number, run_id)
    if entry := registry.data_sets.find(version.name):
        raise WrongUse(
            f"{version.name} reads {', '.join(entry.classes[:5])}…, not digits, and pictures are "
            "evaluated for digit models alone; its run has its test pictures and their confusion "
            "matrix."
        )
    found = labelled.read(pictures)
    outcome = evaluate_version(
        registry.artifacts.onnx_bytes(version), version, found, pictures.resolve().name, tracking
    )
    if as_json:
        click.echo(json.dumps(asdict(outcome)))
    else:
        _show(outcome)


def _version(
    registry: Registry, name: str | None, number: str | None, run_id: str | None
) -> Version:
    from pipelines.errors import WrongUse
    from pipelines.registry.client import MODEL_NAMES

    names = list(MODEL_NAMES.values()) if name is None else [name]
    if number is not None and run_id is not None:
        raise WrongUse("--version and --run both name a version; give one of them.")
    for each in names:
        if run_id is not None:
            versions = registry.versions(each) if run_id else []  # every id begins with ""
            if of_run := [v for v in versions if v.run_id.startswith(run_id)]:
                return of_run[0]
        elif number is not None:
            if any(version.number == number for version in registry.versions(each)):
                return registry.version(each, number)
        elif champion := registry.champion(each):
            return champion
    wanted = "champion" if number is None else f"version {number!r}"
    if run_id is not None:
        wanted = f"version of run {run_id!r}"
    where = " or ".join(names) or repr(name)
    raise WrongUse(f"there is no {wanted} of {where}; see `ann models`.")


def _show(outcome: Outcome) -> None:
    for fault in outcome.faults[:FAULTS_SHOWN]:
        notify(fault)
    if (more := len(outcome.faults) - FAULTS_SHOWN) > 0:
        notify(f"… and {more} more that cannot be read.")
    if outcome.accuracy is not None:
        click.echo(
            f"{outcome.digits} digits: {outcome.accuracy:.2%} read correctly "
            f"(95 % interval {outcome.low:.2%} to {outcome.high:.2%}), "
            f"{outcome.wrong_unmarked:.2%} wrong and not marked, {outcome.marked:.2%} marked."
        )
    if outcome.non_digits_marked is not None:
        click.echo(
            f"{outcome.non_digits} pictures of no digit: {outcome.non_digits_marked:.2%} marked."
        )
    for title, groups in (("digit", outcome.by_class), ("writer", outcome.by_writer)):
        for group, (count, right) in groups.items():
            click.echo(f"  {title} {group}: {right} of {count} ({right / count:.1%})")
    click.echo(
        f"evaluated {outcome.model} version {outcome.version}; confusion matrix and errors are in "
        f"MLflow's run {outcome.run_id} (`ann ui`)."
    )
