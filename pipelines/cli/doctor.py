"""`ann doctor`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from pipelines.cli import session
from pipelines.cli.errors import FAILED
from pipelines.cli.printing import as_json


@click.command()
@as_json
def doctor(as_json: bool) -> None:
    """Say what is found, what is missing and what to do; mend a moved state folder.

    Example: ann doctor
    """
    settings = session.load_settings()
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
