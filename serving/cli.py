"""`ann serve`."""

from __future__ import annotations

import os

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: from everywhere.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
def serve(host: str, port: int, workers: int) -> None:
    """Answer digits over HTTP with the registry's champion, and follow it as it changes.

    A line for each request goes to standard output, in JSON.

    Example: ann serve --workers 2 >access.log
    """
    from serving import settings
    from serving.process import supervisor

    supervisor.serve(settings.load(), host, port, workers)
    os._exit(0)  # a thread may still wait for a registry that is away; it has nothing to lose
