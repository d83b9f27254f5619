"""`ann up`, `ann status` and `ann ui`: parse, call, print."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pipelines.cli import session
from pipelines.cli.options import as_json, examples
from pipelines.cli.terminal import notify, print_table

if TYPE_CHECKING:
    from pipelines.local.status import ServiceStatus

COLOURS = {"ann": "white", "MLflow": "blue", "Prefect": "magenta", "schedules": "cyan"}
port = click.IntRange(1, 65535)


@click.command(
    epilog=examples("ann up", "ann up --mlflow-port 5001 --port 8001", "ann up --prefect-port 4201")
)
@click.option(
    "--mlflow-port", default=5000, show_default=True, type=port, help="Port of MLflow's UI."
)
@click.option(
    "--prefect-port", default=4200, show_default=True, type=port, help="Port of Prefect's UI."
)
@click.option(
    "--port", default=8000, show_default=True, type=port, help="Port of the digit service."
)
def up(mlflow_port: int, prefect_port: int, port: int) -> None:
    """Run everything on this machine until Ctrl-C: MLflow, Prefect, schedules, digit service.

    Servers that MLFLOW_TRACKING_URI and PREFECT_API_URL name are used and not started. SIGTERM and
    a closed terminal end it as Ctrl-C does; under nohup, and when nobody reads its output, it goes
    on: every line is kept in up.log in the state folder.
    """
    from pipelines.local import stack
    from pipelines.local.log import ServiceLog
    from pipelines.local.services import Ports

    settings = session.load_settings()
    at = Ports(mlflow_port, prefect_port, port)
    log = ServiceLog(settings.home / "up.log", _show_line)
    notify(f"starting; every line is kept in {settings.home / 'up.log'}")
    stack.run(settings, at, log, _print)
    notify("all services have ended.")


@click.command(epilog=examples("ann status", "ann status --json"))
@as_json
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """Show which services run, where, and their health; exit code 1 if one is not healthy."""
    from pipelines.local import status as local
    from pipelines.settings import export, read

    settings = read()
    export(settings)  # nothing is opened or written: the disk or the store may be what is wrong
    parts = local.status(settings)
    if as_json:
        document = {"up": local.is_up(settings), "services": [asdict(part) for part in parts]}
        click.echo(json.dumps(document))
    else:
        _print(parts)
    if not all(part.healthy for part in parts):
        context.exit(1)


@click.command(epilog=examples("ann ui", "ann ui --port 5001"))
@click.option("--port", default=5000, show_default=True, type=port, help="Port to listen on.")
def ui(port: int) -> None:
    """Open MLflow's pages on the embedded store, on this machine only."""
    settings = session.load_settings()
    from pipelines.local.mlflow_ui import serve

    serve(settings, port)


def _show_line(name: str, line: str) -> None:
    click.secho(f"{name:<9} ", fg=COLOURS.get(name, "green"), nl=False)
    click.echo(line)


def _print(parts: list[ServiceStatus]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("service", "address", "", "", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for part in parts:
        mark = Text("✓", "green") if part.healthy else Text("✗", "red")
        again = f" (restarted {part.restarts} times)" if part.restarts else ""
        table.add_row(part.name, part.address, mark, f"{part.message}{again}")
    print_table(table)
