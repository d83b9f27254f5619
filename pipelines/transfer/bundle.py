"""A run in one file: a ZIP that is checked as a whole before anything in it is used.

manifest.json       the run's metadata, and the SHA-256 of every other member
run/…               the run's artifacts
models/0/…, …       the files of its logged models

The hashes show damage, not forgery: import files from people you trust. What is refused in any
case: members that lead out of the folder, links, pickles, other members than the manifest names,
and more bytes than a run of this project can have.
"""

from __future__ import annotations

import errno
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pipelines.errors import WrongUse
from pipelines.home import replacing, sha256

MANIFEST = "manifest.json"
MOST_BYTES = 2 * 1024**3  # unpacked
MOST_MANIFEST = 64 * 1024**2
MOST_FILES = 10_000
CHUNK = 1024**2
SUFFIXES = {
    ".gif",
    ".html",
    ".json",
    ".keras",
    ".md",
    ".npz",
    ".onnx",
    ".png",
    ".txt",
    ".webp",
    ".yaml",
}
WITHOUT_SUFFIX = {"MLmodel", "registered_model_meta"}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")


class DataInput(_Part):
    """A data set that the run read; `context` says what for."""

    name: str
    digest: str
    source_type: str
    source: str
    profile: str | None
    context: str


class Run(_Part):
    """An MLflow run; a metric is (name, value, milliseconds since 1970, step)."""

    id: str
    name: str
    status: str
    start: int
    end: int
    params: dict[str, str]
    tags: dict[str, str]
    metrics: list[tuple[str, float, int, int]]
    inputs: list[DataInput]


class Model(_Part):
    """A logged model of the run; its files are in models/<its position>."""

    name: str
    params: dict[str, str]
    tags: dict[str, str]


class Version(_Part):
    """A registered version of one of the run's models, and its aliases when it was exported."""

    name: str
    number: str
    model: int
    aliases: list[str]
    tags: dict[str, str]


class Manifest(_Part):
    """All that is not a file."""

    format: Literal["ann-run"] = "ann-run"
    format_version: Literal[1] = 1
    experiment: str
    question: str
    note: str
    run: Run
    models: list[Model]
    versions: list[Version]
    files: dict[str, str]


def pack(folder: Path, manifest: Manifest, file: Path) -> None:
    """Write a folder and its manifest to a new file, whole or not at all.

    Raises:
        WrongUse: the file is there already, or its folder is not; or `unpack` would refuse what is
            written.
    """
    if file.exists():
        raise WrongUse(f"{file} is there already; name another file, or remove it.")
    if not file.parent.is_dir():
        raise WrongUse(f"{file.parent} is no folder; make it, or name another place.")
    paths = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    for name in paths:
        if why := _why_unsafe(zipfile.ZipInfo(name)):
            raise WrongUse(
                f"{name} {why}, so that no store imports it; move it out of the run's artifacts to "
                "export the rest."
            )
    hashes = {name: sha256(path) for name, path in paths.items()}
    content = manifest.model_copy(update={"files": hashes}).model_dump_json(indent=1).encode()
    size = len(content) + sum(path.stat().st_size for path in paths.values())
    if why := _why_too_large(len(paths) + 1, size, len(content)):
        raise WrongUse(f"{why}, so that no store imports it; delete some of the run's artifacts.")
    with (
        replacing(file) as unfinished,
        zipfile.ZipFile(unfinished, "x", zipfile.ZIP_DEFLATED) as members,
    ):
        members.writestr(MANIFEST, content)
        for name, path in paths.items():
            members.write(path, name)


@dataclass(frozen=True)
class Unpacked:
    """A file whose members were checked and lie in a folder.

    Attributes:
        file: the ZIP.
        sha256: of it.
        manifest: what it holds.
        folder: of its members, until the block ends.
    """

    file: Path
    sha256: str
    manifest: Manifest
    folder: Path


@contextmanager
def unpacked(file: Path) -> Iterator[Unpacked]:
    """A file's members in a temporary folder, checked as `unpack` does."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        manifest = unpack(file, folder)
        yield Unpacked(file, sha256(file), manifest, folder)


def unpack(file: Path, folder: Path) -> Manifest:
    """Check a file and write its members into an empty folder.

    Raises:
        WrongUse: it cannot be read, is damaged, or is not what `pack` writes.
    """
    try:
        with zipfile.ZipFile(file) as members:
            manifest = _manifest(members)
            for info in members.infolist():
                if info.filename != MANIFEST:
                    _extract(members, info, folder / info.filename, manifest.files[info.filename])
            return manifest
    except FileNotFoundError:
        raise WrongUse(f"{file} is not there; name a file that `ann export` wrote.") from None
    except (
        *(OSError, EOFError, ValueError, KeyError, RuntimeError, NotImplementedError),
        *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error),
    ) as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise  # not the file is to blame
        raise WrongUse(
            f"{file} cannot be imported: {_in_a_line(error)}. Export it again with `ann export`."
        ) from error


def _manifest(members: zipfile.ZipFile) -> Manifest:
    """The manifest, and that the members are those that it names and no larger than they may be."""
    infos = members.infolist()
    if MANIFEST not in members.namelist():
        raise ValueError(f"it has no {MANIFEST}")
    size = sum(info.file_size for info in infos)
    if why := _why_too_large(len(infos), size, members.getinfo(MANIFEST).file_size):
        raise ValueError(why)
    manifest = Manifest.model_validate_json(members.read(MANIFEST))
    names = [info.filename for info in infos]
    if sorted(names) != sorted([MANIFEST, *manifest.files]):
        raise ValueError("its members are not those that its manifest names")
    for info in infos:
        if why := _why_unsafe(info):
            raise ValueError(f"its member {info.filename!r} {why}")
    return manifest


def _why_too_large(members: int, size: int, manifest: int) -> str:
    """What of a file is beyond its limits, its sizes being bytes; "" if nothing is."""
    if members > MOST_FILES:
        return f"it has {members:,} members; {MOST_FILES:,} are allowed"
    if size > MOST_BYTES:
        return f"unpacked it would have {size:,} bytes; {MOST_BYTES:,} are allowed"
    if manifest > MOST_MANIFEST:
        return f"its {MANIFEST} has {manifest:,} bytes; {MOST_MANIFEST:,} are allowed"
    return ""


def _why_unsafe(info: zipfile.ZipInfo) -> str:
    path = PurePosixPath(info.filename)
    if path.is_absolute() or ".." in path.parts or any(c in info.filename for c in "\\:\0"):
        return "leads out of the folder"
    if str(path) != info.filename:
        return "is no plain file name"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return "is no plain file"
    if info.flag_bits & 1:
        return "is encrypted"
    if path.suffix not in SUFFIXES and path.name not in WITHOUT_SUFFIX:
        return "is of a kind that no run of this project has"
    return ""


def _extract(members: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, expected: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with members.open(info) as packed, path.open("xb") as unpacked:  # never beyond file_size
        shutil.copyfileobj(packed, unpacked, CHUNK)
    if sha256(path) != expected:
        raise ValueError(f"its member {info.filename!r} does not have the SHA-256 in the manifest")


def _in_a_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"its {MANIFEST} is wrong at {place or 'its start'}: {first['msg']}"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
