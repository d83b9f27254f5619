"""`ann notify`: parses, calls, prints. Prefect is imported once its server's address is set."""

from __future__ import annotations

from urllib.parse import urlsplit

import click

from pipelines.cli import session
from pipelines.cli.options import examples


@click.command(
    epilog=examples(
        "ann notify https://hooks.slack.com/services/T000/B000/XXX",
        "ann notify",
        "ann notify --off",
    )
)
@click.argument("url", required=False)
@click.option("--off", is_flag=True, help="Send no more messages.")
def notify(url: str | None, off: bool) -> None:
    """Send messages to a webhook: a failed run, drift, a new or refused champion.

    A message is JSON with `title` and `text`, as Slack, Mattermost and others take it. The Prefect
    server of `ann up` or of the container stack sends it. Without URL: whether messages are sent.
    """
    if url is not None and off:
        raise click.UsageError("name a URL or --off, not both.")
    if url is not None and not _is_address(url):
        raise click.BadParameter(f"{url!r} is not an address such as https://hooks.example/ann.")
    with session.prefect() as client:
        from pipelines.scheduling import notifications

        if off:
            removed = notifications.stop(client)
            click.echo("No more messages are sent." if removed else "No messages were sent.")
        elif url is not None:
            notifications.notify(client, url)
            names = ", ".join(n.name.removeprefix("ann: report ") for n in notifications.NOTICES)
            click.echo(f"A test message was sent. From now on are reported: {names}.")
        elif found := notifications.installed(client):
            for automation in found:
                click.echo(f"{automation.name}{'' if automation.enabled else ' (paused)'}")
        else:
            click.echo("No messages are sent; `ann notify URL` sends them to a webhook.")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a bracket without its other one, or a port that is no number
        return False
