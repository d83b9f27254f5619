"""What an MLflow run of ours contains, in one place.

Every write names its run: MLflow's active run belongs to one thread and is never used.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    InputTag,
    LoggedModelOutput,
    Metric,
    Param,
    Run,
)
from mlflow.exceptions import MlflowException
from PIL import Image

from ann_models import archives
from ann_models.entry import Variant
from ann_models.findings import Findings
from ann_models.questions import QUESTIONS
from ann_models.studies.overview import Summary
from pipelines.errors import TrackingUnavailable, format_error, translate
from pipelines.process_identity import has_ended, this_process
from pipelines.settings import Settings
from pipelines.tracking import views

if TYPE_CHECKING:
    import keras

    from ann_models import datasets

CURVE_POINTS = 100  # of a curve are metrics; every point is in curves.npz
DIGEST_CHARACTERS = 36  # MLflow's limit for a data set's digest; the whole one is a tag
NOTE = "mlflow.note.content"
PROCESS = "process"  # tag: who writes the run, to find runs whose writer was killed
PACKAGES = ("keras", "tensorflow", "numpy")  # what loading a logged model needs

# A server that restarts is waited for, 12 s each time; MLflow itself would wait minutes.
RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
os.environ.setdefault(RETRIES, "3")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")


class Tracking:
    """The MLflow store behind the settings."""

    def __init__(self, settings: Settings) -> None:
        """Connect, make the embedded store if it is new, and close runs whose process is gone.

        Raises:
            TrackingUnavailable: the server does not answer, or the store cannot be opened.
        """
        self.settings = settings
        try:
            self.client = _open(settings)
        except Exception as error:
            cause = translate(error)
            if cause is error:
                cause = TrackingUnavailable(
                    f"the runs at {settings.tracking_uri} cannot be opened "
                    f"({format_error(error)}). Mend the store, or set MLFLOW_TRACKING_URI to "
                    "another or to none."
                )
            raise cause from error
        self.close_abandoned_runs()

    # --- experiments ------------------------------------------------------------------------------

    def experiment(self, question: str, quick: bool = False) -> str:
        """The id of a question's experiment, made with its notes and comparison views if new."""
        title = QUESTIONS[question].title + (" (quick look)" if quick else "")

        def tags(identity: str) -> dict[str, str]:
            note = views.experiment_note(QUESTIONS[question], identity)
            return views.views_for(question) | {NOTE: note, "question": question}

        return self._experiment(title, tags)

    def watch(self, title: str, note: str) -> str:
        """The id of an experiment that answers no question of the lecture, made if it is new."""
        return self._experiment(title, lambda _: {NOTE: note, "question": title})

    def _experiment(self, title: str, tags: Callable[[str], Mapping[str, str]]) -> str:
        found = self.client.get_experiment_by_name(title)
        if found is None:
            location = self.settings.artifacts.as_uri() if self.settings.embedded else None
            try:
                identity = self.client.create_experiment(title, location)
            except MlflowException:
                found = self.client.get_experiment_by_name(title)
                if found is None:
                    raise
                return found.experiment_id  # another process was quicker, and sets the tags
        else:
            identity = found.experiment_id
        for key, value in tags(identity).items():
            if not found or found.tags.get(key) != value:
                self.client.set_experiment_tag(identity, key, value)
        return identity

    def experiments(self) -> list[Experiment]:
        """The experiments of this project, by title."""
        found = self.client.search_experiments(filter_string="tags.question != ''")
        return sorted(found, key=lambda experiment: experiment.name)

    # --- one run ----------------------------------------------------------------------------------

    @contextmanager
    def run(
        self, experiment: str, name: str, tags: Mapping[str, str], start: int | None = None
    ) -> Iterator[str]:
        """A run that always ends: finished, failed, or killed by Ctrl-C or a signal.

        It starts now, or at `start`, in milliseconds since 1970.
        """
        process = {PROCESS: this_process(), "git_commit": git_commit()}
        created = self.client.create_run(experiment, start, {**process, **tags}, name)
        run_id: str = created.info.run_id
        try:
            yield run_id
        except BaseException as error:
            status = "FAILED" if isinstance(error, Exception) else "KILLED"
            self._end(run_id, status, f"{type(error).__name__}: {error}")
            raise
        self._end(run_id, "FINISHED")

    def _end(self, run_id: str, status: str, why: str = "") -> None:
        try:
            if self.client.get_run(run_id).info.end_time:
                return  # whoever logged to it last has ended it
            if why:
                self.client.set_tag(run_id, "error", why[:5000])
            self.client.set_terminated(run_id, status)
        except Exception:
            if status == "FINISHED":
                raise
            # The server is away: the next command finds the run by its process tag and closes it.

    def log_settings(
        self, run_id: str, variant: Variant, seeds: Iterable[int], data: datasets.Dataset
    ) -> None:
        """Every setting of the entry as a parameter, and its data set as an input."""
        settings = {**variant.settings(), "seeds": len(list(seeds)), "data_source": data.source}
        self.client.log_batch(run_id, params=[Param(k, str(v)) for k, v in settings.items()])
        if data.arrays:
            self.log_data(run_id, data, "training")
            self.client.set_tag(run_id, "data_sha256", data.digest)

    def log_data(self, run_id: str, data: datasets.Dataset, context: str) -> None:
        """A data set as an input of the run, by its digest; `context` says what it is for."""
        shapes = {name: list(array.shape) for name, array in data.arrays.items()}
        entity = Dataset(
            name=data.name,
            digest=data.digest[:DIGEST_CHARACTERS],
            source_type=data.source,
            source=json.dumps({"source": data.source, "sha256": data.digest}),
            profile=json.dumps(shapes),
        )
        purpose = [InputTag("mlflow.data.context", context)]
        self.client.log_inputs(run_id, [DatasetInput(entity, purpose)])

    def log_findings(
        self, run_id: str, findings: Findings, extra: Mapping[str, Path], panel: str | None = None
    ) -> None:
        """Metrics, curves by epoch, figures and tables.

        Args:
            run_id: the run.
            findings: what its study found.
            extra: further files, by artifact name.
            panel: the figure that stands for the run where runs are compared.
        """
        now = int(time.time() * 1000)
        metrics = []
        for name, curve in findings.curves.items():
            metrics += _by_epoch(name, curve, findings.metrics.get(name), now)
        for name in findings.metrics.keys() - findings.curves.keys():
            metrics.append(Metric(name, float(findings.metrics[name]), now, 0))
        for name, series in findings.series.items():
            metrics += [Metric(name, value, now, step) for step, value in series.items()]
        for first in range(0, len(metrics), 1000):
            self.client.log_batch(run_id, metrics=metrics[first : first + 1000])
        with tempfile.TemporaryDirectory() as folder:
            _write_files(Path(folder), findings, extra)
            self.client.log_artifacts(run_id, folder)
            if panel:
                image = Image.open(Path(folder, "figures", f"{panel}.png"))
                self.client.log_image(run_id, image, key=views.PANEL, step=0, synchronous=True)

    def note(self, run_id: str, paragraphs: Iterable[str], figures: Iterable[str]) -> None:
        """The run's description: words first, then its pictures in place."""
        pictures = views.pictures(run_id, [f"figures/{name}.png" for name in figures])
        self.client.set_tag(run_id, NOTE, "\n\n".join([*paragraphs, pictures])[:5000])

    def log_model(self, run_id: str, model: keras.Model, name: str) -> None:
        """The Keras model with its signature, as a logged model of the run."""
        import mlflow.keras
        from mlflow.models import ModelSignature
        from mlflow.types import Schema, TensorSpec

        def schema(shape: tuple[Any, ...]) -> Schema:
            return Schema([TensorSpec(np.dtype(np.float32), (-1, *shape[1:]))])

        run = self.client.get_run(run_id)
        logged = self.client.create_logged_model(
            run.info.experiment_id, name.replace(".", "_"), run_id, params=run.data.params
        )
        with tempfile.TemporaryDirectory() as folder:
            mlflow.keras.save_model(
                model,
                f"{folder}/model",
                signature=ModelSignature(schema(model.input_shape), schema(model.output_shape)),
                pip_requirements=_requirements(),
            )
            self.client.log_model_artifacts(logged.model_id, f"{folder}/model")
        self.client.finalize_logged_model(logged.model_id, "READY")
        self.client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])

    # --- all runs ---------------------------------------------------------------------------------

    def runs(self, condition: str = "") -> list[Run]:
        """The runs of this project, newest first."""
        ids = [experiment.experiment_id for experiment in self.experiments()]
        return list(self.client.search_runs(ids, condition, max_results=5000)) if ids else []

    def newest(self, question: str, quick: bool = False) -> list[Run]:
        """The newest finished run of each variant of a question."""
        found = self.client.search_runs(
            [self.experiment(question, quick)],
            f"attributes.status = 'FINISHED' AND tags.{views.LATEST} = 'true'",
        )
        return sorted(found, key=lambda run: run.info.start_time)

    def newest_by_variant(self) -> dict[str, Run]:
        """The newest finished full run of every variant, by its name."""
        condition = f"attributes.status = 'FINISHED' AND tags.{views.LATEST} = 'true'"
        runs = self.runs(f"{condition} AND tags.quick = 'false'")
        return {run.data.tags["variant"]: run for run in runs}

    def finish(self, run_id: str, variant: str) -> None:
        """End a run to which all is logged; from now on it is its variant's newest."""
        self._end(run_id, "FINISHED")
        self.make_newest(run_id, variant, self.client.get_run(run_id).info.experiment_id)

    def make_newest(self, run_id: str, variant: str, experiment: str) -> None:
        """Mark a run as its variant's newest; the one before it loses the mark."""
        condition = f"tags.variant = '{variant}' AND tags.{views.LATEST} = 'true'"
        for run in self.client.search_runs([experiment], condition):
            if run.info.run_id != run_id:
                self.client.set_tag(run.info.run_id, views.LATEST, "false")
        self.client.set_tag(run_id, views.LATEST, "true")

    def summary(self, run: Run) -> Summary:
        """A logged run as the overview panels read it."""
        with tempfile.TemporaryDirectory() as folder:
            curves = self.client.download_artifacts(run.info.run_id, "curves.npz", folder)
            return Summary(
                name=run.data.tags["variant"],
                parameters=run.data.params,
                metrics=run.data.metrics,
                curves=archives.read(Path(curves)),
            )

    def close_abandoned_runs(self) -> list[str]:
        """End the runs whose process on this machine was killed before it could.

        Returns:
            Their ids.
        """
        closed = []
        for run in self.runs("attributes.status = 'RUNNING'"):
            if has_ended(run.data.tags.get(PROCESS, "")):
                self._end(run.info.run_id, "KILLED", "its process was killed")
                closed.append(run.info.run_id)
        return closed

    def close_lost_runs(self, pipeline_run_id: str, variant: str = "") -> None:
        """End the runs of a job, or of one variant in it, that nobody works on any more."""
        condition = f"attributes.status = 'RUNNING' AND tags.pipeline_run_id = '{pipeline_run_id}'"
        if variant:
            condition += f" AND tags.variant = '{variant}'"
        for run in self.runs(condition):
            self._end(run.info.run_id, "KILLED", "its worker was lost, or the job interrupted")


