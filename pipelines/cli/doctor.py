"""`ann doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from pipelines.cli.errors import FAILED
from pipelines.cli.options import as_json, examples


@click.command(epilog=examples("ann doctor", "ann doctor --json"))
@as_json
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Check what a run needs: what is found, what is missing, what to do.

    Read-only: nothing is downloaded, started, repaired or written. Exit code 1 if something is
    missing.
    """
    from pipelines import settings
    from pipelines.maintenance.doctor import diagnose

    loaded = settings.read()
    settings.export(loaded)
    findings = diagnose(loaded)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            mark = click.style("✓", fg="green") if finding.healthy else click.style("✗", fg="red")
            click.echo(f"{mark} {finding.subject}: {finding.message}")
    if not all(finding.healthy for finding in findings):
        context.exit(FAILED)
