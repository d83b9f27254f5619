"""`ann serve`."""

from __future__ import annotations

import os

import click

EXAMPLES = (
    "ann serve",
    "ann serve --workers 2 >access.log",
    "ann serve --host 0.0.0.0 --port 80",
    "ann serve --host ::1 --port 0",
)


@click.command(epilog="\b\nExamples:\n" + "\n".join(f"  {line}" for line in EXAMPLES))
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; 0.0.0.0 or :: for all.",
)
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 chooses a free one.",
)
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Worker processes."
)
def serve(host: str, port: int, workers: int) -> None:
    """Serve the registry's champion over HTTP, and follow it as it changes.

    The access log goes to standard output, one JSON line a request.
    """
    from serving import settings
    from serving.process import supervisor

    ours = settings.load()
    settings.check_driver(ours.feedback_url)
    settings.check_driver(ours.tracking_uri, "MLFLOW_TRACKING_URI")
    supervisor.serve(ours, host, port, workers)
    os._exit(0)  # a thread may still wait for an unavailable registry; it has nothing to lose
