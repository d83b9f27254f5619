"""What was logged, for whatever only reads it: MLflow is not imported, and nothing is made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mlflow_reader.entities import Experiment, Run, RunInfo
from mlflow_reader.reader import Reader, open_reader
from pipelines.settings import Settings
from pipelines.tracking import tags


def reader_of(uri: str) -> Reader | None:
    """A reader of the store at a tracking URI; None while its SQLite file is not made yet.

    Raises:
        StoreUnavailable: the file cannot be read.
    """
    path = uri.removeprefix("sqlite:///")
    return open_reader(uri) if path == uri or Path(path).exists() else None


class RunReader:
    """The runs of this project."""

    def __init__(self, settings: Settings) -> None:
        """Read the store of these settings."""
        self.settings = settings

    def experiments(self) -> list[Experiment]:
        """The experiments of this project, by title; numbers in it count as numbers."""
        reader = reader_of(self.settings.tracking_uri)
        found = reader.experiments() if reader else []
        ours = [experiment for experiment in found if experiment.tags.get(tags.QUESTION)]
        return sorted(ours, key=lambda experiment: _by_number(experiment.name))

    def runs_with(self, wanted: Mapping[str, str | None], status: str = "") -> list[Run]:
        """The runs of this project with these tags (None: any) and this status, newest first."""
        ids = [experiment.experiment_id for experiment in self.experiments()]
        reader = reader_of(self.settings.tracking_uri)
        return reader.runs(ids, wanted, status) if reader else []

    def run_infos(self, deleted: bool = False) -> list[RunInfo]:
        """What identifies the runs of this project, newest first; `deleted` adds deleted ones."""
        ids = [experiment.experiment_id for experiment in self.experiments()]
        reader = reader_of(self.settings.tracking_uri)
        return reader.run_infos(ids, deleted) if reader else []

    def model_places(self) -> dict[str, dict[str, str]]:
        """Where the logged models of this project's runs are: by run's id, by model's id."""
        ids = [experiment.experiment_id for experiment in self.experiments()]
        reader = reader_of(self.settings.tracking_uri)
        return reader.model_places(ids) if reader else {}

    def newest_by_variant(self) -> dict[str, Run]:
        """The newest finished full run of every variant, by its name."""
        runs = self.runs_with({tags.LATEST: "true", tags.QUICK: "false"}, "FINISHED")
        return {run.data.tags[tags.VARIANT]: run for run in reversed(runs)}


def _by_number(title: str) -> list[str | int]:
    """A key that sorts "10 …" after "9 …"."""
    parts = re.split(r"(\d+)", title)  # text and number in turns
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]
