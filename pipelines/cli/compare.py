"""`ann compare` and `ann leaderboard`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pipelines.cli import session
from pipelines.cli.options import as_json, examples, variant_names
from pipelines.cli.printing import (
    OFFLINE,
    leaderboard_table,
    metrics_table,
    warn_of_offline_digits,
)
from pipelines.cli.terminal import notify, print_table
from pipelines.settings import ui_address
from pipelines.tracking.tags import DERIVED_FROM, QUESTION, changes_of

if TYPE_CHECKING:
    from mlflow_reader.entities import Run


@click.command(
    epilog=examples(
        "ann compare",
        "ann compare overfitting",
        "ann compare overfit_base overfit_dropout",
        "ann compare digits --json",
    )
)
@variant_names
@as_json
def compare(names: tuple[str, ...], as_json: bool) -> None:
    """Compare the newest run of each variant, and link to MLflow's comparison pages.

    A NAME is a variant's or a question's key, as in `ann run`.
    """
    from ann_models import variants

    chosen = variants.find(names)
    settings = session.load_settings_for_reading()
    from pipelines.tracking.reader import RunReader
    from pipelines.tracking.saved_views import link

    runs = RunReader(settings).newest_by_variant()
    found = [run for variant in chosen for run in _with_copies(variant.name, runs)]
    if as_json:
        rows = [
            {
                "name": run.data.tags["variant"],
                "run_id": run.info.run_id,
                "data": run.data.tags.get("data_source"),
                "metrics": run.data.metrics,
                "derived_from": run.data.tags.get(DERIVED_FROM),
                "changes": changes_of(run.data.tags),
            }
            for run in found
        ]
        click.echo(json.dumps(rows))
        return
    if not found:
        notify("no finished runs yet; `ann run` makes them.")
        return
    offline = {run.info.run_id for run in found if run.data.tags.get("data_source") == OFFLINE}
    print_table(
        metrics_table(
            (
                _label(run.data.tags),
                run.data.metrics,
                "OFFLINE" if run.info.run_id in offline else "",
            )
            for run in found
        )
    )
    if offline:
        warn_of_offline_digits()
    pages = {
        v.question: _with_copies(v.name, runs)[0] for v in chosen if _with_copies(v.name, runs)
    }
    for question, run in pages.items():
        click.echo(f"{ui_address(settings)}/{link('', run.info.experiment_id, question)}")


def _with_copies(name: str, runs: Mapping[str, Run]) -> list[Run]:
    """The run of a variant, and those of its changed copies."""
    copies = [run for run in runs.values() if run.data.tags.get(DERIVED_FROM) == name]
    return [runs[name], *copies] if name in runs else copies


def _label(tags: Mapping[str, str]) -> str:
    """The variant's name; of a changed copy, what differs."""
    changes = ", ".join(f"{key}={value}" for key, value in changes_of(tags).items())
    name = tags["variant"]
    return f"{tags.get(DERIVED_FROM, name)}, {changes}" if changes else name


@click.command(epilog=examples("ann leaderboard", "ann leaderboard --json"))
@as_json
def leaderboard(as_json: bool) -> None:
    """Rank the digit networks: accuracy with its spread, and what it costs.

    The validation digits rank; the test digits report. `ann run accuracy` trains the recipes.
    """
    settings = session.load_settings_for_reading()
    from pipelines.maintenance.leaderboard import ranked
    from pipelines.registry.reader import RegistryReader
    from pipelines.tracking.reader import RunReader
    from pipelines.tracking.saved_views import link

    runs = RunReader(settings)
    entries = ranked(runs, RegistryReader(settings.tracking_uri))
    if as_json:
        click.echo(json.dumps([asdict(entry) for entry in entries]))
        return
    if not entries:
        notify("no digit network is trained yet; `ann run digits accuracy` trains them.")
        return
    print_table(leaderboard_table(entries))
    if any(entry.data == OFFLINE for entry in entries):
        warn_of_offline_digits()
    page = next((e for e in runs.experiments() if e.tags[QUESTION] == "accuracy"), None)
    if page:
        address = link("", page.experiment_id, "accuracy")
        click.echo(f"The errors that remain, as pictures: {ui_address(settings)}/{address}")
