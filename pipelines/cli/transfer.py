"""`ann export` and `ann import`: parse, call, print."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli import session
from pipelines.cli.options import FilePath, as_json, examples
from pipelines.cli.terminal import notify

if TYPE_CHECKING:
    from pipelines.registry.client import Registry
    from pipelines.settings import Settings
    from pipelines.tracking.client import Tracking


@click.command(
    "export",
    epilog=examples(
        "ann export champion champion.zip",
        "ann export mnist-digits/3 version-3.zip",
        "ann export 0a1b2c3d4e5f60718293a4b5c6d7e8f9 run.zip --json",
    ),
)
@click.argument("subject")
@click.argument("file", type=FilePath(path_type=Path, dir_okay=False))
@as_json
def export_run(subject: str, file: Path, as_json: bool) -> None:
    """Write a run, its artifacts, models and versions to one ZIP file for another store.

    SUBJECT is a run's id, or champion, previous, challenger, or a version as mnist-digits/3.
    Versions of digit models alone are exported; those of other pictures are trained where they
    serve.
    """
    tracking, registry = _opened(session.load_settings_with_runs)
    from pipelines.transfer import exporting

    manifest = exporting.export(tracking, registry, subject, file)
    versions = [f"{version.name}/{version.number}" for version in manifest.versions]
    if as_json:
        document = {"file": str(file), "run_id": manifest.run.id, "versions": versions}
        click.echo(json.dumps(document | {"bytes": file.stat().st_size}))
        return
    what = ", ".join([f"run {manifest.run.id} ({manifest.run.name})", *versions])
    click.echo(f"{file}: {what}, {file.stat().st_size / 1e6:.1f} MB")


@click.command(
    "import",
    epilog=examples("ann import champion.zip", "ann import champion.zip --judge"),
)
@click.argument("file", type=FilePath(path_type=Path, dir_okay=False))
@click.option("--judge", is_flag=True, help="Let the gate decide on its versions.")
@as_json
def import_run(file: Path, judge: bool, as_json: bool) -> None:
    """Import what `ann export` wrote; no champion changes unless --judge is given.

    Import files from people you trust: hashes show damage, not forgery.
    """
    from pipelines.transfer import bundle

    with bundle.unpacked(file) as unpacked:  # a file that is not whole makes no store
        tracking, registry = _opened(session.load_settings)
        from pipelines.transfer import importing

        imported = importing.import_file(tracking, registry, unpacked)
    if judge:
        for version in imported.versions:
            registry.judge(version)
    versions = [registry.version(v.name, v.number) for v in imported.versions]
    if as_json:
        found = [asdict(version) | {"tags": dict(version.tags)} for version in versions]
        document = {"run_id": imported.run_id, "new": imported.new, "versions": found}
        click.echo(json.dumps(document))
        return
    if not imported.new:
        notify("this file was imported before; nothing is imported twice.")
    click.echo(f"run {imported.run_id}")
    for version in versions:
        aliases = f" [{', '.join(version.aliases)}]" if version.aliases else ""
        click.echo(f"{version.name} version {version.number}{aliases}: {version.decision}")
        for reason in version.reasons:
            click.echo(f"    {reason}")
    if versions and not judge:
        notify("the gate was not run: import it again with --judge, or `ann models promote` it.")


def _opened(load: Callable[[], Settings]) -> tuple[Tracking, Registry]:
    settings = load()
    from pipelines.registry.client import Registry
    from pipelines.tracking.client import Tracking

    return Tracking(settings).open(), Registry(settings.tracking_uri, settings.home)
