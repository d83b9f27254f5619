"""Lengths of time on the command line."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import click

UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Duration(click.ParamType):
    """A length of time such as 90m, 6h or 1d."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        """Parse it; anything else is refused with an example."""
        if isinstance(value, timedelta):
            return value
        match = re.fullmatch(r"(\d{1,5})([mhd])", str(value).strip())
        if not match:
            self.fail(f"{value!r} is no length of time; write 90m, 6h or 1d.", param, ctx)
        return timedelta(**{UNITS[match[2]]: int(match[1])})
