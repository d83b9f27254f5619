"""`ann models`: the registry's versions; promote and roll back."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pipelines.cli import session
from pipelines.cli.options import as_json, examples
from pipelines.cli.printing import OFFLINE, print_version, warn_of_offline_digits
from pipelines.cli.terminal import notify

if TYPE_CHECKING:
    from pipelines.registry.client import Registry
    from pipelines.registry.reader import RegistryReader
    from pipelines.settings import Settings

WRITING = ("promote", "rollback")


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "ann models",
        "ann models --name mnist-digits --json",
        'ann models promote 3 --reason "smaller, for the old phones"',
        "ann models --name offline-digits rollback",
        "ann models history",
    ),
)
@click.option(
    "--name",
    metavar="NAME",
    help="The registered model; without it: all, and for promote, rollback and history "
    "mnist-digits, or offline-digits where there is no MNIST version.",
)
@as_json
@click.pass_context
def models(context: click.Context, name: str | None, as_json: bool) -> None:
    """List every registered version with the gate's decision and reasons, newest first."""
    if context.invoked_subcommand in WRITING:
        settings = session.load_settings_with_runs()
        from pipelines.tracking.client import Tracking

        Tracking(settings).open()  # raises if the server is unavailable
    else:
        settings = session.load_settings_for_reading()
    from pipelines.errors import WrongUse
    from pipelines.registry.reader import MODEL_NAMES, RegistryReader

    registry = RegistryReader(settings.tracking_uri)
    registered = registry.models()
    known = dict.fromkeys((*MODEL_NAMES.values(), *registered))
    present = [n for n in known if n in registered and registered[n].newest_version]
    if name is not None and name not in known:
        there = f"these have versions: {', '.join(present)}"
        none = "none has a version yet, `ann run mnist_ann` makes one"
        raise WrongUse(f"no registered model is called {name!r}; {there if present else none}.")
    context.obj = settings, name or next(iter(present or known))
    if context.invoked_subcommand is None:
        _list(registry, [name] if name else present or list(known), as_json)


@models.command(
    epilog=examples(
        'ann models promote 3 --reason "smaller, for the old phones"',
        'ann models --name offline-digits promote 1 --reason "a demonstration"',
    )
)
@click.argument("version")
@click.option("--reason", required=True, help="Why the gate is overruled; goes on record.")
@click.pass_obj
def promote(chosen: tuple[Settings, str], version: str, reason: str) -> None:
    """Make a version champion whatever the gate decided."""
    settings, name = chosen
    registry = _writable(settings)
    registry.promote(registry.version(name, version), reason)
    click.echo(f"{name} version {version} is champion now.")


@models.command(epilog=examples("ann models rollback", "ann models --name offline-digits rollback"))
@click.pass_obj
def rollback(chosen: tuple[Settings, str]) -> None:
    """Make the previous champion champion again."""
    settings, name = chosen
    number = _writable(settings).rollback(name).number
    click.echo(f"{name} version {number} is champion again.")


def _writable(settings: Settings) -> Registry:
    from pipelines.registry.client import Registry

    return Registry(settings.tracking_uri, settings.home)


def _list(registry: RegistryReader, names: list[str], as_json: bool) -> None:
    versions = [version for name in names for version in registry.versions(name)]
    if as_json:
        click.echo(json.dumps([asdict(v) | {"tags": dict(v.tags)} for v in versions]))
        return
    for version in versions:
        print_version(version)
    if not versions:
        notify(f"{' or '.join(names)} has no versions yet; `ann run mnist_ann` makes one.")
    elif all(version.name == OFFLINE for version in versions):
        warn_of_offline_digits()


@models.command(epilog=examples("ann models history", "ann models history --json"))
@as_json
@click.pass_obj
def history(chosen: tuple[Settings, str], as_json: bool) -> None:
    """Show every promotion, refusal, rollback, import, retraining and drift, the newest first."""
    from pipelines.registry.reader import RegistryReader

    settings, name = chosen
    registry = RegistryReader(settings.tracking_uri)
    if registry.unrecorded_move(name):
        _writable(settings).record_move(name)
    events = registry.history(name)
    if as_json:
        click.echo(json.dumps([asdict(event) for event in events]))
        return
    if not events:
        click.echo(f"{name} has no history yet.")
    for event in events:
        click.echo(f"{event.time[:19]}Z  version {event.version} {event.action}{event.whose}")
        click.echo(f"    {event.reason}")
