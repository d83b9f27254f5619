"""Image data sets of one's own in MNIST's form: one entry each, never mixed with another.

An entry is named on the command line: `fashion-mnist`, which Keras downloads, or `letters=PATH`.
PATH is an .npz in Keras's layout, a folder of IDX files, or a folder with one subfolder of pictures
for each class.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ann_models import archives, data_name
from ann_models.digits import fashion_mnist, idx
from ann_models.digits.repeats import without_repeats
from ann_models.errors import InvalidData, InvalidSetting
from digit_images.decoding import draft, to_grey
from digit_images.ink import prepare
from digit_images.normalization import SIDE

FEWEST, MOST = 10, 1_000_000  # pictures
FEWEST_OF_A_CLASS = 6  # so that each split has one of each class
MOST_CLASSES = 200
LARGEST_LABEL = 2**53  # from which on not every whole number is a float
HELD_OUT = 6  # every sixth picture of a class is for validation, and for the test if none is given
SHOWN_FAULTS = 5
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"})
TAKEN = frozenset({"mnist", "mnist-digits", "offline-digits", "digits", "generated", "own"})
FASHION_MNIST = "fashion-mnist"
_NAME = re.compile(r"[a-z][a-z0-9-]{1,40}")


@dataclass(frozen=True)
class ImageSet:
    """One entry.

    Attributes:
        name: also that of its registered model and its place in the service's addresses.
        path: of its file or folder; empty for Fashion-MNIST, which Keras finds or downloads.
    """

    name: str
    path: str = ""

    def __str__(self) -> str:
        """The text that `parse` reads."""
        return f"{self.name}={self.path}" if self.path else self.name


@dataclass(frozen=True)
class Pictures:
    """The content of a set.

    Attributes:
        classes: what the labels 0, 1, … are called.
        train: uint8 (n, 28, 28), ink 255, and labels (n,).
        test: the same, or nothing where the set has no test part.
        notes: what was left out, one sentence each.
    """

    classes: tuple[str, ...]
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray] | None = None
    notes: tuple[str, ...] = ()


def parse(text: str) -> ImageSet:
    """The entry that a text names.

    Raises:
        InvalidSetting: the name is taken or malformed, or there is no such path.
    """
    if text == FASHION_MNIST:
        return ImageSet(text)
    name, equals, path = text.partition("=")
    expected = f"expected {FASHION_MNIST} or NAME=PATH, such as letters=pictures/letters."
    if not equals:
        raise InvalidSetting(f"no image data set is called {text!r}; {expected}")
    if not name.strip() or not path.strip():
        missing = "path after" if name.strip() else "name before"
        raise InvalidSetting(f"{text!r} has no {missing} its =; {expected}")
    if name in TAKEN or name == FASHION_MNIST:
        raise InvalidSetting(f"{name!r} is the name of another data set; choose one of your own.")
    if not _NAME.fullmatch(name):
        raise InvalidSetting(
            f"{name!r} is no name of a data set; expected 2 to 41 lower-case letters, digits and "
            "-, the first one a letter."
        )
    found = data_name.absolute(path)
    if not found.exists():
        raise InvalidSetting(f"{name}: there is no {found}.")
    return ImageSet(name, str(found))


def classes_of(entry: ImageSet) -> tuple[str, ...]:
    """The names of the classes, without reading every picture of a folder.

    Raises:
        InvalidData: the files are missing, damaged, or have not two classes or more.
    """
    path = Path(entry.path)
    if not entry.path:
        return fashion_mnist.CLASSES
    if path.is_file() or idx.is_folder(path):
        return load(entry).classes
    return _classes(_training_folder(path))


def load(entry: ImageSet) -> Pictures:
    """Read and check a set; what it repeats is left out, except of Fashion-MNIST.

    Raises:
        InvalidData: the files are missing, damaged, or not pictures of two classes or more.
        DataUnavailable: Fashion-MNIST cannot be had here.
    """
    if not entry.path:
        return _fashion_mnist()
    path = Path(entry.path)
    if path.is_file():
        pictures = _arrays(archives.read(path), path)
    elif idx.is_folder(path):
        pictures = _arrays(idx.read_folder(path), path)
    else:
        pictures = _class_folders(path)
    train, repeated = without_repeats(pictures.train, pictures.test, pictures.classes)
    notes = *pictures.notes, *(f"{path}: {sentence}" for sentence in repeated)
    pictures = replace(pictures, train=train, notes=notes)
    counts = np.bincount(pictures.train[1], minlength=len(pictures.classes))
    few = [
        f"{name} has {count}"
        for name, count in zip(pictures.classes, counts, strict=True)
        if count < FEWEST_OF_A_CLASS
    ]
    if few:
        raise InvalidData(
            f"{path}: every class needs {FEWEST_OF_A_CLASS} training pictures or more; "
            f"{', '.join(few[:SHOWN_FAULTS])}.{''.join(f' {sentence}' for sentence in repeated)}"
        )
    return pictures


def _fashion_mnist() -> Pictures:
    arrays = fashion_mnist.find()
    train, test = ((arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test"))
    return Pictures(fashion_mnist.CLASSES, train, test)


# --- arrays ---------------------------------------------------------------------------------------


def _arrays(arrays: dict[str, np.ndarray], path: Path) -> Pictures:
    """Arrays x_train, y_train and perhaps x_test, y_test, classes."""
    for name in ("x_train", "y_train"):
        if name not in arrays:
            raise InvalidData(f"{path} has no {name}; it has {', '.join(arrays) or 'nothing'}.")
    train = _pair(arrays["x_train"], arrays["y_train"], path, "train")
    test = None
    if ("x_test" in arrays) != ("y_test" in arrays):
        raise InvalidData(f"{path} has one of x_test and y_test; add the other, or leave out both.")
    if "x_test" in arrays:
        test = _pair(arrays["x_test"], arrays["y_test"], path, "test")
    labels = np.unique(train[1])
    if not 2 <= len(labels) <= MOST_CLASSES:
        raise InvalidData(
            f"{path} has {len(labels)} class{'' if len(labels) == 1 else 'es'}; "
            f"expected 2 to {MOST_CLASSES}."
        )
    if test is not None and len(unknown := np.setdiff1d(test[1], labels)):
        raise InvalidData(f"{path}: the test labels {unknown.tolist()} are in no training picture.")
    names = [str(name) for name in arrays.get("classes", labels)]
    if len(names) != len(labels):
        raise InvalidData(f"{path} names {len(names)} classes for {len(labels)} labels.")
    if len(set(names)) < len(names):
        raise InvalidData(f"{path} gives several classes one name: {', '.join(names)}.")

    def numbered(pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        return pair[0], np.searchsorted(labels, pair[1])

    return Pictures(tuple(names), numbered(train), numbered(test) if test else None)


def _pair(x: np.ndarray, y: np.ndarray, path: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    if x.ndim == 4 and x.shape[-1] == 1:
        x = x[..., 0]
    if x.ndim != 3 or x.shape[1:] != (SIDE, SIDE):
        raise InvalidData(
            f"{path}: x_{part} is {x.shape}; expected (n, {SIDE}, {SIDE}). A folder with a "
            "subfolder of pictures for each class is brought to that size."
        )
    y = y.reshape(-1)
    if y.dtype.kind == "f" and _are_whole(y).all():
        y = y.astype(np.int64)  # a class is called 1, not 1.0
    if y.dtype.kind not in "biuU":
        raise InvalidData(
            f"{path}: y_{part} has labels that are no whole numbers and no text, such as "
            f"{_first_odd(y)}; give each class a number or a name."
        )
    if len(x) != len(y) or not len(x):
        raise InvalidData(f"{path}: {len(x)} pictures and {len(y)} labels in {part}.")
    if not np.isfinite(x.astype(np.float64)).all() or x.min() < 0:
        raise InvalidData(f"{path}: x_{part} has values that are negative or no numbers.")
    scale = 255 if x.max() <= 1 else 1
    if x.max() > 255:
        raise InvalidData(f"{path}: x_{part} reaches {x.max()}; expected 0 to 255, or 0 to 1.")
    return np.rint(x * np.float32(scale)).astype(np.uint8), y


def _are_whole(labels: np.ndarray) -> np.ndarray:
    return (labels == np.rint(labels)) & (np.abs(labels) < LARGEST_LABEL)


def _first_odd(labels: np.ndarray) -> object:
    odd = labels[~_are_whole(labels)] if labels.dtype.kind == "f" else labels
    return odd.tolist()[0]


# --- folders of pictures --------------------------------------------------------------------------


def _class_folders(path: Path) -> Pictures:
    """A subfolder a class; `train` and `test` above them are the two parts."""
    training = _training_folder(path)
    classes = _classes(training)
    train = _of_folders(training, classes)
    if training == path:
        return Pictures(classes, train, notes=_left_out(path))
    other = set(_classes(path / "test")) - set(classes)
    if other:
        raise InvalidData(f"{path / 'test'} has classes without training: {sorted(other)}.")
    test = _of_folders(path / "test", classes)
    notes = *_left_out(training), *_left_out(path / "test")
    if more := sorted({child.name for child in _shown(path)} - {"train", "test"}):
        notes += (f"{path}: only train and test are read, not {', '.join(more)}.",)
    return Pictures(classes, train, test, notes)


def _training_folder(path: Path) -> Path:
    """Where the training pictures' subfolders are."""
    is_split = (path / "train").is_dir() and (path / "test").is_dir()
    return path / "train" if is_split else path


