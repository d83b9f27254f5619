"""Arrays in a .npz file: written whole or not at all, read without pickle."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import numpy as np

from ann_models.errors import InvalidData


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write the arrays to an uncompressed .npz, so that a reader sees the old file or the new one.

    Raises:
        OSError: the folder cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{uuid4().hex}")  # not longer than a file name may be
    try:
        with unfinished.open("xb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read(path: Path) -> dict[str, np.ndarray]:
    """Read every array of a .npz file, refusing pickled objects.

    Raises:
        InvalidData: the file is missing, unreadable, cut short, or not a .npz of plain arrays.
    """
    if not os.path.isfile(path):  # unlike Path.is_file, False in a folder we may not enter
        raise InvalidData(f"{path} is not a file that can be read; expected a .npz there.")
    try:
        with zipfile.ZipFile(path) as members:  # np.load would also take a bare .npy or pickle
            strangers = [name for name in members.namelist() if not name.endswith(".npy")]
        if strangers:
            raise ValueError(f"it holds {strangers[0]!r}, which is not an array")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise InvalidData(
            f"{path} ({path.stat().st_size} bytes) cannot be read as a .npz of plain arrays: "
            f"{error}. Replace it with a whole copy."
        ) from error
