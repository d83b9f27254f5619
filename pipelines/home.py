"""The state folder: everything that is kept on this machine lies below it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder that ANN_HOME names; `.ann` in the working directory by default."""
    return Path(environ.get("ANN_HOME") or ".ann").expanduser().absolute()
