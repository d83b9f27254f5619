"""The command `ann`: parses, calls, prints. What it calls is imported when it is needed."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.cli import benchmark
from pipelines.cli import session
from pipelines.cli.printing import (
    as_json,
    leaderboard_table,
    metrics_table,
    print_table,
    say,
    show_report,
    show_versions,
    ui_address,
)
from pipelines.cli.prune import prune
from pipelines.cli.retrain import drift, retrain
from pipelines.cli.schedule import schedule
from pipelines.cli.transfer import export_run, import_run
from pipelines.cli.up import start, status
from serving.cli import serve

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipelines.settings import Settings
    from serving.model.loaded_model import Champion

DONE, FAILED, WRONG_USE = 0, 1, 2


class Commands(click.Group):
    """The group of commands; every known error ends as one sentence and an exit code."""

    def invoke(self, context: click.Context) -> Any:
        """Run a command, and turn its errors into sentences."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what was started, too
        try:
            return super().invoke(context)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            say("interrupted; a run at work is marked KILLED, what is finished is kept.")
            sys.exit(FAILED)
        except Exception as error:
            sys.exit(_explain(error))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ann-pipelines", prog_name="ann")
def main() -> None:
    """Train, compare, gate and serve every network of an artificial-neural-networks lecture."""


@main.command("list")
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


@main.command()
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
    settings = session.open_state()
    session.ready_for_flows(settings, trains_here=workers == 1 and not cluster)
    from pipelines.flows import lecture

    try:
        report = lecture.lecture(list(names), seeds, quick, workers, cluster)
    except lecture.VariantsFailed as failure:
        show_report(failure.report, settings, as_json)
        raise
    show_report(report, settings, as_json)


@main.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@as_json
def predict(files: tuple[Path, ...], as_json: bool) -> None:
    """Read the digit in each image file with the champion.

    Example: ann predict seven.png
    """
    settings = session.open_state()
    digits = [_digit(file) for file in files]
    model = _champion(settings)
    answers: list[dict[str, Any]] = []
    for file, digit in zip(files, digits, strict=True):
        probabilities = model.predict(digit[None])[0]
        answers.append(
            {
                "file": str(file),
                "digit": int(probabilities.argmax()),
                "probabilities": [round(float(p), 6) for p in probabilities],
                "model": model.name,
                "version": model.version,
                "data": model.data,
            }
        )
    if as_json:
        click.echo(json.dumps(answers))
        return
    for answer in answers:
        click.echo(f"{answer['file']}: {answer['digit']}  ({max(answer['probabilities']):.1%})")
    click.echo(f"answered by {model.name} version {model.version}, trained on {model.data}")


@main.command("compare")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@as_json
def compare_runs(names: tuple[str, ...], as_json: bool) -> None:
    """Show the newest run of each variant side by side, and where MLflow's UI compares them.

    Example: ann compare overfit_base overfit_dropout
    """
    from ann_models import variants

    chosen = variants.find(names)
    settings = session.open_state()
    from pipelines.tracking import views
    from pipelines.tracking.client import Tracking

    tracking = Tracking(settings)
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


@main.command()
@as_json
def leaderboard(as_json: bool) -> None:
    """Rank the digit networks: accuracy with its spread, and what it costs.

    The validation digits rank; the test digits report. `ann run accuracy` trains the recipes.

    Example: ann leaderboard
    """
    settings = session.open_state()
    from pipelines.maintenance.leaderboard import standings
    from pipelines.registry.client import Registry
    from pipelines.tracking import views
    from pipelines.tracking.client import Tracking

    tracking = Tracking(settings)
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


@main.group(invoke_without_command=True)
@click.option("--name", default="mnist-digits", show_default=True, help="The registered model.")
@as_json
@click.pass_context
def models(context: click.Context, name: str, as_json: bool) -> None:
    """List every registered version with the gate's decision and reasons, newest first.

    Example: ann models
    """
    settings = session.open_state()
    from pipelines.registry.client import Registry
    from pipelines.tracking.client import Tracking

    Tracking(settings)  # says so if the server is away
    context.obj = Registry(settings.tracking_uri, settings.home), name
    if context.invoked_subcommand is None:
        show_versions(name, context.obj[0].versions(name), as_json)


