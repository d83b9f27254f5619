"""The lecture's data: a data set and its digest, seeded generators, digits in a fixed split."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ann_models import archives, data_name, points
from ann_models.digits import mnist
from ann_models.errors import InvalidData, UnknownName

log = logging.getLogger(__name__)

DATA_SEED = 0  # of the pipeline's generated data; the runs' seeds are the networks'
SPLIT_SEED = 20_240_229  # of the split, never of a run: changing it changes every comparison
MNIST_VALIDATION = 10_000
OFFLINE_TRAIN, OFFLINE_VALIDATION = 1_197, 300  # of 1,797; the last 300 are the test digits
_LABELS = ("name", "source", "digest")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Named arrays, made read-only.

    Attributes:
        name: such as "cubic" or "digits".
        source: "generated", "own", "mnist", "offline-digits", or the name of an image data set.
        arrays: some of x_train, y_train, x_val, y_val, x_test, y_test. Tables are float32
            x (n, d) and y (n, k); digits are float32 (n, 28, 28) in [0, 1] and int32 (n,). Pictures
            and classified points of one's own also have `classes`, the names of their classes.
    """

    name: str
    source: str
    arrays: dict[str, np.ndarray]

    def __post_init__(self) -> None:
        read_only = {name: np.ascontiguousarray(a).view() for name, a in self.arrays.items()}
        for array in read_only.values():
            array.flags.writeable = False
        object.__setattr__(self, "arrays", read_only)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over every array's name, dtype, shape and bytes, in the order of the names."""
        sha = hashlib.sha256()
        for name, array in sorted(self.arrays.items()):
            sha.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            sha.update(array.data)
        return sha.hexdigest()

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes of one's own pictures or points; none of the lecture's data."""
        return tuple(str(name) for name in self.arrays.get("classes", ()))

    @cached_property
    def without_test(self) -> Dataset:
        """The same without its test examples: all that may be seen by what decides something."""
        arrays = {name: a for name, a in self.arrays.items() if not name.endswith("_test")}
        return Dataset(self.name, self.source, arrays)

    def save(self, path: Path) -> None:
        """Write an .npz of plain arrays that appears whole or not at all."""
        labels = {label: np.array(getattr(self, label)) for label in _LABELS}
        archives.write(path, self.arrays | labels)

    @classmethod
    def load(cls, path: Path) -> Dataset:
        """Read what `save` wrote.

        Raises:
            InvalidData: the file is not such an .npz, or its content does not match its digest.
        """
        arrays = archives.read(path)
        try:
            name, source, digest = (str(arrays.pop(label)) for label in _LABELS)
        except KeyError as missing:
            raise InvalidData(
                f"{path} has no {missing}; expected a file written by Dataset.save."
            ) from None
        dataset = cls(name, source, arrays)
        if dataset.digest != digest:
            raise InvalidData(
                f"{path} holds data with digest {dataset.digest}, but was saved with {digest}; "
                "delete the file and make the data again."
            )
        return dataset


def generate(text: str, seed: int) -> Dataset:
    """Return the data that an entry's `data` names; the same text and seed give the same arrays.

    Args:
        text: a name of the lecture's data, with size and noise if they differ, or the path of a
            file of points, as `ann_models.data_name` reads them.
        seed: of the points that are drawn, and of the noise.

    Raises:
        UnknownName: no generator has that name.
        InvalidSetting: its size or noise cannot be meant.
        InvalidData: the file does not hold points.
    """
    wanted = data_name.parse(text)
    if wanted.is_images:
        return image_set(wanted.path)
    if wanted.is_file:
        path = Path(wanted.path)
        own = points.read(path)
        arrays = points.held_out(own) if wanted.held_out else {"x_train": own.x, "y_train": own.y}
        if own.classes:
            arrays["classes"] = np.array(own.classes)
        return Dataset(path.stem, "own", arrays)
    rng = np.random.default_rng([seed, *wanted.name.encode()])
    arrays = _GENERATORS[wanted.name](rng, wanted.size or data_name.SAMPLED.get(wanted.name, 0))
    if wanted.noise:
        noisy = "y" if data_name.KINDS[wanted.name] == "regression" else "x"
        for name in (name for name in arrays if name.startswith(noisy)):
            arrays[name] = arrays[name] + rng.normal(0, wanted.noise, arrays[name].shape)
    return Dataset(wanted.name, "generated", {k: v.astype(np.float32) for k, v in arrays.items()})


def _gates(rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    """Lecture row 1: the four points; the columns of y are AND, OR and XOR."""
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    return {"x_train": x, "y_train": np.stack([x.min(1), x.max(1), x[:, 0] ^ x[:, 1]], axis=1)}


def _xor(rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    """Lecture rows 2 and 3: the XOR column of the gates."""
    gates = _gates(rng, size)
    return gates | {"y_train": gates["y_train"][:, 2:]}


def _linear(rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    """Lecture row 4: two classes on either side of 0.8 x1 + x2 = 3."""
    x = rng.random((size, 2)) * [8, 7] - [0, 4]
    return {"x_train": x, "y_train": (x @ [[0.8], [1.0]] >= 3)}


def _nonlinear(rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    """Lecture row 5: two classes on either side of a parabola."""
    x = rng.random((size, 2)) * [10, 8] - [5, 4]
    return {"x_train": x, "y_train": (-0.5 * (x[:, :1] - 1) ** 2 + 2 * x[:, 1:] + 5 >= 0)}


def _cubic(rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    """Lecture rows 7 to 10: y = x³ + 0.1 x² − x + 0.1 at random places, without noise."""
    x = rng.uniform(-1.5, 1.5, (size, 1))
    return {"x_train": x, "y_train": x**3 + 0.1 * x**2 - x + 0.1}


def _ten_points(rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    """Lecture rows 19 to 22: ten noisy points that a large network can learn by heart."""
    y = [0.9819, 0.7973, 1.9737, 0.1838, 1.3180, -0.8361, -0.6591, -2.4701, -2.8122, -6.2512]
    return {"x_train": np.linspace(-4.5, 4.5, 10)[:, None], "y_train": np.array(y)[:, None]}


def _ten_points_held_out(rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    """Lecture row 23: three of the ten points, all between others, are for validation."""
    ten = _ten_points(rng, size)
    held_out = np.isin(np.arange(10), [1, 4, 7])
    train = {name: values[~held_out] for name, values in ten.items()}
    val = {name.replace("train", "val"): values[held_out] for name, values in ten.items()}
    return train | val


def _none(rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    """Lecture rows 6, 11 and 12 need no data."""
    return {}


_GENERATORS: dict[str, Callable[[np.random.Generator, int], dict[str, np.ndarray]]] = {
    "gates": _gates,
    "xor": _xor,
    "linear": _linear,
    "nonlinear": _nonlinear,
    "cubic": _cubic,
    "ten_points": _ten_points,
    "ten_points_held_out": _ten_points_held_out,
    "none": _none,
}


def digits(source: str) -> Dataset:
    """Return the handwritten digits of "mnist" or "offline-digits" in their fixed split.

    The split is stratified and the same in every run. MNIST: 50,000 training and 10,000
    validation digits out of its 60,000, and its own 10,000 test digits. Offline digits: 1,197,
    300 and 300. The training part is in a stratified order, so that its first n digits are a
    fair small training set (`digits_subset`).

    Raises:
        UnknownName: the source is another.
        InvalidData: `ANN_MNIST_PATH` is set, but the original MNIST is not there.
        DataUnavailable: MNIST cannot be had here; the offline digits always can.
    """
    if source not in _DIGITS:
        raise UnknownName(f"No digits come from {source!r}; expected {' or '.join(_DIGITS)}.")
    return Dataset("digits", source, _DIGITS[source]())


def image_set(text: str, notice: Callable[[str], None] = log.warning) -> Dataset:
    """Return an image data set of one's own in a fixed split, stratified as the digits' is.

    Of each class a sixth of the training pictures is for validation, and another sixth for the test
    where the set has no test part.

    Args:
        text: `fashion-mnist`, or a name and a path, as `ann_models.digits.image_sets` reads them.
        notice: receives a sentence on each kind of file or picture that was left out.

    Returns:
        The data set, whose source is the set's name; its array `classes` has the classes' names.

    Raises:
        InvalidSetting: the text names no set.
        InvalidData: the files are not a set of pictures.
        DataUnavailable: Fashion-MNIST cannot be had here.
    """
    from ann_models.digits import image_sets

    entry = image_sets.parse(text)
    found = image_sets.load(entry)
    for sentence in found.notes:
        notice(sentence)
    images, labels = found.train
    order = stratified_order(labels)
    among_class = np.empty(len(order), int)  # the index of each one within its class
    for label in range(len(found.classes)):
        members = np.flatnonzero(labels[order] == label)
        among_class[members] = np.arange(len(members)) % image_sets.HELD_OUT
    val, test = (order[among_class == place] for place in (0, 1))
    train = order[among_class > (1 if found.test is None else 0)]
    parts = {
        "train": (images[train], labels[train]),
        "val": (images[val], labels[val]),
        "test": found.test or (images[test], labels[test]),
    }
    arrays = {f"x_{part}": np.divide(x, 255, dtype=np.float32) for part, (x, _) in parts.items()}
    arrays |= {f"y_{part}": y.astype(np.int32) for part, (_, y) in parts.items()}
    return Dataset("digits", entry.name, arrays | {"classes": np.array(found.classes)})


def _mnist() -> dict[str, np.ndarray]:
    found = mnist.find()
    log.info("MNIST found in %s", found.origin)
    images, labels = found.arrays["x_train"], found.arrays["y_train"]
    train, val = np.split(stratified_order(labels), [-MNIST_VALIDATION])
    parts = {
        "train": (images[train], labels[train]),
        "val": (images[val], labels[val]),
        "test": (found.arrays["x_test"], found.arrays["y_test"]),
    }
    x = {f"x_{part}": np.divide(x, 255, dtype=np.float32) for part, (x, _) in parts.items()}
    return x | {f"y_{part}": y.astype(np.int32) for part, (_, y) in parts.items()}


def _offline_digits() -> dict[str, np.ndarray]:
    from ann_models.digits import offline_digits

    images, labels = offline_digits.load()
    order = stratified_order(labels)
    parts = np.split(order, [OFFLINE_TRAIN, OFFLINE_TRAIN + OFFLINE_VALIDATION])
    arrays: dict[str, np.ndarray] = {}
    for part, chosen in zip(("train", "val", "test"), parts, strict=True):
        arrays |= {f"x_{part}": images[chosen], f"y_{part}": labels[chosen]}
    return arrays


_DIGITS = {"mnist": _mnist, "offline-digits": _offline_digits}


def digits_subset(dataset: Dataset, n: int) -> Dataset:
    """Return the data set with its first n training digits; a smaller subset is in a larger one.

    Raises:
        InvalidData: n is not between 1 and the number of training digits.
    """
    x, y = dataset.arrays["x_train"], dataset.arrays["y_train"]
    if not 1 <= n <= len(x):
        raise InvalidData(f"A subset of {n} training digits was asked for; expected 1 to {len(x)}.")
    smaller = {"x_train": x[:n], "y_train": y[:n]}
    return Dataset(f"{dataset.name}_{n}", dataset.source, dataset.arrays | smaller)


def stratified_order(labels: np.ndarray) -> np.ndarray:
    """Return a fixed random order in which every stretch has each class in its due share.

    Within a class the order is random; the r-th of its m members then lands at a random place
    in the r-th of m equal stretches of the whole, as in systematic sampling.

    Args:
        labels: class of each example, shape (n,).

    Returns:
        A permutation of 0 … n−1, the same for the same labels.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        place[members] = (np.arange(len(members)) + rng.random(len(members))) / len(members)
    return np.argsort(place, kind="stable")
