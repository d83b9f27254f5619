"""`ann schedule`: parses, calls, prints. Prefect is imported once its server's address is set."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli import session
from pipelines.cli.errors import FAILED
from pipelines.cli.options import Duration, as_json, examples
from pipelines.cli.terminal import notify, print_table
from pipelines.scheduling.work_pool import FLOWS
from serving.credentials import bare_address

if TYPE_CHECKING:
    from pipelines.scheduling.schedules import Schedule


def _parameters(context: Any, option: Any, values: tuple[str, ...]) -> dict[str, Any]:
    """KEY=VALUE pairs; a value that is JSON is read as such."""
    parameters = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"{text!r} is not KEY=VALUE.")
        try:
            parameters[key.strip()] = json.loads(value)
        except ValueError:
            parameters[key.strip()] = value
    return parameters


cron = click.option("--cron", help="Minute, hour, day, month, day of the week: '30 4 * * *'.")
every = click.option("--every", type=Duration(), help="The time between runs: 90m, 6h, 1d.")
timezone = click.option(
    "--timezone", help="Time zone of --cron, such as Europe/Berlin; by default this machine's."
)
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
    type=click.Choice(["cancel", "wait"]),
    help="What happens to a run that is due while the one before is active.",
)


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "ann schedule",
        "ann schedule --json",
        "ann schedule add neurons --every 6h",
        "ann schedule trigger digits --wait",
    ),
)
@as_json
@click.pass_context
def schedule(context: click.Context, as_json: bool) -> None:
    """List the schedules; `ann up` runs them."""
    if context.invoked_subcommand is None:
        with session.prefect() as client:
            from pipelines.scheduling import schedules

            found = schedules.list_schedules(client)
        if as_json:
            click.echo(json.dumps([asdict(each) for each in found], default=str))
        else:
            _print(found)


@schedule.command(
    epilog=examples(
        "ann schedule add neurons --every 6h --param names='[\"neurons\"]'",
        "ann schedule add nightly --cron '30 2 * * *' --timezone Europe/Berlin",
        "ann schedule add quick --every 1d --param quick=true --when-busy wait",
        "ann schedule add weekly-drift --flow drift --cron '0 6 * * 1' --param days=7",
    )
)
@click.argument("name")
@click.option(
    "--flow",
    default="lecture",
    show_default=True,
    type=click.Choice(list(FLOWS)),
    help="The flow that is run.",
)
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
    when_busy: str | None,
) -> None:
    """Add a schedule, with --cron or --every."""
    with session.prefect() as client:
        from pipelines.home import state_folder
        from pipelines.locks import exclusive_lock
        from pipelines.scheduling.deployments import ScheduleSpec, create

        spec = ScheduleSpec(name, flow, cron, every, timezone, parameters, when_busy or "cancel")
        with exclusive_lock(state_folder() / "schedules.lock"):  # Prefect would overwrite a twin
            create(client, spec)
    click.echo(f"{name} is added.")


@schedule.command(
    epilog=examples(
        "ann schedule change digits --cron '0 6 * * 1-5'",
        "ann schedule change digits --timezone Europe/Berlin",
        "ann schedule change drift --every 2h --when-busy wait",
    )
)
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
    when_busy: str | None,
) -> None:
    """Change when a schedule runs, with what, or what happens when it is busy."""
    if not (parameters or when_busy) and (cron, every, timezone) == (None, None, None):
        raise click.UsageError("name what is to change: --cron, --every, --timezone, --param …")
    with session.prefect() as client:
        from pipelines.scheduling import schedules

        schedules.change(
            client,
            name,
            cron=cron,
            every=every,
            timezone=timezone,
            parameters=parameters,
            when_busy=when_busy,
        )
    click.echo(f"{name} is changed.")


@schedule.command(epilog=examples("ann schedule remove lecture"))
@click.argument("name")
def remove(name: str) -> None:
    """Remove a schedule; its runs are kept."""
    with session.prefect() as client:
        from pipelines.scheduling import schedules

        schedules.remove(client, name)
    click.echo(f"{name} is removed.")


@schedule.command(epilog=examples("ann schedule pause digits"))
@click.argument("name")
def pause(name: str) -> None:
    """Start no more runs of a schedule until it is resumed."""
    with session.prefect() as client:
        from pipelines.scheduling import schedules

        schedules.pause(client, name)
    click.echo(f"{name} is paused; `ann schedule resume {name}` resumes it.")


@schedule.command(epilog=examples("ann schedule resume digits"))
@click.argument("name")
def resume(name: str) -> None:
    """Resume a paused schedule; runs that were due meanwhile are not run later."""
    with session.prefect() as client:
        from pipelines.scheduling import schedules

        schedules.resume(client, name)
    click.echo(f"{name} is resumed.")


@schedule.command(
    epilog=examples(
        "ann schedule trigger digits",
        "ann schedule trigger digits --param quick=true --wait",
    )
)
@click.argument("name")
@parameters
@click.option(
    "--wait",
    is_flag=True,
    help="Until the run has ended; exit code 1 unless it completed, or if no worker starts it.",
)
@click.pass_context
def trigger(context: click.Context, name: str, parameters: dict[str, Any], wait: bool) -> None:
    """Run a schedule now, with parameters changed for this run."""
    with session.prefect(needs_up=True) as client:
        from pipelines.scheduling import schedules

        run = schedules.trigger(client, name, parameters)
        asked = os.environ["PREFECT_API_URL"].rstrip("/").removesuffix("/api")
        page = (os.environ.get("PREFECT_UI_URL") or asked).rstrip("/")
        click.echo(f"{name} is started: {bare_address(page)}/runs/flow-run/{run.id}")
        if not wait:
            if obstacle := schedules.obstacle(client):
                notify(f"{obstacle} The run begins then.")
            return
        try:
            run = schedules.follow(client, run, click.echo, notify)
        except KeyboardInterrupt:
            notify(f"{run.name} is not waited for any longer, but goes on; see or cancel it there.")
            context.exit(FAILED)
    if not (run.state and run.state.is_completed()):
        context.exit(FAILED)


def _print(found: list[Schedule]) -> None:
    from rich.table import Table

    if not found:
        notify("no schedules; `ann schedule add` adds one, the first `ann up` adds the defaults.")
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
