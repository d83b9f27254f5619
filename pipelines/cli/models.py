"""`ann models`: the registry's versions; promote and roll back."""

from __future__ import annotations

from typing import Any

import click

from pipelines.cli import session
from pipelines.cli.printing import as_json, show_versions


@click.group(invoke_without_command=True)
@click.option("--name", default="mnist-digits", show_default=True, help="The registered model.")
@as_json
@click.pass_context
def models(context: click.Context, name: str, as_json: bool) -> None:
    """List every registered version with the gate's decision and reasons, newest first.

    Example: ann models
    """
    settings = session.load_settings()
    from pipelines.registry.client import Registry
    from pipelines.tracking.client import Tracking

    Tracking(settings).open()  # says so if the server is away
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
