"""What the commands' options have in common: their types, `--json`, examples."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

UNITS = {"m": "minutes", "h": "hours", "d": "days"}
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")


def examples(*commands: str) -> str:
    """The end of a command's help: one example a line."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


class Duration(click.ParamType):
    """A length of time such as 90m, 6h or 1d."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        """Parse it; anything else is refused with an example."""
        if isinstance(value, timedelta):
            return value
        match = re.fullmatch(r"(\d{1,5})([mhd])", str(value).strip())
        if not match:
            self.fail(f"{value!r} is not a length of time; write 90m, 6h or 1d.", param, ctx)
        return timedelta(**{UNITS[match[2]]: int(match[1])})


class FilePath(click.Path):
    """A path; an empty text, such as that of a variable that is not set, is no folder."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Refuse an empty text: Python would take it for the current folder."""
        if value == "":
            self.fail("'' is no path.", param, ctx)
        return super().convert(value, param, ctx)


class PositiveNumber(click.ParamType):
    """A finite number above zero, up to a limit."""

    name = "number"

    def __init__(self, most: float) -> None:
        """Accept at most `most`."""
        self.most = most

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Parse it; zero, negative numbers, NaN and infinity are refused."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 < number <= self.most:
            expected = f"a number above 0, at most {self.most:g}"
            self.fail(f"{value!r} is not a possible value; expected {expected}.", param, ctx)
        return number


class VariantName(click.ParamType):
    """A variant's name or a question's key; completed by the shell, checked by the command."""

    name = "name"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names and keys that begin so."""
        from ann_models.questions import QUESTIONS
        from ann_models.variants import VARIANTS

        names = (*QUESTIONS, *VARIANTS)
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


table_file = click.option(
    "--table",
    type=FilePath(path_type=Path, dir_okay=False),
    help="A TOML file or Python module with variants of your own, in place of the lecture's.",
)
set_settings = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting that differs from the table: epochs=2000, layers.0.activation=tanh, "
    "optimizer.learning_rate=0.01, data.noise=0.1. Can be repeated.",
)
registered_model = click.option(
    "--model",
    metavar="NAME",
    help="A registered model, such as that of an image data set of your own. Default: the digits'.",
)
variant_names = click.argument("names", nargs=-1, metavar="[NAME]...", type=VariantName())
