"""Where verified versions lie on this machine's disk, and which of them served last.

<home>/served/<name>/<version>/             model.onnx, probe.npz, version.json,
                                            hidden_layer.npz where the version has one
<home>/served/<name>/last_good_<alias>      the version that last served under the alias
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from uuid import uuid4

KEPT = 5  # copies of each model: the last known good ones and the most recently used

MODEL_FILE, PROBE_FILE, MANIFEST_FILE = "model.onnx", "probe.npz", "version.json"


def folder_of(home: Path, name: str, version: str) -> Path:
    """Where the copy of a version lies."""
    return home / "served" / name / version


def last_known_good(home: Path, name: str, alias: str) -> str | None:
    """The version that last served under the alias; None if none did."""
    try:
        return _pointer(home, name, alias).read_text()
    except FileNotFoundError:
        return None


def keep_as_last_known_good(home: Path, name: str, alias: str, version: str) -> None:
    """Record the version that serves under the alias; prune copies that are long out of use."""
    write_atomically(_pointer(home, name, alias), version)
    folder = home / "served" / name
    kept = {path.read_text() for path in folder.glob("last_good_*")}
    copies = [path for path in folder.iterdir() if path.name.isdecimal() and path.name not in kept]
    for copy in sorted(copies, key=lambda path: -path.stat().st_mtime)[KEPT - 1 :]:
        shutil.rmtree(copy, ignore_errors=True)


def versions_on_disk(home: Path, name: str) -> list[str]:
    """The versions of a model whose copies lie here, the lowest first."""
    folder = home / "served" / name
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted((path.name for path in found if path.name.isdecimal()), key=int)


def models_on_disk(home: Path) -> list[str]:
    """The models that have served on this machine."""
    return sorted(path.parent.name for path in (home / "served").glob("*/last_good_*"))


def write_atomically(path: Path, text: str) -> None:
    """Write a file that no reader ever sees half written."""
    unfinished = path.with_name(f".{uuid4().hex}")
    unfinished.write_text(text)
    os.replace(unfinished, path)


def _pointer(home: Path, name: str, alias: str) -> Path:
    return home / "served" / name / f"last_good_{alias}"