def _classes(folder: Path) -> tuple[str, ...]:
    names = sorted(child.name for child in _shown(folder) if child.is_dir())
    if not 2 <= len(names) <= MOST_CLASSES:
        raise InvalidData(
            f"{folder} has {len(names)} subfolder{'' if len(names) == 1 else 's'}; expected one "
            f"for each class, 2 to {MOST_CLASSES}, each with its pictures."
        )
    return tuple(names)


def _of_folders(folder: Path, classes: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    found = [(file, label) for label, name in enumerate(classes) for file in _files(folder / name)]
    if not FEWEST <= len(found) <= MOST:
        raise InvalidData(f"{folder} has {len(found)} pictures; expected {FEWEST} to {MOST:,}.")
    labels = np.array([label for _, label in found])
    there = {name for name in classes if (folder / name).is_dir()}
    if empty := sorted(there - {classes[label] for label in labels}):
        raise InvalidData(
            f"{folder}: there is no picture in {', '.join(empty[:SHOWN_FAULTS])}; expected files "
            f"that end in {', '.join(sorted(SUFFIXES))}. Add some, or remove the folder."
        )
    images = np.empty((len(found), SIDE, SIDE), np.uint8)
    faults = []
    with warnings.catch_warnings(action="ignore"):  # Pillow's name no file; faults are said below
        for place, (file, _) in enumerate(found):
            try:
                images[place] = in_form(file)
            except Exception as error:  # on damaged files Pillow raises almost anything
                fault = "unknown format" if isinstance(error, UnidentifiedImageError) else error
                faults.append(f"{file.relative_to(folder)}: {fault}")
    if faults:
        more = f"; and {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
        raise InvalidData(
            f"{folder}: {len(faults)} of {len(found)} pictures cannot be read: "
            f"{'; '.join(faults[:SHOWN_FAULTS])}{more}. Replace or remove them."
        )
    return images, labels


def _files(folder: Path) -> list[Path]:
    """The pictures of a class.

    Raises:
        InvalidData: some are in folders below it, whose class could be another one.
    """
    below = [child for child in _shown(folder) if child.is_dir()]
    for file in (file for child in below for file in sorted(child.rglob("*"))):
        if file.suffix.lower() in SUFFIXES:
            raise InvalidData(
                f"{file} is in a folder below {folder}; expected the pictures of a class directly "
                "in its folder, and above the classes nothing, or train and test."
            )
    return [file for file in _shown(folder) if file.suffix.lower() in SUFFIXES]


def _shown(folder: Path) -> list[Path]:
    """What is in a folder, by name, hidden files and folders left out; nothing if it is none."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [child for child in found if child.name[0] != "."]


def _left_out(folder: Path) -> tuple[str, ...]:
    """A sentence on the files that are no pictures, or in no folder of a class."""
    inside = [file for child in _shown(folder) for file in _shown(child)]
    files = [file for file in _shown(folder) if file.is_file()]
    files += [f for f in inside if f.is_file() and f.suffix.lower() not in SUFFIXES]
    if not files:
        return ()
    some = ", ".join(str(file.relative_to(folder)) for file in files[:SHOWN_FAULTS])
    return (
        f"{folder}: {len(files):,} files are no pictures in the folder of a class and left out: "
        f"{some}{', …' if len(files) > SHOWN_FAULTS else ''}.",
    )


def in_form(file: Path) -> np.ndarray:
    """A picture as uint8 (28, 28), ink 255 on 0, in the form to which the service brings pictures.

    A picture of 28×28 pixels is taken as it is.

    Raises:
        ValueError: nothing is drawn on it.
        Exception: it is damaged; Pillow raises almost anything then.
    """
    # By its path, Pillow would map a TIFF into memory and scramble what its orientation turns.
    with file.open("rb") as stream, Image.open(stream) as image:
        draft(image)
        grey = to_grey(image)
    found = np.rint((grey if grey.shape == (SIDE, SIDE) else prepare(grey)) * 255).astype(np.uint8)
    if found.min() == found.max():
        raise ValueError("nothing is drawn on it")
    return found
