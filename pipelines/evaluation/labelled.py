"""A person's own labelled pictures, in any of the usual forms → digits as the service sees them.

A folder with a subfolder a class ("7", or "none" for what is no digit; a subfolder in it names the
writer), an `.npz`, IDX files, Kaggle's CSV, or pen strokes in UNIPEN's form. What cannot be read is
reported, one sentence each; the rest goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ann_models import archives
from ann_models.digits import idx
from ann_models.errors import InvalidData
from digit_images.ink import NoInk
from digit_images.photos import prepare_photo
from pipelines.errors import WrongUse
from pipelines.evaluation import unipen
from serving.errors import InvalidImage
from serving.images import to_digit

NO_DIGIT = -1
NO_DIGIT_NAMES = ("none", "no digit", "no_digit", "not_a_digit")
FORMS = (
    "a folder with a subfolder for each digit (0 … 9, or none), an .npz with images and labels, "
    "IDX files, a CSV as Kaggle's, or pen strokes in UNIPEN's form"
)
IDX = b"\0\0"  # how an IDX file begins
GZIP = b"\x1f\x8b"  # how a gzipped file begins, whatever it is called

Picture = tuple[str, "str | int", "str | None", "Path | np.ndarray"]  # name, label, writer, pixels


@dataclass
class Labelled:
    """What was read.

    Attributes:
        images: float32 (n, 28, 28), as the service prepares them.
        labels: int32 (n,), NO_DIGIT for what is none.
        names: of the files or rows.
        writers: of each picture, "" where it is not named.
        faults: what could not be read, one sentence each.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int32]
    names: list[str]
    writers: list[str]
    faults: list[str] = field(default_factory=list)


def read(path: Path) -> Labelled:
    """Read all that can be read.

    Raises:
        WrongUse: there is no such file, it has none of the forms, or no picture can be read.
    """
    faults: list[str] = []
    images, labels, names, writers = [], [], [], []
    for name, text, writer, picture in _pictures(path, faults):
        try:
            label = _label(text)
            if isinstance(picture, Path):
                images.append(to_digit(picture.read_bytes()))
            else:
                images.append(prepare_photo(_scaled(picture)))
        except OSError as error:
            faults.append(f"{name}: it cannot be read ({error.strerror}).")
            continue
        except (InvalidImage, NoInk, InvalidData, ValueError) as error:
            faults.append(f"{name}: {error}")
            continue
        labels.append(label)
        names.append(name)
        writers.append(writer or "")
    if not images:
        seen = f" The first of {len(faults)}: {faults[0]}" if faults else ""
        raise WrongUse(f"no picture can be read from {path}; expected {FORMS}.{seen}")
    return Labelled(np.stack(images), np.array(labels, np.int32), names, writers, faults)


def _pictures(path: Path, faults: list[str]) -> Iterator[Picture]:
    try:
        if path.is_dir():
            files = sorted(path.glob("*idx3*"))
            if files:
                return iter([picture for file in files for picture in _idx(file)])
            return _folder(path, faults)
        if not path.is_file():
            raise WrongUse(f"there is no {path}; expected {FORMS}.")
        if path.suffix.lower() == ".npz":
            return _npz(path)
        if path.suffix.lower() == ".csv":
            return _csv(path, faults)
        if "idx" in path.name and _begins_with(path, IDX, GZIP):
            return _idx(path)
        text = path.read_text(errors="replace")
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}.") from error
    if unipen.is_unipen(text):
        return ((name, label, who, ink) for name, label, who, ink in unipen.read(text, faults))
    raise WrongUse(f"{path} has none of the forms that can be read: {FORMS}.")


def _label(text: str | int) -> int:
    if isinstance(text, str) and text.strip().lower() in NO_DIGIT_NAMES:
        return NO_DIGIT
    try:
        number = float(text)
    except ValueError:
        number = -2.0
    if number not in (*range(10), NO_DIGIT):
        raise InvalidData(
            f"the label is {str(text)[:20]!r}; expected a digit from 0 to 9, or none."
        )
    return int(number)


def _scaled(values: np.ndarray) -> NDArray[np.float32]:
    """Pixels (height, width), or with colours as a last axis, in [0, 1]."""
    if values.ndim == 3:
        values = values[..., :3].mean(axis=2)
    if values.ndim != 2 or not values.size:
        raise InvalidData(f"its shape is {values.shape}; expected height × width.")
    if not np.isfinite(values).all():
        raise InvalidData("some pixels are NaN or infinite.")
    found = values.astype(np.float32)
    low, high = float(found.min()), float(found.max())
    if low < 0 or high > 255:
        raise InvalidData(f"its pixels are from {low:g} to {high:g}; expected 0 … 1 or 0 … 255.")
    whole = values.dtype.kind in "ui" or high > 1
    return found / np.float32(255) if whole else found


