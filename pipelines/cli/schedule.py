"""`ann schedule`: parses, calls, prints."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli import session
from pipelines.cli.durations import Duration
from pipelines.cli.printing import as_json, print_table, say

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

    from pipelines.scheduling.schedules import Scheduled


def _parameters(context: Any, option: Any, values: tuple[str, ...]) -> dict[str, Any]:
    """KEY=VALUE pairs; a value that is JSON is read as such."""
    parameters = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"{text!r} is no KEY=VALUE.")
        try:
            parameters[key.strip()] = json.loads(value)
        except ValueError:
            parameters[key.strip()] = value
    return parameters


cron = click.option("--cron", help="Minute, hour, day, month, day of the week: '30 4 * * *'.")
every = click.option("--every", type=Duration(), help="The time between runs: 90m, 6h, 1d.")
timezone = click.option("--timezone", help="Of --cron, such as Europe/Berlin; else this machine's.")
parameters = click.option(
    "--param",
    "parameters",
    multiple=True,
    metavar="KEY=VALUE",
    callback=_parameters,
    help="A parameter of the flow, in JSON: names='[\"mnist_ann\"]'. Can be repeated.",
)
when_busy = click.option(
    "--when-busy",
    "busy",
    type=click.Choice(["cancel", "wait"]),
    help="What becomes of a run that is due while the one before is at work.",
)


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def schedule(context: click.Context, as_json: bool) -> None:
    """List the schedules; `ann up` runs them.

    Example: ann schedule
    """
    if context.invoked_subcommand is None:
        from pipelines.scheduling import schedules

        found = _on_the_server(schedules.listed)
        if as_json:
            click.echo(json.dumps([asdict(s) for s in found], default=str))
        else:
            _show(found)


@schedule.command()
@click.argument("name")
@click.option("--flow", default="lecture", show_default=True, help="What is run.")
@cron
@every
@timezone
@parameters
@when_busy
def add(
    name: str,
    flow: str,
    cron: str | None,
    every: timedelta | None,
    timezone: str | None,
    parameters: dict[str, Any],
    busy: str | None,
) -> None:
    """Add a schedule.

    Example: ann schedule add neurons --every 6h --param names='["neurons"]'
    """
    from pipelines.scheduling.deployments import Plan, create

    plan = Plan(name, flow, cron, every, timezone, parameters, busy or "cancel")
    _on_the_server(lambda client: create(client, plan))
    click.echo(f"{name} is added.")


@schedule.command()
@click.argument("name")
@cron
@every
@timezone
@parameters
@when_busy
def change(
    name: str,
    cron: str | None,
    every: timedelta | None,
    timezone: str | None,
    parameters: dict[str, Any],
    busy: str | None,
) -> None:
    """Change when a schedule runs, with what, or what happens when it is busy.

    Example: ann schedule change digits --cron "0 6 * * 1-5" --timezone Europe/Berlin
    """
    if not (cron or every or timezone or parameters or busy):
        raise click.UsageError("say what is to change: --cron, --every, --timezone, --param …")
    from pipelines.scheduling import schedules

    _on_the_server(
        lambda client: schedules.change(
            client,
            name,
            cron=cron,
            every=every,
            timezone=timezone,
            parameters=parameters,
            busy=busy,
        )
    )
    click.echo(f"{name} is changed.")


@schedule.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove a schedule; its runs stay.

    Example: ann schedule remove lecture
    """
    from pipelines.scheduling import schedules

    _on_the_server(lambda client: schedules.remove(client, name))
    click.echo(f"{name} is removed.")


@schedule.command()
@click.argument("name")
def pause(name: str) -> None:
    """Start no more runs of a schedule until it is resumed.

    Example: ann schedule pause digits
    """
    from pipelines.scheduling import schedules

    _on_the_server(lambda client: schedules.pause(client, name))
    click.echo(f"{name} is paused; `ann schedule resume {name}` goes on.")


@schedule.command()
@click.argument("name")
def resume(name: str) -> None:
    """Go on with a paused schedule; what was due meanwhile is not made up.

    Example: ann schedule resume digits
    """
    from pipelines.scheduling import schedules

    _on_the_server(lambda client: schedules.resume(client, name))
    click.echo(f"{name} goes on.")


@schedule.command()
@click.argument("name")
@parameters
@click.option("--wait", is_flag=True, help="Until the run has ended; exit code 1 if it failed.")
@click.pass_context
def trigger(context: click.Context, name: str, parameters: dict[str, Any], wait: bool) -> None:
    """Run a schedule now, with parameters changed for this once.

    Example: ann schedule trigger digits --param quick=true --wait
    """
    from pipelines.scheduling import schedules

    def start(client: SyncPrefectClient) -> bool:
        run = schedules.trigger(client, name, parameters)
        asked = os.environ["PREFECT_API_URL"].rstrip("/").removesuffix("/api")
        page = os.environ.get("PREFECT_UI_URL", asked).rstrip("/")
        click.echo(f"{name} is started: {page}/runs/flow-run/{run.id}")
        while wait and not (run.state and run.state.is_final()):
            time.sleep(1)
            run = client.read_flow_run(run.id)
        if wait and run.state:
            click.echo(f"{run.name}: {run.state.name}. {run.state.message or ''}".rstrip())
        return not wait or bool(run.state and run.state.is_completed())

    if not _on_the_server(start, needs_up=True):
        context.exit(1)


def _on_the_server(call: Callable[[SyncPrefectClient], Any], needs_up: bool = False) -> Any:
    """Call with a client of the Prefect server that keeps the schedules."""
    from pipelines.errors import WrongUse
    from pipelines.local import status

    loaded = session.load_settings()
    if needs_up and not loaded.prefect_api_url and not status.prefect_beside(loaded):
        raise WrongUse("nothing runs that could start it; start `ann up` first.")
    if not status.reach_prefect(loaded):
        say("`ann up` does not run; looking into its database.")
    from pipelines.scheduling import deployments

    with deployments.connected() as client:
        return call(client)


def _show(found: list[Scheduled]) -> None:
    from rich.table import Table

    if not found:
        say("no schedules; `ann schedule add` makes one, and the first `ann up` the usual ones.")
        return
    table = Table("schedule", "flow", "when", "next run", "last run", "with", box=None)
    for item in found:
        due = item.next_run.astimezone().strftime("%a %d %b %H:%M") if item.next_run else "–"
        settings = " ".join(f"{k}={json.dumps(v)}" for k, v in item.parameters.items())
        table.add_row(
            item.name,
            item.flow,
            f"{item.when} ({item.timezone})",
            "paused" if item.paused else due,
            item.last_state or "–",
            settings,
        )
    print_table(table)
