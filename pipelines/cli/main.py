"""The command `ann`: one line of a table for each command, imported when it is asked for."""

from __future__ import annotations

import importlib
import signal
import sys
from pathlib import Path
from typing import Any

import click

from pipelines.cli import errors
from pipelines.cli.terminal import accept_any_encoding, open_closed_streams

COMMANDS = {  # the name that people type: module and attribute
    "list": "pipelines.cli.run:list_variants",
    "run": "pipelines.cli.run:run",
    "sweep": "pipelines.cli.sweep:sweep",
    "code": "pipelines.cli.code:code",
    "compare": "pipelines.cli.compare:compare",
    "report": "pipelines.cli.report:report",
    "leaderboard": "pipelines.cli.compare:leaderboard",
    "models": "pipelines.cli.models:models",
    "predict": "pipelines.cli.predict:predict",
    "evaluate": "pipelines.cli.evaluate:evaluate",
    "serve": "serving.cli:serve",
    "up": "pipelines.cli.up:up",
    "status": "pipelines.cli.up:status",
    "ui": "pipelines.cli.up:ui",
    "schedule": "pipelines.cli.schedule:schedule",
    "notify": "pipelines.cli.notify:notify",
    "retrain": "pipelines.cli.retrain:retrain",
    "drift": "pipelines.cli.retrain:drift",
    "export": "pipelines.cli.transfer:export_run",
    "import": "pipelines.cli.transfer:import_run",
    "prune": "pipelines.cli.prune:prune",
    "doctor": "pipelines.cli.doctor:doctor",
    "benchmark": "benchmarks.cli:benchmark",
}


ENDING = (signal.SIGTERM, signal.SIGHUP)  # handled as Ctrl-C is


class LazyGroup(click.Group):
    """Commands from a table of "module:attribute", as click's documentation shows it.

    Every error of a command ends as a message and an exit code.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line on whatever terminal there is."""
        open_closed_streams()
        accept_any_encoding()
        try:
            return super().main(*args, **kwargs)
        except OSError as error:  # such as of a full disk that the help is written to
            sys.exit(errors.report(error))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; report its errors."""
        from pipelines.settings import bypass_proxy

        try:
            Path.cwd()
        except FileNotFoundError:
            raise click.UsageError("the current folder no longer exists; cd to another.") from None
        bypass_proxy()
        for number in ENDING:
            if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
                signal.signal(number, signal.default_int_handler)  # ends what was started, too
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click ends quietly when nobody reads the output any more
        except (Exception, KeyboardInterrupt) as error:
            sys.exit(errors.report(error))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ann-pipelines", prog_name="ann")
def main() -> None:
    """Train, compare, gate and serve every network of an artificial-neural-networks lecture."""
