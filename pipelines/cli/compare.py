"""`ann compare` and `ann leaderboard`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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

    A NAME is a variant's or a question's key, as in `ann run`; of a table of one's own, too.
    """
    from ann_models import variants
    from pipelines.settings import read, ui_address
    from pipelines.tracking.reader import RunReader
    from pipelines.tracking.saved_views import link

    if read().is_new:
        variants.find(names)  # without runs there are no other names, and a typo makes no folder
    settings = session.load_settings_for_reading()
    reader = RunReader(settings)
    runs = reader.newest_by_variant()
    questions = {e.experiment_id: str(e.tags[QUESTION]) for e in reader.experiments()}
    found = _chosen(names, runs, questions)
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
    for experiment in dict.fromkeys(run.info.experiment_id for run in found):
        click.echo(f"{ui_address(settings)}/{link('', experiment, questions[experiment])}")


def _chosen(
    names: Sequence[str], runs: Mapping[str, Run], questions: Mapping[str, str]
) -> list[Run]:
    """The runs of these variants and questions, in the lecture's order; then those of one's own.

    Args:
        names: of variants or questions; none: the lecture's, and all of one's own.
        runs: the newest one by the variant's name.
        questions: their keys, by experiment.

    Raises:
        UnknownName: a name is neither in the lecture nor that of a run or its question.
    """
    from ann_models import variants
    from ann_models.questions import QUESTIONS

    own = {name: run for name, run in runs.items() if name not in variants.VARIANTS}
    lecture = [name for name in names if name in variants.VARIANTS or name in QUESTIONS]
    known = [*variants.VARIANTS, *QUESTIONS, *own, *questions.values()]
    for name in names:
        if name not in known:
            raise variants.unknown(name, known)
    chosen = variants.find(lecture) if lecture or not names else []
    found = [run for variant in chosen for run in _with_copies(variant.name, runs)]
    for name, run in own.items():
        asked = not names and not run.data.tags.get(DERIVED_FROM)
        asked |= name in names or questions[run.info.experiment_id] in names
        if asked and run not in found:
            found.append(run)
    return found


def _with_copies(name: str, runs: Mapping[str, Run]) -> list[Run]:
    """The run of a variant, and those of its changed copies."""
    copies = [run for run in runs.values() if run.data.tags.get(DERIVED_FROM) == name]
    return [runs[name], *copies] if name in runs else copies


def _label(tags: Mapping[str, str]) -> str:
    """The variant's name, and what differs from the row of which it is a changed copy."""
    from ann_models.data_name import short

    changes = ", ".join(f"{key}={short(value)}" for key, value in changes_of(tags).items())
    name, origin = tags["variant"], tags.get(DERIVED_FROM, "")
    if not changes:
        return name
    is_copy = not origin or name.startswith(f"{origin}+")
    return f"{origin or name}, {changes}" if is_copy else f"{name} ({origin}, {changes})"


@click.command(epilog=examples("ann leaderboard", "ann leaderboard --json"))
@as_json
def leaderboard(as_json: bool) -> None:
    """Rank the digit networks: accuracy with its spread, and what it costs.

    The validation digits rank; the test digits report. `ann run accuracy` trains the recipes.
    """
    settings = session.load_settings_for_reading()
    from pipelines.maintenance.leaderboard import ranked
    from pipelines.registry.reader import RegistryReader
    from pipelines.settings import ui_address
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
