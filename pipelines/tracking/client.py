"""The MLflow store: experiments, and what a run contains.

Every write names its run: MLflow's active run belongs to one thread and is never used.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    InputTag,
    LifecycleStage,
    LoggedModelOutput,
    Param,
    Run,
    ViewType,
)
from mlflow.exceptions import MlflowException
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request
from PIL import Image

from ann_models import archives
from ann_models.entry import Question, Variant
from ann_models.errors import UnknownName
from ann_models.findings import Findings
from ann_models.questions import QUESTIONS
from pipelines.errors import TrackingUnavailable, format_error, translate, was_interrupted
from pipelines.locks import exclusive_lock
from pipelines.process_identity import has_ended, this_process
from pipelines.settings import SERVER_SCHEMES
from pipelines.tracking import monitoring_views, provenance, tags, views
from pipelines.tracking.content import metrics_of, requirements, write_files
from pipelines.tracking.question_views import LATEST_RUNS
from pipelines.tracking.reader import RunReader
from pipelines.tracking.store import DATABASE, check_version, make_store

if TYPE_CHECKING:
    import keras

    from ann_models import datasets
    from ann_models.studies.overview import Summary

QUICK_LOOK = " (quick look)"  # ends the titles of experiments whose numbers are not results
IMAGE_STRIDE = 2  # of an animation's frames that are images by epoch; the GIF has all of them
DIGEST_CHARACTERS = 36  # MLflow's limit for a data set's digest; the whole one is a tag
EXPERIMENTS = "/api/2.0/mlflow/experiments/search"  # the cheapest question to a server

TAG_CHARACTERS = 8000  # MLflow's limit for a run's tag
STORE_LOCK = "mlflow.lock"  # of two first commands only one makes the embedded store


class Tracking(RunReader):
    """The MLflow store behind the settings.

    Nothing is opened or written before it is asked for; commands that write call `open` first.
    """

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's client of the store."""
        return MlflowClient(self.settings.tracking_uri)

    def open(self) -> Tracking:
        """Make the embedded store if it is new, and end the runs whose process has ended.

        Raises:
            TrackingUnavailable: the server does not answer, or the store cannot be opened.
        """
        if not self.settings.embedded:
            self.check()
        else:
            with exclusive_lock(self.settings.home / STORE_LOCK):
                if not (self.settings.home / DATABASE).exists():
                    make_store(self.settings)
                self.check()
            with closing(sqlite3.connect(self.settings.home / DATABASE)) as database:
                database.execute("PRAGMA journal_mode=WAL")
        self.end_orphaned_runs()
        return self

    def check(self) -> None:
        """Ask the store for an answer; a server that is not there is reported without retries.

        Raises:
            TrackingUnavailable: the server does not answer, or the store cannot be opened.
        """
        uri = self.settings.tracking_uri
        try:
            if uri.startswith(SERVER_SCHEMES):
                request = {"json": {"max_results": 1}, "max_retries": 0}
                http_request(
                    get_default_host_creds(uri), EXPERIMENTS, "POST", **request
                ).raise_for_status()
                check_version(uri)
            self.client.search_experiments(max_results=1)
        except Exception as error:
            cause = translate(error)
            if cause is error:
                cause = TrackingUnavailable(
                    f"the runs at {uri} cannot be opened ({format_error(error)}). Repair the "
                    "store, or set MLFLOW_TRACKING_URI to another or to none."
                )
            raise cause from error

    # --- experiments ------------------------------------------------------------------------------

    def experiment(self, question: str, quick: bool = False) -> str:
        """The id of a question's experiment, made with its notes and comparison views if new.

        That of a question that is not the lecture's is made by `add_question`.
        """
        if question not in QUESTIONS:
            return self._own_experiment(question, quick)
        title = QUESTIONS[question].title + (QUICK_LOOK if quick else "")

        def tags_of(identity: str) -> dict[str, str]:
            note = views.experiment_note(QUESTIONS[question], identity)
            return views.views_for(question) | {tags.NOTE: note, tags.QUESTION: question}

        return self._experiment(title, tags_of)

    def add_question(self, question: Question, quick: bool = False) -> str:
        """The id of the experiment of a question of one's own, made if it is new."""

        def tags_of(identity: str) -> dict[str, str]:
            note = views.experiment_note(question, identity)
            return views.views_for(question.key, question.title) | {
                tags.NOTE: note,
                tags.QUESTION: question.key,
                tags.QUICK: str(quick).lower(),
            }

        return self._experiment(question.title + (QUICK_LOOK if quick else ""), tags_of)

    def _own_experiment(self, question: str, quick: bool) -> str:
        quickly = str(quick).lower()
        wanted = f"tags.{tags.QUESTION} = '{question}' AND tags.{tags.QUICK} = '{quickly}'"
        search = self.client.search_experiments
        found = search(filter_string=wanted) or search(ViewType.DELETED_ONLY, filter_string=wanted)
        if not found:
            raise UnknownName(f"no experiment answers the question {question!r}.")
        self._restore(found[0])
        return str(found[0].experiment_id)

    def monitoring_experiment(self, title: str, note: str) -> str:
        """The id of an experiment that answers no question of the lecture, made if it is new."""

        def tags_of(identity: str) -> dict[str, str]:
            text = monitoring_views.note(title, note, identity)
            return monitoring_views.views_for(title) | {tags.NOTE: text, tags.QUESTION: title}

        return self._experiment(title, tags_of)

    def find_experiment(self, title: str) -> Experiment | None:
        """The experiment of a title; one that was deleted is restored: its title stays taken."""
        found = self.client.get_experiment_by_name(title)
        if found:
            self._restore(found)
        return found

    def _restore(self, experiment: Experiment) -> None:
        """Restore an experiment that was deleted, and its runs.

        Nobody is told: who asks for it is about to log to it, and MLflow's UI lists it again.
        """
        if experiment.lifecycle_stage != LifecycleStage.DELETED:
            return
        try:
            self.client.restore_experiment(experiment.experiment_id)
        except MlflowException:
            found = self.client.get_experiment(experiment.experiment_id)
            if found.lifecycle_stage == LifecycleStage.DELETED:
                raise  # else another process was quicker

    def _experiment(self, title: str, tags_of: Callable[[str], Mapping[str, str]]) -> str:
        found = self.find_experiment(title)
        if found is None:
            location = self.settings.artifacts.as_uri() if self.settings.embedded else None
            try:
                identity = self.client.create_experiment(title, location)
            except MlflowException:
                found = self.find_experiment(title)
                if found is None:
                    raise
                return found.experiment_id  # another process was quicker, and sets the tags
        else:
            identity = found.experiment_id
        for key, value in tags_of(identity).items():
            if not found or found.tags.get(key) != value:
                self.client.set_experiment_tag(identity, key, value)
        return identity

    # --- one run ----------------------------------------------------------------------------------

    @contextmanager
    def run(
        self, experiment: str, name: str, about: Mapping[str, str], start: int | None = None
    ) -> Iterator[str]:
        """A run that always ends: finished, failed, or killed by Ctrl-C or a signal.

        Args:
            experiment: its id.
            name: the run's.
            about: its tags; who writes it, and with which code, is added.
            start: milliseconds since 1970; now, if it is not given.
        """
        own = {tags.PROCESS: this_process(), **provenance.of_this_process()}
        created = self.client.create_run(experiment, start, {**own, **about}, name)
        run_id: str = created.info.run_id
        try:
            yield run_id
        except BaseException as error:
            failed = isinstance(error, Exception) and not was_interrupted(error)
            status = "FAILED" if failed else "KILLED"
            self._end(run_id, status, f"{type(error).__name__}: {error}")
            raise
        self._end(run_id, "FINISHED")

    def _end(self, run_id: str, status: str, error: str = "") -> None:
        try:
            if self.client.get_run(run_id).info.end_time:
                return  # the process that logged to it has ended it
            if error:
                self.client.set_tag(run_id, tags.ERROR, error[:TAG_CHARACTERS])
            self.client.set_terminated(run_id, status)
        except Exception:
            if status == "FINISHED":
                raise
            # The server is unavailable: the next command finds the run by its process tag.

    def log_settings(
        self, run_id: str, variant: Variant, seeds: Iterable[int], data: datasets.Dataset
    ) -> None:
        """Every setting of the entry as a parameter, and its data set as an input."""
        settings = {**variant.settings(), "seeds": len(list(seeds)), tags.DATA_SOURCE: data.source}
        self.client.log_batch(run_id, params=[Param(k, str(v)) for k, v in settings.items()])
        if data.arrays:
            self.log_data(run_id, data, "training")
            self.client.set_tag(run_id, tags.DATA_SHA256, data.digest)

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
        purpose = [InputTag(tags.DATA_CONTEXT, context)]
        self.client.log_inputs(run_id, [DatasetInput(entity, purpose)])

    def log_findings(
        self,
        run_id: str,
        findings: Findings,
        extra: Mapping[str, Path],
        panel: tuple[str, str] | None = None,
    ) -> None:
        """Metrics, curves by epoch, figures, tables, and animations frame by frame.

        Args:
            run_id: the run.
            findings: what its study found.
            extra: further files, by artifact name.
            panel: the figure that stands for the run where runs are compared, and its title
                there, which those runs share.
        """
        metrics = metrics_of(findings, int(time.time() * 1000))
        self.client.log_batch(run_id, metrics=metrics)  # in requests that a server accepts
        with tempfile.TemporaryDirectory() as folder:
            write_files(Path(folder), findings, extra)
            self.client.log_artifacts(run_id, folder)
            if panel:
                figure, title = panel
                image = Image.open(Path(folder, "figures", f"{figure}.png"))
                self.client.log_image(run_id, image, key=title, step=0, synchronous=True)
        for name, animation in findings.animations.items():
            for epoch, frame in animation.thinned(IMAGE_STRIDE):
                self.client.log_image(run_id, frame, key=name, step=epoch, synchronous=True)

    def note(self, run_id: str, paragraphs: Iterable[str], figures: Iterable[str]) -> None:
        """The run's description: paragraphs, then its figures in place."""
        pictures = views.pictures(run_id, [f"figures/{name}.png" for name in figures])
        text = "\n\n".join([*paragraphs, pictures])
        self.client.set_tag(run_id, tags.NOTE, text[:TAG_CHARACTERS])

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
                pip_requirements=requirements(),
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
            LATEST_RUNS,
        )
        return sorted(found, key=lambda run: run.info.start_time)

    def make_newest(self, run_id: str, variant: str, experiment: str) -> None:
        """Mark a run as its variant's newest; the one before it loses the mark."""
        condition = f"tags.{tags.VARIANT} = '{variant}' AND tags.{tags.LATEST} = 'true'"
        for run in self.client.search_runs([experiment], condition):
            if run.info.run_id != run_id:
                self.client.set_tag(run.info.run_id, tags.LATEST, "false")
        self.client.set_tag(run_id, tags.LATEST, "true")

    def summary(self, run: Run) -> Summary:
        """A logged run as the overview panels read it."""
        from ann_models.studies.overview import Summary

        with tempfile.TemporaryDirectory() as folder:
            curves = self.client.download_artifacts(run.info.run_id, "curves.npz", folder)
            return Summary(
                name=run.data.tags[tags.VARIANT],
                parameters=run.data.params,
                metrics=run.data.metrics,
                curves=archives.read(Path(curves)),
            )

    def end_orphaned_runs(self) -> list[str]:
        """End the runs whose process on this machine was killed before it could.

        Returns:
            Their ids.
        """
        ended = []
        for run in self.runs("attributes.status = 'RUNNING'"):
            if has_ended(run.data.tags.get(tags.PROCESS, "")):
                self._end(run.info.run_id, "KILLED", "its process was killed")
                ended.append(run.info.run_id)
        return ended

    def end_unfinished_runs(
        self, pipeline_run_id: str, variant: str = "", parent: str = ""
    ) -> None:
        """End the runs of a flow run that no worker writes any more.

        Args:
            pipeline_run_id: the flow run.
            variant: if given, only this variant's.
            parent: if given, only the children of this run.
        """
        condition = (
            f"attributes.status = 'RUNNING' AND tags.{tags.PIPELINE_RUN_ID} = '{pipeline_run_id}'"
        )
        if variant:
            condition += f" AND tags.{tags.VARIANT} = '{variant}'"
        if parent:
            condition += f" AND tags.{tags.PARENT_RUN} = '{parent}'"
        for run in self.runs(condition):
            self._end(run.info.run_id, "KILLED", "its worker was lost, or the job interrupted")
