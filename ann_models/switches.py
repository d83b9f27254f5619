"""Environment variables that switch something on."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ann_models.errors import InvalidSetting


def is_on(name: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a variable is 1; not set, empty and 0 are off.

    Raises:
        InvalidSetting: it has another value.
    """
    value = environ.get(name, "")
    if value not in ("", "0", "1"):
        raise InvalidSetting(f"{name} is {value!r}; set it to 1 (on) or 0 (off).")
    return value == "1"