@models.command()
@click.argument("version")
@click.option("--reason", required=True, help="Why the gate is overruled; goes on record.")
@click.pass_obj
def promote(registry_and_name: tuple[Any, str], version: str, reason: str) -> None:
    """Make a version champion whatever the gate said.

    Example: ann models promote 3 --reason "smaller, for the old phones"
    """
    registry, name = registry_and_name
    registry.promote(registry.version(name, version), reason)
    click.echo(f"{name} version {version} is champion now.")


@models.command()
@click.pass_obj
def rollback(registry_and_name: tuple[Any, str]) -> None:
    """Make the previous champion champion again.

    Example: ann models rollback
    """
    registry, name = registry_and_name
    click.echo(f"{name} version {registry.rollback(name).number} is champion again.")


@main.command()
@as_json
def doctor(as_json: bool) -> None:
    """Say what is found, what is missing and what to do; mend a moved state folder.

    Example: ann doctor
    """
    settings = session.open_state()
    from pipelines.maintenance.doctor import examine

    findings = examine(settings)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            mark = click.style("✓", fg="green") if finding.well else click.style("✗", fg="red")
            click.echo(f"{mark} {finding.subject}: {finding.sentence}")
    if not all(finding.well for finding in findings):
        sys.exit(FAILED)


@main.command()
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535))
def ui(port: int) -> None:
    """Open MLflow's pages on the embedded store, on this machine only.

    Example: ann ui
    """
    settings = session.open_state()
    from pipelines.local.mlflow_ui import serve

    serve(settings, port)


main.add_command(benchmark)
main.add_command(serve)
main.add_command(start)
main.add_command(retrain)
main.add_command(drift)
main.add_command(status)
main.add_command(schedule)
main.add_command(prune)
main.add_command(export_run)
main.add_command(import_run)


# --- what the commands share ----------------------------------------------------------------------


def _champion(settings: Settings) -> Champion:
    from serving.errors import NoChampion
    from serving.model.loaded_model import fetch

    try:
        return fetch(settings.tracking_uri, "mnist-digits", "champion", settings.home)
    except NoChampion as missing:
        try:
            model = fetch(settings.tracking_uri, "offline-digits", "champion", settings.home)
        except NoChampion:
            raise missing from None
    say("no MNIST champion: a model trained on the OFFLINE DIGITS answers.")
    return model


def _digit(file: Path) -> NDArray[np.float32]:
    from pipelines.errors import WrongUse
    from serving.errors import InvalidImage
    from serving.images import to_digit

    try:
        return to_digit(file.read_bytes())
    except OSError as error:
        raise WrongUse(f"{file} cannot be read: {error.strerror}.") from error
    except InvalidImage as error:
        raise WrongUse(f"{file}: {error}") from error


def _explain(error: Exception) -> int:
    """Print one sentence, keep the traceback in the log, choose the exit code."""
    from ann_models.errors import AnnError, UnknownName
    from pipelines.errors import PipelineError, WrongUse, in_a_sentence, translate
    from serving.errors import ServingError

    cause = translate(error)
    say(in_a_sentence(cause))
    if isinstance(cause, UnknownName | WrongUse):
        return WRONG_USE
    log = _keep_traceback(error)
    if log and not isinstance(cause, AnnError | PipelineError | ServingError):
        say(f"nobody foresaw this; the traceback is in {log}")
    return FAILED


def _keep_traceback(error: Exception) -> Path | None:
    import traceback

    from pipelines.home import state_folder

    log = state_folder() / "ann.log"
    try:
        with log.open("a") as file:
            file.writelines(traceback.format_exception(error))
    except OSError:
        return None  # the folder is what is wrong, and the sentence says so
    return log