def _open(settings: Settings) -> MlflowClient:
    mlflow.set_tracking_uri(settings.tracking_uri)
    patience = os.environ[RETRIES]
    os.environ[RETRIES] = "0"  # whether there is a server at all is said at once
    try:
        client = MlflowClient(settings.tracking_uri)
        client.search_experiments(max_results=1)
    finally:
        os.environ[RETRIES] = patience
    if settings.embedded:
        with closing(sqlite3.connect(settings.home / "mlflow.db")) as database:
            database.execute("PRAGMA journal_mode=WAL")
    return client


@cache
def git_commit() -> str:
    """The code's commit, or the installed version where there is no checkout."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return importlib.metadata.version("ann-pipelines")


@cache
def _requirements() -> list[str]:
    """Given, not inferred: to infer them MLflow loads the model in a new process, for seconds."""
    installed = {d.name for d in importlib.metadata.distributions()}
    names = [name if name in installed else f"{name}-cpu" for name in PACKAGES]
    return [f"{name}=={importlib.metadata.version(name)}" for name in names]


def _by_epoch(name: str, curve: np.ndarray, final: float | None, now: int) -> list[Metric]:
    """At most CURVE_POINTS epochs of a curve, its mean over the seeds; the first epoch is 1.

    The final value of the same measure, taken on the finished network, is the last epoch's: what
    MLflow shows of a metric is its last value.
    """
    by_seed = curve.reshape(len(curve), -1)
    epochs = np.flatnonzero(np.isfinite(by_seed).any(axis=1))
    if len(epochs) > CURVE_POINTS:  # denser where curves bend: at the start
        places = np.geomspace(1, len(epochs), CURVE_POINTS).astype(int) - 1
        epochs = epochs[np.unique(places)]
    means = np.nanmean(by_seed[epochs], axis=1)
    if final is not None and len(means):
        means[-1] = final
    return [
        Metric(name, float(mean), now, int(epoch) + 1)
        for epoch, mean in zip(epochs, means, strict=True)
    ]


def _write_files(folder: Path, findings: Findings, extra: Mapping[str, Path]) -> None:
    for name, figure in findings.figures.items():
        path = folder / "figures" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        figure.savefig(path, dpi=100, pil_kwargs={"compress_level": 1})
    for name, table in findings.tables.items():
        (folder / "tables").mkdir(exist_ok=True)
        (folder / "tables" / f"{name}.json").write_text(json.dumps(table, default=float))
    archives.write(folder / "curves.npz", {**findings.curves, **findings.arrays})
    for name, path in extra.items():
        shutil.copyfile(path, folder / name)
