"""What a job uses: settings, MLflow's stores, progress reporter; its data sets and networks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ann_models import datasets
from ann_models.datasets import Dataset
from ann_models.entry import Variant
from ann_models.variants import VARIANTS
from pipelines import settings as environment
from pipelines.errors import WrongUse
from pipelines.feedback import corrections
from pipelines.feedback.requests import Corrections
from pipelines.flows import progress
from pipelines.flows.progress import ProgressReporter
from pipelines.registry.client import Registry
from pipelines.registry.data_sets import DataSetEntry
from pipelines.settings import Settings
from pipelines.tracking.client import Tracking

if TYPE_CHECKING:
    from ann_models.training.result import Training


MOST_OF_A_NAME = 200  # bytes of a data set's name in that of its file; most file systems take 255


@dataclass(frozen=True)
class DataFile:
    """A data set on disk: tasks pass it to each other in place of arrays."""

    path: str
    source: str
    digest: str
    data_set: DataSetEntry | None = None  # of an image data set of one's own
    corrections: str | None = None  # path of those that join whatever part of it a variant uses


def require_examples(variant: Variant, data: Dataset) -> None:
    """Refuse a changed row or one's own that asks for more pictures than there are.

    A row of the lecture takes all of the offline digits where there is no MNIST.

    Raises:
        WrongUse: there are fewer.
    """
    found = len(data.arrays["x_train"])
    row = VARIANTS.get(variant.derived_from or variant.name)
    if row and row.train_size == variant.train_size:
        return
    if variant.train_size and variant.train_size > found:
        raise WrongUse(
            f"{variant.name}: data.size={variant.train_size}, and {data.source} has {found:,} "
            f"pictures for training; set data.size to {found} or less."
        )


@dataclass(eq=False)
class Context:
    """What a job uses; its flow makes it once and passes it to every function and task.

    In another process it cannot be the same object. Pickled, as a parameter of a task that the
    helper process runs, it is reduced to its settings, from which that process makes its own:
    neither data sets nor networks travel. A Dask worker opens one for each variant.

    Attributes:
        settings: of the process that made it.
        tracking: MLflow's runs.
        registry: MLflow's model registry.
        progress: receives the progress of the training.
    """

    settings: Settings
    tracking: Tracking
    registry: Registry
    progress: ProgressReporter = field(default_factory=ProgressReporter)
    _dataset: tuple[str, Dataset] | None = None  # the last one that was read
    _training: tuple[str, Training] | None = None  # the last one, until it is evaluated
    _upstream: dict[str, Training] = field(default_factory=dict)  # by run

    @classmethod
    def open(cls, reporter: ProgressReporter | None = None) -> Context:
        """Open the stores that the environment names.

        Raises:
            TrackingUnavailable: MLflow's server or store cannot be reached.
        """
        settings = environment.load()
        Tracking(settings).open()
        return cls.of(settings, reporter or progress.current())

    @classmethod
    def of(cls, settings: Settings, reporter: ProgressReporter | None = None) -> Context:
        """The context of settings whose stores are open."""
        registry = Registry(settings.tracking_uri, settings.home)
        return cls(settings, Tracking(settings), registry, reporter or ProgressReporter())

    def __reduce__(self) -> tuple[Callable[[Settings], Context], tuple[Settings]]:
        """In the helper process it is made again from its settings."""
        return Context.of, (self.settings,)

    # --- data sets --------------------------------------------------------------------------------

    def save_dataset(self, data: Dataset) -> DataFile:
        """Write a data set under its name and digest, unless it is there."""
        path = self.saved_dataset(data.name, data.digest)
        if path is None:
            path = self._file_of(data.name, data.digest)
            data.save(path)
        return DataFile(str(path), data.source, data.digest)

    def saved_dataset(self, name: str, digest: str) -> Path | None:
        """The file of a data set that was written before; None if it is not there any more."""
        path = self._file_of(name, digest)
        try:
            os.utime(path)  # its last use, for `ann prune`
        except FileNotFoundError:
            return None
        return path

    def _file_of(self, name: str, digest: str) -> Path:
        start = name.encode()[:MOST_OF_A_NAME].decode(errors="ignore")
        return self.settings.data / f"{start}-{digest[:12]}.npz"

    def load_dataset(self, path: str) -> Dataset:
        """Read a data set; the last one stays in memory."""
        if self._dataset is None or self._dataset[0] != path:
            self._dataset = path, Dataset.load(Path(path))
        return self._dataset[1]

    def dataset_of(self, variant: Variant, file: DataFile) -> Dataset:
        """The part of a data set that a variant uses, and the corrections of that file."""
        data = self.load_dataset(file.path)
        if variant.train_size is not None:
            size = min(variant.train_size, len(data.arrays["x_train"]))
            data = datasets.digits_subset(data, size)
        if file.corrections is None:
            return data
        corrected = Corrections.of(Dataset.load(Path(file.corrections)))
        return corrections.add_to_training(data, corrected)[0]

    # --- networks ---------------------------------------------------------------------------------

    def save_training(self, training: Training, run_id: str) -> str:
        """Write what was trained in a run, and keep it for the next task; the file's path."""
        path = self.settings.work / run_id / "training.npz"
        training.save(path)
        self._training = str(path), training
        return str(path)

    def load_training(self, path: str, variant: Variant, data: Dataset) -> Training:
        """What was trained: the object that was saved, from the second time on from its file.

        Only once: a study draws random masks, and a retry must draw the same ones.
        """
        from ann_models.training.result import Training

        if self._training and self._training[0] == path:
            (_, training), self._training = self._training, None
            return training
        return Training.load(Path(path), variant, data.arrays["x_train"].shape[1:])

    def upstream_training(self, run_id: str, load: Callable[[], Training]) -> Training:
        """The networks of an upstream variant's run, downloaded once a job."""
        if run_id not in self._upstream:
            self._upstream[run_id] = load()
        return self._upstream[run_id]

    def remove_work(self, run_id: str) -> None:
        """Remove what the tasks of a run passed to each other on disk."""
        shutil.rmtree(self.settings.work / run_id, ignore_errors=True)