def _folder(path: Path, faults: list[str]) -> Iterator[Picture]:
    for folder in sorted(entry for entry in path.iterdir() if not entry.name.startswith(".")):
        if not folder.is_dir():
            faults.append(f"{folder.name}: it lies in no subfolder that names its digit.")
            continue
        inside = (file for file in folder.rglob("*") if not file.is_dir())
        files = sorted(file for file in inside if file.is_file() or file.is_symlink())
        files = [file for file in files if not file.name.startswith(".")]
        if not files:
            faults.append(f"{folder.name}: the folder is empty.")
        for file in files:
            inner = file.relative_to(folder).parts
            writer = inner[0] if len(inner) > 1 else None
            yield str(file.relative_to(path)), folder.name, writer, file


def _npz(path: Path) -> Iterator[Picture]:
    try:
        arrays = archives.read(path)
    except InvalidData as error:
        raise WrongUse(str(error)) from error
    pairs = [("images", "labels"), ("x", "y"), ("x_test", "y_test"), ("x_train", "y_train")]
    for x, y in pairs:
        if x in arrays and y in arrays:
            return _rows(path.name, arrays[x], arrays[y].ravel().tolist(), arrays.get("writers"))
    raise WrongUse(
        f"{path} holds {', '.join(arrays) or 'nothing'}; expected arrays images and labels, or x "
        "and y, or x_test and y_test."
    )


def _rows(
    name: str, images: np.ndarray, labels: list[int], writers: np.ndarray | None = None
) -> Iterator[Picture]:
    if len(images) != len(labels):
        raise WrongUse(f"{name} has {len(images)} images and {len(labels)} labels.")
    if images.ndim == 2:  # flat rows of square images
        side = round(images.shape[1] ** 0.5)
        if side * side != images.shape[1]:
            raise WrongUse(f"{name} has rows of {images.shape[1]} pixels, which is no square.")
        images = images.reshape(-1, side, side)
    if images.dtype.kind not in "biuf":
        raise WrongUse(f"{name} has pixels of the type {images.dtype}; expected numbers.")
    if writers is not None and writers.size != len(labels):
        raise WrongUse(f"{name} has {writers.size} writers of {len(labels)} pictures.")
    if images.dtype.kind in "ui" and images.size and images.max() <= 1 and images.min() >= 0:
        images = images.astype(bool)  # decided of all pictures: a single one may be nearly black
    who = writers.ravel().tolist() if writers is not None else [None] * len(labels)
    rows: Iterable[tuple[int, tuple[np.ndarray, int, object]]] = enumerate(
        zip(images, labels, who, strict=True)
    )
    for i, (image, label, writer) in rows:
        yield f"{name} {i}", label, None if writer is None else str(writer), image


def _idx(path: Path) -> Iterator[Picture]:
    beside = path.name.replace("images", "labels").replace("idx3", "idx1")
    labels = path.with_name(beside)
    if beside == path.name or not labels.is_file():
        raise WrongUse(f"beside {path} there is no {beside}, which would hold its labels.")
    try:
        return _rows(path.name, _idx_array(path), _idx_array(labels).ravel().tolist())
    except InvalidData as error:
        raise WrongUse(str(error)) from error


def _idx_array(path: Path) -> np.ndarray:
    return idx.read_file(path, zipped=_begins_with(path, GZIP))


def _begins_with(path: Path, *beginnings: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(2) in beginnings


def _csv(path: Path, faults: list[str]) -> Iterator[Picture]:
    """Kaggle's: a header label,pixel0,…,pixel783 (it may be missing), then a row a digit."""
    for number, row in _csv_rows(path, faults):
        if not row or (number == 1 and _is_header(row[0])):
            continue
        try:
            pixels = np.array(row[1:], np.float32)
            side = round(len(pixels) ** 0.5)
            image = pixels.reshape(side, side)
        except ValueError:
            faults.append(
                f"{path.name} line {number}: {len(row) - 1} pixels; expected numbers, as many "
                "as a square has, after the label."
            )
            continue
        yield f"{path.name} line {number}", row[0], None, image


def _csv_rows(path: Path, faults: list[str]) -> Iterator[tuple[int, list[str]]]:
    import csv

    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.reader(file)
        for number in count(1):
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                faults.append(f"{path.name} line {number}: it cannot be read ({error}).")
                continue
            yield number, row


def _is_header(cell: str) -> bool:
    """Whether the first cell of a first row is no label, not even a wrong one."""
    try:
        float(cell)
    except ValueError:
        return cell.strip().lower() not in NO_DIGIT_NAMES
    return False
