"""Files of this machine: the state folder, atomic writing, SHA-256."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder that ANN_HOME names; `.ann` in the working directory by default.

    The tilde of an unknown user stays: `settings.read` refuses it.
    """
    return Path(os.path.expanduser(environ.get("ANN_HOME") or ".ann")).absolute()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that replaces it on success and is removed on failure."""
    unfinished = path.with_name(f".{uuid4().hex}")  # not longer than a file name may be
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """A file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
