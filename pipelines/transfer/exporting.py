"""A run with its models and versions, written to one file for another store."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mlflow.entities import DatasetInput, Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

from pipelines.errors import WrongUse
from pipelines.registry import client as registry
from pipelines.registry.artifact_reader import HASHED, check_files
from pipelines.registry.client import MODEL_NAMES, Registry
from pipelines.tracking.client import Tracking
from pipelines.tracking.tags import (
    CHANGE,
    DATA_CONTEXT,
    LATEST,
    NOTE,
    PICTURES,
    PROCESS,
    SOURCE_NAME,
    USER,
)
from pipelines.transfer import bundle

NOT_OURS = {PROCESS, LATEST, USER}  # tags that say something of this store
WITH_PATHS = {
    "data",
    f"{CHANGE}data",
    PICTURES,
    SOURCE_NAME,
}  # parameters and tags that may name a file
FOLDERS = re.compile(r"(?<![^\s:=])~?/(?:[^\s/]+/)*")  # of an absolute path


def export(tracking: Tracking, reg: Registry, subject: str, file: Path) -> bundle.Manifest:
    """Write a run, its artifacts, models and registered versions to a file.

    Args:
        tracking: the store.
        reg: its registry.
        subject: a run's id; `champion`, `previous` or `challenger`, of MNIST if there is one; or a
            version as NAME/NUMBER.
        file: does not exist yet.

    Raises:
        WrongUse: there is no such run or version, it is still active, the file is impossible, or
            no store would import it.
        RegistryError: a file of a registered version is missing in the artifact store, or altered.
    """
    run = _run_of(tracking, reg, subject)
    run_id, client = run.info.run_id, tracking.client
    if run.info.end_time is None:
        raise WrongUse(f"run {run_id} is {run.info.status}: it can be exported when it has ended.")
    registered = client.search_model_versions(f"run_id = '{run_id}'")
    for entry in registered:
        if why := _why_not(entry):
            raise WrongUse(f"{entry.name}/{entry.version} of run {run_id} {why}.")
    experiment = client.get_experiment(run.info.experiment_id)
    outputs = run.outputs.model_outputs if run.outputs else []
    logged = [client.get_logged_model(output.model_id) for output in outputs]
    places = {model.artifact_location: i for i, model in enumerate(logged)}
    folder = _folder(run.data.params.get("data", ""))
    manifest = bundle.Manifest(
        experiment=experiment.name,
        question=experiment.tags.get("question", ""),
        note=experiment.tags.get(NOTE, ""),
        run=bundle.Run(
            id=run_id,
            name=run.info.run_name,
            status=run.info.status,
            start=run.info.start_time,
            end=run.info.end_time,
            params=_portable(run.data.params, folder),
            tags=_portable({k: v for k, v in run.data.tags.items() if k not in NOT_OURS}, folder),
            metrics=[
                (m.key, m.value, m.timestamp, m.step)
                for name in sorted(run.data.metrics)
                for m in client.get_metric_history(run_id, name)
            ],
            inputs=[_data_input(d) for d in (run.inputs.dataset_inputs if run.inputs else [])],
        ),
        models=[
            bundle.Model(
                name=model.name,
                params=_portable(model.params, folder),
                tags={k: v for k, v in model.tags.items() if k != MLFLOW_MODEL_VERSIONS},
            )
            for model in logged
        ],
        versions=[
            bundle.Version(
                name=entry.name,
                number=str(entry.version),
                model=places[entry.source],
                aliases=list(reg.version(entry.name, str(entry.version)).aliases),
                tags=entry.tags,
            )
            for entry in registered
            if entry.source in places
        ],
        files={},
    )
    with tempfile.TemporaryDirectory() as temporary:
        content = Path(temporary)
        _download(run.info.artifact_uri, content / "run", tracking)
        for i, model in enumerate(logged):
            _download(model.artifact_location, content / "models" / str(i), tracking)
        for entry in registered:
            if entry.source in places:
                place = content / "models" / str(places[entry.source])
                check_files(reg.version(entry.name, str(entry.version)), place)
        bundle.pack(content, manifest, file)
    return manifest


def _run_of(tracking: Tracking, reg: Registry, subject: str) -> Run:
    name, slash, number = subject.partition("/")
    run_id = subject
    if slash:
        run_id = reg.version(name, number).run_id
    elif subject in (registry.CHAMPION, registry.PREVIOUS, registry.CHALLENGER):
        holders = [v for n in MODEL_NAMES.values() for v in reg.versions(n) if subject in v.aliases]
        if not holders:
            raise WrongUse(f"there is no {subject} yet; `ann models` lists what is registered.")
        run_id = holders[0].run_id
    try:
        return tracking.client.get_run(run_id)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        raise WrongUse(
            f"there is no run {run_id!r}; name a run's id, champion, previous, challenger, or a "
            "version as mnist-digits/3."
        ) from error


def _folder(data: str) -> str:
    """The folder of own points or pictures, which may have spaces in its name; "" of others."""
    return data[data.index("/") : data.rindex("/") + 1] if "/" in data else ""


def _portable(texts: Mapping[str, str], folder: str) -> dict[str, str]:
    """Parameters or tags without the folders of this machine: files by their names."""
    return {
        name: FOLDERS.sub("", text.replace(folder, "")) if name in WITH_PATHS else text
        for name, text in texts.items()
    }


def _why_not(entry: ModelVersion) -> str:
    """Why no store would import a version; "" if it would."""
    if entry.name not in MODEL_NAMES.values():
        return "is of an image data set or of another tool: only digit models are exported"
    if lacking := [tag for tag in HASHED if tag not in entry.tags]:
        return f"has no tag {lacking[0]}: what another tool registered is not imported"
    return ""


def _data_input(found: DatasetInput) -> bundle.DataInput:
    data = found.dataset
    context = next((tag.value for tag in found.tags if tag.key == DATA_CONTEXT), "")
    return bundle.DataInput(
        name=data.name,
        digest=data.digest,
        source_type=data.source_type,
        source=data.source,
        profile=data.profile,
        context=context,
    )


def _download(uri: str, folder: Path, tracking: Tracking) -> None:
    folder.mkdir(parents=True)
    place = get_artifact_repository(uri, tracking.settings.tracking_uri)
    if place.list_artifacts():
        place.download_artifacts("", str(folder))
