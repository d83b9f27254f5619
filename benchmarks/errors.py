"""Why something could not be measured."""

import click


class CannotMeasure(click.ClickException):
    """A process that was to be measured failed; a command ends with the message and exit code 1."""
